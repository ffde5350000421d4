/** Which events a user may see: the only place that decides it, for every read. The rules are `shared/matrix/visibility.ts`. */

import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import {
  joinedSince as hasJoinedSince,
  judge,
  membershipIn,
  sentToClient,
  type View,
  viewOf,
} from '../../shared/matrix/visibility.ts'
import type { Queries } from '../storage/db.ts'
import { type Departure, selectDepartures } from '../storage/memberships.ts'
import { type DecidingStateDeps, makeDecidingState } from './deciding-state.ts'
import type { ErasedUsers } from './erased-users.ts'
import type { KnownEvent } from './event-store.ts'
import type { IgnoredUsers } from './ignored-users.ts'
import type { Memberships } from './memberships.ts'

export interface VisibleEvent {
  readonly known: KnownEvent
  /**
   * The user's membership after the event, for `unsigned.membership`. Undefined where an event is given as a part of the
   * room's state, not as something that happened: then it is printed without, and without what it replaced.
   */
  readonly membership: string | undefined
  /** The sender's data were erased, and the user was not there: only what redaction leaves may be shown. */
  readonly isPruned: boolean
}

/** An event as a part of the room's state, which whoever may see the state may see. */
export const asState = (known: KnownEvent): VisibleEvent => ({ known, membership: undefined, isPruned: false })

export interface VisibilityOptions {
  /** Not a member, and only looking in (world-readable rooms). */
  readonly isPeeking?: boolean
  /** Events that are shown whatever the state at them says: the user's own membership event in a room that they left. */
  readonly alwaysInclude?: ReadonlySet<string>
}

export interface Visibility {
  /** Of these events, of any rooms, those that the user may see, in the same order. State is read for all of them at once. */
  readonly filter: (
    userId: UserId,
    events: readonly KnownEvent[],
    options?: VisibilityOptions,
  ) => Promise<readonly VisibleEvent[]>
  /** Whether the user may see the state that there is after this event. */
  readonly seesStateAfter: (userId: UserId, event: KnownEvent) => Promise<boolean>
}

export interface VisibilityDeps extends DecidingStateDeps {
  readonly db: Queries
  readonly memberships: Pick<Memberships, 'of'>
  readonly ignoredUsers: IgnoredUsers
  readonly erasedUsers: ErasedUsers
}

export function makeVisibility(deps: VisibilityDeps): Visibility {
  const { db, memberships, ignoredUsers, erasedUsers } = deps
  const deciding = makeDecidingState(deps)

  /** Whether the user joined each of these rooms at some time after an event of it. */
  const joinedSinceIn = async (userId: UserId, roomIds: ReadonlySet<RoomId>) => {
    const rooms = [...roomIds]
    const own = await Promise.all(rooms.map((roomId) => memberships.of(userId, roomId)))
    const now = new Map(rooms.map((roomId, i) => [roomId, own[i]?.membership ?? 'leave'] as const))
    const left = rooms.filter((_, i) => own[i]?.membership === 'leave' || own[i]?.membership === 'ban')
    const departures = new Map<RoomId, Departure>()
    if (left.length > 0)
      for (const departure of await selectDepartures(db, userId, left)) departures.set(departure.roomId, departure)
    return (known: KnownEvent): boolean =>
      hasJoinedSince(now.get(known.event.roomId)!, precedes(known, departures.get(known.event.roomId)))
  }

  return {
    async filter(userId, events, { isPeeking = false, alwaysInclude } = {}) {
      if (events.length === 0) return []
      const [before, ignored, erased] = await Promise.all([
        deciding.before(userId, events),
        ignoredUsers.of(userId),
        erasedUsers.among(new Set(events.map(({ event }) => event.sender))),
      ])
      const views = events.map((known) => {
        const decides = before(known)
        return decides === undefined ? undefined : viewOf(known.event, decides.lookup, userId, false)
      })

      let joinedSince: ((known: KnownEvent) => boolean) | undefined
      if (!isPeeking) {
        const rooms = new Set<RoomId>()
        for (const [i, view] of views.entries())
          if (view !== undefined && isSharedWithLaterMembers(view)) rooms.add(events[i]!.event.roomId)
        if (rooms.size > 0) joinedSince = await joinedSinceIn(userId, rooms)
      }

      const visible: VisibleEvent[] = []
      for (const [i, known] of events.entries()) {
        const { event } = known
        let view = views[i]
        if (view !== undefined && joinedSince !== undefined && isSharedWithLaterMembers(view))
          view = { ...view, joinedSince: joinedSince(known) }
        const isIncluded = alwaysInclude?.has(event.eventId) ?? false
        const sent = sentToClient(event, userId, isIncluded ? AS_MEMBER : view, {
          isSoftFailed: known.metadata.isSoftFailed,
          isOutlier: known.isOutlier && !isIncluded,
          isSenderIgnored: ignored.has(event.sender),
          isSenderErased: erased.has(event.sender),
          joinRule: event.type === 'm.call.invite' ? before(known)?.joinRule : undefined,
          oldestKept: undefined,
        })
        if (sent === 'not') continue
        const membership =
          view?.membership.after ?? membershipIn(isOwnMember(event, userId) ? event.content : undefined)
        visible.push({ known, membership, isPruned: sent === 'redacted' })
      }
      return visible
    },

    async seesStateAfter(userId, event) {
      const after = await deciding.after(userId, event)
      if (after === undefined) return false
      // The room is as it is after the event: nothing changes in it.
      const nothing = { type: '', stateKey: undefined, content: {} }
      const view = viewOf(nothing, after.lookup, userId, false)
      if (!isSharedWithLaterMembers(view)) return judge(view).sees
      const joinedSince = await joinedSinceIn(userId, new Set([event.event.roomId]))
      return judge({ ...view, joinedSince: joinedSince(event) }).sees
    },
  }
}

/** Nothing but what is kept from all clients is kept from them. */
const AS_MEMBER: View = {
  historyVisibility: { before: 'shared', after: 'shared' },
  membership: { before: 'join', after: 'join' },
  joinedSince: true,
}

const isOwnMember = ({ type, stateKey }: RoomEvent, userId: UserId): boolean =>
  type === 'm.room.member' && stateKey === userId

/** Whether it matters if the user joined after it: those who were there see it anyway. */
const isSharedWithLaterMembers = ({ historyVisibility, membership }: View): boolean =>
  (historyVisibility.before === 'shared' || historyVisibility.after === 'shared') &&
  membership.before !== 'join' &&
  membership.after !== 'join'

const precedes = (known: KnownEvent, departure: Departure | undefined): boolean =>
  departure !== undefined &&
  (known.topologicalOrdering < departure.topologicalOrdering ||
    (known.topologicalOrdering === departure.topologicalOrdering && known.streamOrdering < departure.streamOrdering))
