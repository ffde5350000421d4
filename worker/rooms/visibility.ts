/** Which events a user may see: the only place that decides it, for every read. The rules are `shared/matrix/visibility.ts`. */

import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
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
import type { StateFilter } from '../storage/state-groups.ts'
import type { ErasedUsers } from './erased-users.ts'
import type { EventStore, KnownEvent } from './event-store.ts'
import type { IgnoredUsers } from './ignored-users.ts'
import type { Memberships } from './memberships.ts'
import type { StateStore } from './state-store.ts'

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

export interface VisibilityDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get' | 'peek'>
  readonly state: Pick<StateStore, 'some' | 'before'>
  readonly memberships: Pick<Memberships, 'of'>
  readonly ignoredUsers: IgnoredUsers
  readonly erasedUsers: ErasedUsers
}

const HISTORY_VISIBILITY: StateFilter = { type: 'm.room.history_visibility', stateKey: '' }
const JOIN_RULES: StateFilter = { type: 'm.room.join_rules', stateKey: '' }

/** What the rules ask of the state before an event. */
interface Deciding {
  readonly historyVisibility: RoomEvent | undefined
  readonly member: RoomEvent | undefined
  readonly joinRule: string | undefined
}

export function makeVisibility({
  db,
  events: store,
  state,
  memberships,
  ignoredUsers,
  erasedUsers,
}: VisibilityDeps): Visibility {
  const deciding = (map: StateMap, userId: UserId, eventOf: (eventId: EventId) => RoomEvent | undefined): Deciding => {
    const at = (type: string, stateKey: string) => {
      const eventId = map.get(type)?.get(stateKey)
      return eventId === undefined ? undefined : eventOf(eventId)
    }
    const joinRule = at('m.room.join_rules', '')?.content.join_rule
    return {
      historyVisibility: at('m.room.history_visibility', ''),
      member: at('m.room.member', userId),
      joinRule: typeof joinRule === 'string' ? joinRule : undefined,
    }
  }

  /** The events that these maps name among what decides, of all of them at once. */
  const eventsOf = async (maps: Iterable<StateMap>, userId: UserId) => {
    const found = new Map<EventId, RoomEvent>()
    const missing = new Set<EventId>()
    const want = (eventId: EventId | undefined): void => {
      if (eventId === undefined || found.has(eventId)) return
      const known = store.peek(eventId)
      if (known === undefined) missing.add(eventId)
      else found.set(eventId, known.event)
    }
    for (const map of maps) {
      want(map.get('m.room.history_visibility')?.get(''))
      want(map.get('m.room.member')?.get(userId))
      want(map.get('m.room.join_rules')?.get(''))
    }
    if (missing.size > 0) for (const [eventId, { event }] of await store.get([...missing])) found.set(eventId, event)
    return (eventId: EventId) => found.get(eventId)
  }

  /** Of each event with state, what decides before it. */
  const decidingBefore = async (userId: UserId, events: readonly KnownEvent[]) => {
    const groups = new Set<number>()
    // Those that change what decides: the state after them is not that before.
    const changing: KnownEvent[] = []
    let asksJoinRules = false
    for (const known of events) {
      if (known.isOutlier || known.stateGroup === undefined) continue
      if (changesWhatDecides(known.event, userId)) changing.push(known)
      else groups.add(known.stateGroup)
      if (known.event.type === 'm.call.invite') asksJoinRules = true
    }
    const filters = [
      HISTORY_VISIBILITY,
      { type: 'm.room.member', stateKey: userId },
      ...(asksJoinRules ? [JOIN_RULES] : []),
    ]
    const [ofGroups, ...before] = await Promise.all([
      groups.size === 0 ? NO_GROUPS : state.some([...groups], filters),
      ...changing.map(state.before),
    ])
    const eventOf = await eventsOf([...ofGroups.values(), ...before], userId)
    const byGroup = new Map<number, Deciding>()
    for (const [group, map] of ofGroups) byGroup.set(group, deciding(map, userId, eventOf))
    const byEvent = new Map<KnownEvent, Deciding>()
    for (const [i, known] of changing.entries()) byEvent.set(known, deciding(before[i]!, userId, eventOf))
    return (known: KnownEvent): Deciding | undefined => {
      if (known.isOutlier || known.stateGroup === undefined) return undefined
      // A group that has none of what was asked for may not be there at all.
      return byEvent.get(known) ?? byGroup.get(known.stateGroup) ?? NOTHING
    }
  }

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
        decidingBefore(userId, events),
        ignoredUsers.of(userId),
        erasedUsers.among(new Set(events.map(({ event }) => event.sender))),
      ])
      const views = events.map((known) => {
        const decides = before(known)
        return decides === undefined ? undefined : viewOf(known.event, lookupIn(decides, userId), userId, false)
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
      if (event.isOutlier || event.stateGroup === undefined) return false
      const filters = [HISTORY_VISIBILITY, { type: 'm.room.member', stateKey: userId }]
      const map = (await state.some([event.stateGroup], filters)).get(event.stateGroup)
      const { historyVisibility, member } =
        map === undefined ? NOTHING : deciding(map, userId, await eventsOf([map], userId))
      // The room is as it is after the event: nothing changes in it.
      const nothing = { type: '', stateKey: undefined, content: {} }
      const view = viewOf(nothing, lookupIn({ historyVisibility, member }, userId), userId, false)
      if (!isSharedWithLaterMembers(view)) return judge(view).sees
      const joinedSince = await joinedSinceIn(userId, new Set([event.event.roomId]))
      return judge({ ...view, joinedSince: joinedSince(event) }).sees
    },
  }
}

const NO_GROUPS: ReadonlyMap<number, StateMap> = new Map()
const NOTHING: Deciding = { historyVisibility: undefined, member: undefined, joinRule: undefined }
/** Nothing but what is kept from all clients is kept from them. */
const AS_MEMBER: View = {
  historyVisibility: { before: 'shared', after: 'shared' },
  membership: { before: 'join', after: 'join' },
  joinedSince: true,
}

const isOwnMember = ({ type, stateKey }: RoomEvent, userId: UserId): boolean =>
  type === 'm.room.member' && stateKey === userId

const changesWhatDecides = (event: RoomEvent, userId: UserId): boolean =>
  isOwnMember(event, userId) || (event.type === 'm.room.history_visibility' && event.stateKey === '')

const lookupIn =
  ({ historyVisibility, member }: Pick<Deciding, 'historyVisibility' | 'member'>, userId: UserId) =>
  (type: string, stateKey: string): RoomEvent | undefined => {
    if (type === 'm.room.member') return stateKey === userId ? member : undefined
    return type === 'm.room.history_visibility' && stateKey === '' ? historyVisibility : undefined
  }

/** Whether it matters if the user joined after it: those who were there see it anyway. */
const isSharedWithLaterMembers = ({ historyVisibility, membership }: View): boolean =>
  (historyVisibility.before === 'shared' || historyVisibility.after === 'shared') &&
  membership.before !== 'join' &&
  membership.after !== 'join'

const precedes = (known: KnownEvent, departure: Departure | undefined): boolean =>
  departure !== undefined &&
  (known.topologicalOrdering < departure.topologicalOrdering ||
    (known.topologicalOrdering === departure.topologicalOrdering && known.streamOrdering < departure.streamOrdering))
