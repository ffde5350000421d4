/**
 * The state section of rooms: what the client has to know besides the timeline. All of the state as it was at the start of
 * the timeline, or what of it changed since the last time. What the timeline itself says is not said twice.
 *
 * It is told from the current state and its changes, not from the state at events: of a room whose history forked the two
 * differ, and what the client is to end with is the current one.
 */

import type { EventFilter } from '../../shared/matrix/filter/event-filter.ts'
import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import type { EventStore, KnownEvent } from '../rooms/event-store.ts'
import type { StateStore } from '../rooms/state-store.ts'
import type { Queries } from '../storage/db.ts'
import type { Hero } from '../storage/memberships.ts'
import { isBetween } from '../streams/vector-clock.ts'
import type { SentMember, SentMembers } from './lazy-members.ts'
import type { Recent } from './recent.ts'
import type { RoomPlan } from './room-plans.ts'
import { loadStateChanges, type StateChange } from './state-changes.ts'
import { statesAtEnd } from './states-at-end.ts'
import type { Timeline } from './timelines.ts'

export interface StateDeps {
  readonly db: Queries
  readonly recent: Pick<Recent, 'events'>
  readonly events: Pick<EventStore, 'get'>
  readonly states: Pick<StateStore, 'current' | 'ofGroups'>
}

export interface StateOptions {
  readonly userId: UserId
  readonly filter: EventFilter
  /** `state_after`: as of the end of the timeline, what the timeline says too. */
  readonly isAfter: boolean
  readonly sent: SentMembers
  /** By room: whose membership events the client needs for the room's name. */
  readonly heroes: ReadonlyMap<RoomId, readonly Hero[]>
}

export interface RoomStates {
  readonly byRoom: ReadonlyMap<RoomId, readonly KnownEvent[]>
  /** Membership events that the client learns from this answer, where members are loaded lazily. */
  readonly members: readonly SentMember[]
}

/** An entry of the state, and the event that has it. */
interface Entry {
  readonly type: string
  readonly stateKey: string
  readonly eventId: EventId
}

export async function loadStates(
  deps: StateDeps,
  allPlans: readonly RoomPlan[],
  timelines: ReadonlyMap<RoomId, Timeline>,
  options: StateOptions,
): Promise<RoomStates> {
  const { filter } = options
  const plans = filter.passesNothing ? [] : allPlans.filter(({ isOutside }) => !isOutside)
  const rooms = plans.map((plan) => ({
    plan,
    timeline: timelines.get(plan.roomId)!,
    lazy: filter.lazyLoadMembers ? neededMembers(plan, timelines.get(plan.roomId)!, options) : undefined,
  }))
  const [changes, states] = await Promise.all([
    loadStateChanges(
      deps,
      plans.filter(({ isFullState, from }) => !isFullState && from !== undefined),
    ),
    statesAtEnd(
      deps,
      rooms.flatMap(({ plan, lazy }) => (plan.isFullState || (lazy !== undefined && lazy.size > 0) ? plan : [])),
    ),
  ])

  const wanted = rooms.map(({ plan, timeline, lazy }) => {
    const { roomId } = plan
    const state = states.get(roomId)
    const entries = plan.isFullState
      ? entriesOf(state!, lazy)
      : [
          ...changedEntries(changes.get(roomId) ?? [], timeline, options.isAfter, lazy !== undefined),
          ...(lazy === undefined || state === undefined ? [] : memberEntries(state, lazy)),
        ]
    return { plan, timeline, entries, heroes: lazy === undefined ? [] : (options.heroes.get(roomId) ?? []) }
  })

  const known = new Map(
    await deps.events.get(
      wanted.flatMap(({ entries, heroes }) => [
        ...entries.map(({ eventId }) => eventId),
        ...heroes.map(({ eventId }) => eventId),
      ]),
    ),
  )
  const choose = (missing: Set<EventId>) =>
    wanted.map(({ plan, timeline, entries }) => ({
      roomId: plan.roomId,
      timeline,
      events: asOf(plan, options.isAfter ? undefined : timeline, entries, known, missing),
    }))
  let chosen: ReturnType<typeof choose> = []
  for (let step = 0; step < MAX_STEPS; step++) {
    const missing = new Set<EventId>()
    chosen = choose(missing)
    const asked = [...missing].filter((eventId) => !known.has(eventId))
    if (asked.length === 0) break
    const replaced = await deps.events.get(asked)
    if (replaced.size === 0) break
    for (const [eventId, event] of replaced) known.set(eventId, event)
  }

  const byRoom = new Map<RoomId, readonly KnownEvent[]>()
  const members: SentMember[] = []
  for (const [index, { roomId, timeline, events }] of chosen.entries()) {
    const { plan, heroes } = wanted[index]!
    const all = new Map(events.map((event) => [event.event.eventId, event]))
    const shown = new Set(timeline.events.map((event) => event.known.event.eventId))
    for (const { eventId, userId } of heroes) {
      const event = known.get(eventId)
      if (
        event !== undefined &&
        !shown.has(eventId) &&
        (plan.isFullState || !options.sent.has({ roomId, userId, eventId }))
      )
        all.set(eventId, event)
    }
    const passing = [...all.values()].filter(({ event }) => filter.passes(event))
    byRoom.set(roomId, passing)
    if (filter.lazyLoadMembers)
      for (const { event } of [...passing, ...timeline.events.map((event) => event.known)])
        if (event.type === 'm.room.member' && event.stateKey !== undefined)
          members.push({ roomId, userId: event.stateKey, eventId: event.eventId })
  }
  return { byRoom, members }
}

