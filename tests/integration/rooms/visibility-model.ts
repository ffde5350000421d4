/**
 * Who may see which event of a room whose history is a line, by the words of the specification (client-server-api, "Room History
 * Visibility", "Server behaviour"), and nothing of the worker's: one list of all that happened, gone through for each question.
 */

export interface Happened {
  readonly eventId: string
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: string
  readonly content: { readonly membership?: string; readonly history_visibility?: string }
}

export interface Viewer {
  readonly userId: string
  readonly ignores: ReadonlySet<string>
}

export interface History {
  readonly add: (event: Happened) => void
  readonly events: readonly Happened[]
  /** `leave` of who was never there. */
  readonly membershipOf: (userId: string) => string
  readonly maySee: (viewer: Viewer, at: number) => boolean
  /** Who was in the room at the event has it whole, whatever its sender asked for later. */
  readonly wasThere: (userId: string, at: number) => boolean
  /** The room's state as it was after the event. */
  readonly maySeeStateAfter: (userId: string, at: number) => boolean
  readonly isWorldReadable: () => boolean
}

export function makeHistory(): History {
  const events: Happened[] = []

  /** After the first `count` events. */
  const valueAfter = (count: number, type: string, stateKey: string): Happened['content'] | undefined => {
    for (let i = count - 1; i >= 0; i--)
      if (events[i]!.type === type && events[i]!.stateKey === stateKey) return events[i]!.content
    return undefined
  }
  const visibilityAfter = (count: number) =>
    valueAfter(count, 'm.room.history_visibility', '')?.history_visibility ?? 'shared'
  const membershipAfter = (count: number, userId: string) =>
    valueAfter(count, 'm.room.member', userId)?.membership ?? 'leave'
  const joinsAfter = (userId: string, at: number): boolean =>
    events.some((event, i) => i > at && event.stateKey === userId && event.content.membership === 'join')

  /** Before and after are both asked of. */
  const isSeen = (userId: string, visibilities: readonly string[], memberships: readonly string[], at: number) =>
    visibilities.includes('world_readable') ||
    memberships.includes('join') ||
    (visibilities.includes('shared') && joinsAfter(userId, at)) ||
    (visibilities.includes('invited') && memberships.includes('invite'))

  return {
    add: (event) => void events.push(event),
    events,
    membershipOf: (userId) => membershipAfter(events.length, userId),
    maySee({ userId, ignores }, at) {
      const { type, stateKey, sender } = events[at]!
      // Whoever is asked in, thrown out or banned is told so.
      if (type === 'm.room.member' && stateKey === userId) return true
      if (stateKey === undefined && ignores.has(sender)) return false
      const counts = [at, at + 1]
      return isSeen(
        userId,
        counts.map(visibilityAfter),
        counts.map((count) => membershipAfter(count, userId)),
        at,
      )
    },
    wasThere: (userId, at) => [at, at + 1].some((count) => membershipAfter(count, userId) === 'join'),
    maySeeStateAfter: (userId, at) => isSeen(userId, [visibilityAfter(at + 1)], [membershipAfter(at + 1, userId)], at),
    isWorldReadable: () => visibilityAfter(events.length) === 'world_readable',
  }
}
