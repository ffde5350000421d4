/**
 * What of a room's state decides whether somebody sees an event: its history visibility, their membership, its join rule. State
 * groups never change, and neither do these parts of them.
 */

import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { EventId, UserId } from '../../shared/matrix/ids.ts'
import type { StateLookup, StateMap } from '../../shared/matrix/state-map.ts'
import { makeLru } from '../lru.ts'
import type { EventStore, KnownEvent } from './event-store.ts'
import type { StateStore } from './state-store.ts'

export interface Deciding {
  /** Of the viewer's membership and the history visibility; of nothing else. */
  readonly lookup: StateLookup
  readonly joinRule: string | undefined
}

export interface DecidingState {
  /** Of each of these events, of any rooms, what decides before it. Undefined where there is no state, or it cannot be read. */
  readonly before: (
    userId: UserId,
    events: readonly KnownEvent[],
  ) => Promise<(known: KnownEvent) => Deciding | undefined>
  /** What decides after an event. */
  readonly after: (userId: UserId, known: KnownEvent) => Promise<Deciding | undefined>
}

export interface DecidingStateDeps {
  readonly events: Pick<EventStore, 'get' | 'peek'>
  readonly state: Pick<StateStore, 'some' | 'before'>
}

/** Of users and state groups: 200 bytes each, and the events of them, which are few. */
const MAX_ENTRIES = 100_000

export function makeDecidingState({ events: store, state }: DecidingStateDeps): DecidingState {
  const kept = makeLru<string, Deciding>(MAX_ENTRIES)
  const keyOf = (userId: UserId, group: number): string => `${group} ${userId}`

  /** The events that these maps name, of all of them at once. */
  const eventsIn = async (maps: Iterable<StateMap>, userId: UserId) => {
    const found = new Map<EventId, RoomEvent>()
    const missing = new Set<EventId>()
    for (const map of maps)
      for (const { type, stateKey } of filtersFor(userId)) {
        const eventId = map.get(type)?.get(stateKey)
        if (eventId === undefined || found.has(eventId)) continue
        const known = store.peek(eventId)
        if (known === undefined) missing.add(eventId)
        else found.set(eventId, known.event)
      }
    if (missing.size > 0) for (const [eventId, { event }] of await store.get([...missing])) found.set(eventId, event)
    return found
  }

  /** Nobody is shown anything where an event of the state is not there: it may be what forbids it. */
  const decidingIn = (map: StateMap, userId: UserId, events: ReadonlyMap<EventId, RoomEvent>): Deciding | undefined => {
    const [historyVisibility, member, joinRules] = filtersFor(userId).map(({ type, stateKey }) => {
      const eventId = map.get(type)?.get(stateKey)
      return eventId === undefined ? undefined : (events.get(eventId) ?? 'unreadable')
    })
    if (historyVisibility === 'unreadable' || member === 'unreadable' || joinRules === 'unreadable') return undefined
    const joinRule = joinRules?.content.join_rule
    return {
      lookup: (type, stateKey) => {
        if (type === 'm.room.member') return stateKey === userId ? member : undefined
        return type === 'm.room.history_visibility' && stateKey === '' ? historyVisibility : undefined
      },
      joinRule: typeof joinRule === 'string' ? joinRule : undefined,
    }
  }

  const ofGroups = async (userId: UserId, groups: ReadonlySet<number>, changed: readonly KnownEvent[]) => {
    const byGroup = new Map<number, Deciding>()
    let missing: number[] | undefined
    for (const group of groups) {
      const deciding = kept.get(keyOf(userId, group))
      if (deciding === undefined) missing = [...(missing ?? []), group]
      else byGroup.set(group, deciding)
    }
    if (missing === undefined && changed.length === 0) return { byGroup, before: NO_STATES, events: NO_EVENTS }
    const filters = filtersFor(userId)
    const [maps, before] = await Promise.all([
      missing === undefined ? NO_GROUPS : state.some(missing, filters),
      changed.length === 0 ? NO_STATES : state.before(changed, filters),
    ])
    const events = await eventsIn([...maps.values(), ...before], userId)
    for (const group of missing ?? []) {
      // A group of which nothing decides may not be among the answers.
      const deciding = decidingIn(maps.get(group) ?? NOTHING, userId, events)
      if (deciding === undefined) continue
      byGroup.set(group, deciding)
      kept.set(keyOf(userId, group), deciding)
    }
    return { byGroup, before, events }
  }

  return {
    async before(userId, events) {
      const groups = new Set<number>()
      // Those that change what decides: the state after them is not that before.
      const changing: KnownEvent[] = []
      for (const known of events)
        if (!known.isOutlier && known.stateGroup !== undefined) {
          if (changesWhatDecides(known.event, userId)) changing.push(known)
          else groups.add(known.stateGroup)
        }
      const { byGroup, before, events: found } = await ofGroups(userId, groups, changing)
      const byEvent = new Map(changing.map((known, i) => [known, decidingIn(before[i]!, userId, found)] as const))
      return (known) => {
        if (known.isOutlier || known.stateGroup === undefined) return undefined
        return byEvent.has(known) ? byEvent.get(known) : byGroup.get(known.stateGroup)
      }
    },
    async after(userId, { isOutlier, stateGroup }) {
      if (isOutlier || stateGroup === undefined) return undefined
      return (await ofGroups(userId, new Set([stateGroup]), [])).byGroup.get(stateGroup)
    },
  }
}

const NO_EVENTS: ReadonlyMap<EventId, RoomEvent> = new Map()
const NO_GROUPS: ReadonlyMap<number, StateMap> = new Map()
const NO_STATES: readonly StateMap[] = []
const NOTHING: StateMap = new Map()

const filtersFor = (userId: UserId) => [
  { type: 'm.room.history_visibility', stateKey: '' },
  { type: 'm.room.member', stateKey: userId },
  { type: 'm.room.join_rules', stateKey: '' },
]

const changesWhatDecides = ({ type, stateKey }: RoomEvent, userId: UserId): boolean =>
  (type === 'm.room.member' && stateKey === userId) ||
  (type === 'm.room.history_visibility' && stateKey === '') ||
  (type === 'm.room.join_rules' && stateKey === '')