/**
 * Whose membership events the client needs to show the timeline: of its senders, but for those whose membership the
 * timeline has told by then.
 */
function neededMembers(
  { roomId, isFullState }: RoomPlan,
  { events }: Timeline,
  { userId, filter, sent }: StateOptions,
): Members {
  const needed = new Set<string>()
  const told = new Set<string>()
  for (const { known } of events) {
    const { sender, type, stateKey } = known.event
    if (!told.has(sender)) needed.add(sender)
    if (type === 'm.room.member' && stateKey !== undefined) told.add(stateKey)
  }
  // Who the client is in the room it knows from its own membership event.
  if (isFullState) needed.add(userId)
  const isKnown = (member: string, eventId: EventId) =>
    !isFullState && !filter.includeRedundantMembers && sent.has({ roomId, userId: member, eventId })
  return { size: needed.size, needed, isKnown }
}

interface Members {
  readonly size: number
  readonly needed: ReadonlySet<string>
  readonly isKnown: (userId: string, eventId: EventId) => boolean
}

function entriesOf(state: StateMap, lazy: Members | undefined): Entry[] {
  const entries: Entry[] = []
  for (const [type, keys] of state)
    if (lazy === undefined || type !== 'm.room.member')
      for (const [stateKey, eventId] of keys) entries.push({ type, stateKey, eventId })
  if (lazy !== undefined) entries.push(...memberEntries(state, lazy))
  return entries
}

function memberEntries(state: StateMap, { needed, isKnown }: Members): Entry[] {
  const members = state.get('m.room.member')
  const entries: Entry[] = []
  for (const userId of needed) {
    const eventId = members?.get(userId)
    if (eventId !== undefined && !isKnown(userId, eventId))
      entries.push({ type: 'm.room.member', stateKey: userId, eventId })
  }
  return entries
}

/**
 * What changed: each entry as it was at the start of the timeline, if it changed before that, and as it is at the end, unless
 * the timeline says so. The latter is what forks of history leave, and what the timeline's filter leaves out.
 */
function changedEntries(
  changes: readonly StateChange[],
  { events }: Timeline,
  isAfter: boolean,
  withoutMembers: boolean,
): Entry[] {
  if (changes.length === 0) return []
  const start = events[0]?.known.streamOrdering ?? Number.POSITIVE_INFINITY
  const [before, last] = [new Map<string, Entry>(), new Map<string, Entry>()]
  for (const { type, stateKey, eventId, position } of changes) {
    if (withoutMembers && type === 'm.room.member') continue
    const key = `${type}\0${stateKey}`
    for (const entries of position < start ? [before, last] : [last])
      if (eventId === null) entries.delete(key)
      else entries.set(key, { type, stateKey, eventId })
  }
  if (isAfter) return [...last.values()]
  const shown = new Set(events.map(({ known }) => known.event.eventId))
  const told = new Map([...before.values(), ...last.values()].map((entry) => [entry.eventId, entry]))
  return [...told.values()].filter(({ eventId }) => !shown.has(eventId))
}

/**
 * Entries as they were at the start of `timeline`, or without one at the end of what is told: the current state may be newer,
 * as it is of this moment. What an event replaced it says itself (`replaces_state`). What is needed for that and not known is
 * added to `missing`.
 */
function asOf(
  { upTo }: RoomPlan,
  timeline: Timeline | undefined,
  entries: readonly Entry[],
  known: ReadonlyMap<EventId, KnownEvent>,
  missing: Set<EventId>,
): readonly KnownEvent[] {
  const shown = new Set<EventId>()
  /** The first that the timeline says of an entry. */
  const firsts = new Map<string, KnownEvent>()
  for (const event of timeline?.events ?? []) {
    const { eventId, type, stateKey } = event.known.event
    shown.add(eventId)
    if (stateKey === undefined) continue
    const key = `${type}\0${stateKey}`
    if (!firsts.has(key)) firsts.set(key, event.known)
  }
  const found: KnownEvent[] = []
  for (const { type, stateKey, eventId } of entries) {
    let event = known.get(eventId)
    for (let step = 0; event !== undefined && step < MAX_STEPS; step++) {
      const isNewer = !isBetween(undefined, upTo, event.instanceName, event.streamOrdering)
      if (!isNewer && !shown.has(event.event.eventId)) break
      // Of several in the timeline what the first replaced is what was there before.
      const replaced = replacedBy(isNewer ? event : (firsts.get(`${type}\0${stateKey}`) ?? event))
      event = replaced === undefined ? undefined : known.get(replaced)
      if (replaced !== undefined && event === undefined) missing.add(replaced)
    }
    if (event !== undefined) found.push(event)
  }
  return found
}

/** So often an entry can change while an answer is made. */
const MAX_STEPS = 20

function replacedBy({ event }: KnownEvent): EventId | undefined {
  const { unsigned } = event.json
  const replaced = isObject(unsigned) ? unsigned.replaces_state : undefined
  return typeof replaced === 'string' ? (replaced as EventId) : undefined
}
