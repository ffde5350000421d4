import type { RoomEvent } from '../events/event.ts'
import { createIdOfRoom } from '../hashes.ts'
import type { EventId, RoomId } from '../ids.ts'
import type { RoomVersion } from '../room-version.ts'

/**
 * Events of one room and how they cite each other, by small integers: walks over auth chains touch no string. It only
 * grows, and may be kept from one resolution to the next (`options.graph`), which then pays for new events only. Who keeps
 * it bounds it: drop it when `ids.length` is too large.
 */
export interface AuthGraph {
  readonly indexes: Map<EventId, number>
  /** By index, as all of the following. */
  readonly ids: EventId[]
  /** Undefined: cited, but not looked up yet, or not there. */
  readonly events: (RoomEvent | undefined)[]
  readonly kinds: number[]
  /** The indexes of an event's auth events are `auth[authStart[index]]` up to, not including, `auth[authEnd[index]]`. */
  readonly authStart: number[]
  readonly authEnd: number[]
  readonly auth: number[]
}

/** `kinds` of an AuthGraph: what is asked of auth events over and over. */
export const OTHER = 0
export const POWER_LEVELS = 1
export const CREATE = 2

export const makeAuthGraph = (): AuthGraph => ({
  indexes: new Map(),
  ids: [],
  events: [],
  kinds: [],
  authStart: [],
  authEnd: [],
  auth: [],
})

/** Undefined: not at hand, load it and resolve again. Null: there is no such event to be had, go on without it. */
export type EventLookup = (id: EventId) => RoomEvent | null | undefined

/** One resolution's view of a graph. */
export interface AuthReader {
  readonly graph: AuthGraph
  readonly version: RoomVersion
  readonly roomId: RoomId | undefined
  readonly indexOf: (id: EventId) => number
  /** The event, with its auth events in the graph; undefined where it is not to be had. */
  readonly event: (index: number) => RoomEvent | undefined
  /**
   * Visits the auth events of an event about which nothing else is asked, if it is to be had. In a graph that is kept it gets a
   * place, so that it need not be read again; in one for this resolution alone that would cost more than it is worth.
   */
  readonly visitCited: (id: EventId, visit: (index: number) => void) => void
  /** What was asked for and is not at hand. */
  readonly missing: EventId[]
}

/**
 * Events of a room other than `roomId` are as absent as those that the lookup has none for: no rule lets an event rest on
 * them. `kept`: a graph from an earlier resolution, for later ones; else one is made for this.
 */
export function readAuthGraph(
  kept: AuthGraph | undefined,
  version: RoomVersion,
  roomId: RoomId | undefined,
  lookup: EventLookup,
): AuthReader {
  const graph = kept ?? makeAuthGraph()
  const { events, auth, authStart, authEnd } = graph
  const missing: EventId[] = []
  const absent = new Set<number>()
  const read = (id: EventId): RoomEvent | undefined => {
    const event = lookup(id)
    if (event === undefined) missing.push(id)
    return event === null || (roomId !== undefined && event?.roomId !== roomId) ? undefined : event
  }
  const load = (index: number): RoomEvent | undefined => {
    if (absent.has(index)) return undefined
    const event = read(graph.ids[index]!)
    if (event === undefined) absent.add(index)
    else add(graph, version, index, event)
    return event
  }
  const event = (index: number): RoomEvent | undefined => events[index] ?? load(index)
  const indexOf = (id: EventId): number => intern(graph, id)
  const visitKept = (id: EventId, visit: (index: number) => void): void => {
    const index = indexOf(id)
    if (event(index) === undefined) return
    for (let at = authStart[index]!; at < authEnd[index]!; at++) visit(auth[at]!)
  }
  const visitRead = (id: EventId, visit: (index: number) => void): void => {
    const found = read(id)
    if (found === undefined) return
    for (const authId of found.authEvents) visit(indexOf(authId))
    const unsaid = unsaidAuthEvent(version, found)
    if (unsaid !== undefined) visit(indexOf(unsaid))
  }
  return {
    graph,
    version,
    roomId,
    indexOf,
    event,
    visitCited: kept === undefined ? visitRead : visitKept,
    missing,
  }
}

function intern(graph: AuthGraph, id: EventId): number {
  const known = graph.indexes.get(id)
  if (known !== undefined) return known
  const index = graph.ids.length
  graph.indexes.set(id, index)
  graph.ids.push(id)
  graph.events.push(undefined)
  graph.kinds.push(OTHER)
  graph.authStart.push(0)
  graph.authEnd.push(0)
  return index
}

function add(graph: AuthGraph, version: RoomVersion, index: number, event: RoomEvent): void {
  const { auth, kinds } = graph
  const start = auth.length
  for (const id of event.authEvents) addEdge(auth, start, intern(graph, id))
  const unsaid = unsaidAuthEvent(version, event)
  if (unsaid !== undefined) addEdge(auth, start, intern(graph, unsaid))
  graph.authStart[index] = start
  graph.authEnd[index] = auth.length
  if (event.stateKey === '') {
    if (event.type === 'm.room.power_levels') kinds[index] = POWER_LEVELS
    else if (event.type === 'm.room.create') kinds[index] = CREATE
  }
  graph.events[index] = event
}

/** Rooms/v12: every event rests on the create event without saying so. */
const unsaidAuthEvent = ({ roomIdIsCreateHash }: RoomVersion, { type, roomId }: RoomEvent): EventId | undefined =>
  roomIdIsCreateHash && type !== 'm.room.create' ? createIdOfRoom(roomId) : undefined

/** An event that cites another twice cites it once: whoever counts edges relies on it. */
function addEdge(auth: number[], start: number, to: number): void {
  for (let at = start; at < auth.length; at++) if (auth[at] === to) return
  auth.push(to)
}
