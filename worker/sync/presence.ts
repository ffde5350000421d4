/** `presence`: who of those with whom the user shares a room is online (client-server-api, "Presence"). */

import type { EventFilter } from '../../shared/matrix/filter/event-filter.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { type JsonText, jsonTextOf } from '../json-text.ts'
import type { Online } from '../presence/online.ts'
import { type PresenceTimes, presenceContent } from '../presence/state.ts'
import type { KnownEvent } from '../rooms/event-store.ts'
import type { Memberships, OwnMembership } from '../rooms/memberships.ts'
import type { StreamToken } from '../streams/tokens.ts'
import { isBetween } from '../streams/vector-clock.ts'
import { eventsOf, type SyncRequest } from './request.ts'
import type { RoomPlan } from './room-plans.ts'
import type { RoomStates } from './room-state.ts'
import type { Timeline } from './timelines.ts'

export interface PresenceSettings {
  /** Without it nothing is told, but what changed while there was presence. */
  readonly isEnabled: boolean
  /** A first sync tells also of who is offline. */
  readonly includeOffline: boolean
  readonly times: PresenceTimes
}

export interface PresenceSectionDeps {
  readonly online: Pick<Online, 'ready' | 'upTo' | 'changed' | 'selectChanged' | 'inRooms' | 'of' | 'onChange'>
  readonly settings: PresenceSettings
  readonly memberships: Pick<Memberships, 'joined'>
}

/** Who comes to share a room with more than so many is not told of those of them that are offline. */
const MAX_NEW_USERS = 1_000
const NOBODY: ReadonlySet<UserId> = new Set()

/** `now`, as far as it is known who is to be told of what. */
export function withPresence(
  { online }: Pick<PresenceSectionDeps, 'online'>,
  now: StreamToken,
  since: StreamToken | undefined,
): StreamToken {
  const presence = Math.min(now.presence, Math.max(online.upTo(), since?.presence ?? 0))
  return presence === now.presence ? now : { ...now, presence }
}

/** False: nothing of it is new for the user. */
export function mayHavePresence(
  { online }: Pick<PresenceSectionDeps, 'online'>,
  { userId, filter }: SyncRequest,
  own: ReadonlyMap<RoomId, OwnMembership>,
  since: StreamToken,
  now: StreamToken,
): boolean {
  if (since.presence >= now.presence || filter.presence.passesNothing) return false
  return online.changed(userId, own, since.presence, now.presence)?.size !== 0
}

/**
 * Those of whom the answer says that they joined a room of the user's, and not that they left it again. Synapse tells also of who
 * was invited, whom the user could ask to any room to learn that, and of who is gone.
 */
export function newUsers(
  { userId, since, useStateAfter }: SyncRequest,
  rooms: readonly RoomPlan[],
  timelines: ReadonlyMap<RoomId, Timeline>,
  states: RoomStates,
): ReadonlySet<UserId> {
  if (since === undefined) return NOBODY
  const found = new Set<UserId>()
  for (const { kind, roomId } of rooms) {
    if (kind !== 'join') continue
    const joined = new Map<string, boolean>()
    const look = ({ event: { type, stateKey, content } }: KnownEvent) => {
      if (type === 'm.room.member' && stateKey !== undefined) joined.set(stateKey, content.membership === 'join')
    }
    const [state, timeline] = [states.byRoom.get(roomId) ?? [], timelines.get(roomId)?.events ?? []]
    if (!useStateAfter) state.forEach(look)
    for (const { known } of timeline) look(known)
    if (useStateAfter) state.forEach(look)
    for (const [other, isIn] of joined) if (isIn) found.add(other as UserId)
  }
  found.delete(userId)
  return found
}

export async function loadPresence(
  deps: PresenceSectionDeps,
  request: SyncRequest,
  own: ReadonlyMap<RoomId, OwnMembership>,
  rooms: readonly RoomPlan[],
  fresh: ReadonlySet<UserId>,
  now: StreamToken,
  clock: number,
): Promise<readonly JsonText[]> {
  const { online, settings } = deps
  const { userId, since, fullState, filter } = request
  const isBehind = since !== undefined && since.presence < now.presence
  if (filter.presence.passesNothing || (!settings.isEnabled && !isBehind)) return []
  // Memberships are those of this moment: who came after `now` may not have met who left before.
  const isIn = ({ membership, instanceName, streamOrdering }: OwnMembership) =>
    membership === 'join' && isBetween(undefined, eventsOf(now), instanceName, streamOrdering)
  const joined = () => [...own.values()].flatMap((entry) => (isIn(entry) ? entry.roomId : []))

  const users = new Set<UserId>()
  if (since === undefined || fullState) {
    users.add(userId)
    if (settings.includeOffline)
      for (const roomId of joined()) for (const member of await deps.memberships.joined(roomId)) users.add(member)
    else for (const other of online.inRooms(joined())) users.add(other)
  } else if (isBehind) {
    const { presence: from } = since
    const changed =
      online.changed(userId, own, from, now.presence) ??
      (await online.selectChanged(userId, joined(), from, now.presence))
    for (const other of changed) users.add(other)
  }
  const withOffline = settings.includeOffline || (since !== undefined && !fullState)
  const states = new Map<UserId, JsonText>()
  const tell = async (of: Iterable<UserId>, tellsOffline: boolean) => {
    for (const [other, state] of await online.of(of))
      if (tellsOffline || state.state !== 'offline') {
        const text = eventText(other, presenceContent(state, clock, settings.times), filter.presence)
        if (text !== undefined) states.set(other, text)
      }
  }
  if (users.size > 0) await tell(users, withOffline)

  const met = new Set(fresh)
  if (since !== undefined)
    for (const { kind, roomId, from } of rooms)
      if (kind === 'join' && from === undefined)
        for (const member of await deps.memberships.joined(roomId)) met.add(member)
  met.delete(userId)
  if (met.size > MAX_NEW_USERS)
    await tell(
      [...online.inRooms(joined())].filter((other) => met.has(other)),
      true,
    )
  else if (met.size > 0) await tell(met, true)
  return [...states.values()]
}

function eventText(
  sender: UserId,
  content: ReturnType<typeof presenceContent>,
  filter: EventFilter,
): JsonText | undefined {
  return filter.passes({ type: 'm.presence', sender, content })
    ? jsonTextOf({ type: 'm.presence', sender, content })
    : undefined
}
