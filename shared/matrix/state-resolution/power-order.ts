import { type Level, userLevel } from '../event-auth/power-levels.ts'
import type { RoomEvent } from '../events/event.ts'
import { compareCodePoints } from '../json/code-points.ts'
import { type AuthReader, CREATE, POWER_LEVELS } from './auth-graph.ts'

/**
 * Whether the event may take someone's power away (rooms/v2, "Power events").
 * NOTSPEC: power levels and join rules only with the empty state key, as no rule reads others; and the create event too.
 * Synapse and ruma both have it so.
 */
export function isPowerEvent(event: RoomEvent): boolean {
  switch (event.type) {
    case 'm.room.power_levels':
    case 'm.room.join_rules':
    case 'm.room.create':
      return event.stateKey === ''
    case 'm.room.member': {
      const { membership } = event.content
      return (membership === 'leave' || membership === 'ban') && event.sender !== event.stateKey
    }
    default:
      return false
  }
}

/**
 * The power events of a full conflicted set, enlarged by what of the set is in their auth chains, in reverse topological
 * power ordering (rooms/v2, "Algorithm", 1).
 * NOTSPEC: chains are followed within the set only, an event that is reached solely through others is neither added nor
 * put in order: Synapse, ruma and Dendrite all do so. Of events that cite one another in a circle none is in the result.
 */
export function powerOrder(reader: AuthReader, conflicted: readonly number[]): number[] {
  const { auth, authStart, authEnd } = reader.graph
  const inSet = new Set(conflicted)
  const chosen = new Set<number>()
  for (const index of conflicted) if (isPowerEvent(reader.event(index)!)) chosen.add(index)
  for (const index of chosen) {
    for (let at = authStart[index]!; at < authEnd[index]!; at++) if (inSet.has(auth[at]!)) chosen.add(auth[at]!)
  }
  return topologicalOrder(reader, byPower(reader, [...chosen]))
}

/** Smallest first by "Reverse topological power ordering", 1 to 3, without regard to who cites whom. */
function byPower(reader: AuthReader, indexes: readonly number[]): number[] {
  const candidates = indexes.map((index) => {
    const event = reader.event(index)!
    return { index, level: senderLevel(reader, index, event), ts: event.originServerTs, id: event.eventId }
  })
  candidates.sort((a, b) => {
    if (a.level !== b.level) return a.level > b.level ? -1 : 1
    return a.ts - b.ts || compareCodePoints(a.id, b.id)
  })
  return candidates.map(({ index }) => index)
}

/**
 * The sender's power level by the event's auth events, not by any state. 0 where they have no create event (none may lack
 * it, but the create event itself) or say a level that cannot be read.
 */
function senderLevel(reader: AuthReader, index: number, event: RoomEvent): Level {
  const { auth, authStart, authEnd, kinds } = reader.graph
  let create: RoomEvent | undefined
  let powerLevels: RoomEvent | undefined
  for (let at = authStart[index]!; at < authEnd[index]!; at++) {
    const cited = reader.event(auth[at]!)
    if (kinds[auth[at]!] === CREATE) create = cited
    else if (kinds[auth[at]!] === POWER_LEVELS) powerLevels = cited
  }
  if (create === undefined) return 0
  const level = userLevel({ version: reader.version, create, content: powerLevels?.content }, event.sender)
  return Number.isNaN(level) ? 0 : level
}

/**
 * `ranked` so that each event comes after those of its auth events that are in it, and as early in `ranked`'s order as
 * that allows (Kahn's algorithm, taking the least of those that are free).
 */
function topologicalOrder(reader: AuthReader, ranked: readonly number[]): number[] {
  const { auth, authStart, authEnd } = reader.graph
  const rankOf = new Map<number, number>()
  for (let rank = 0; rank < ranked.length; rank++) rankOf.set(ranked[rank]!, rank)
  const waitsFor = new Int32Array(ranked.length)
  const citedBy: number[][] = ranked.map(() => [])
  for (let rank = 0; rank < ranked.length; rank++) {
    const index = ranked[rank]!
    for (let at = authStart[index]!; at < authEnd[index]!; at++) {
      const cited = rankOf.get(auth[at]!)
      if (cited === undefined) continue
      waitsFor[rank]!++
      citedBy[cited]!.push(rank)
    }
  }

  const free: number[] = []
  for (let rank = 0; rank < ranked.length; rank++) if (waitsFor[rank] === 0) pushHeap(free, rank)
  const ordered: number[] = []
  while (free.length > 0) {
    const rank = popHeap(free)
    ordered.push(ranked[rank]!)
    for (const citing of citedBy[rank]!) if (--waitsFor[citing]! === 0) pushHeap(free, citing)
  }
  return ordered
}

/** A binary heap of integers, least first. */
function pushHeap(heap: number[], value: number): void {
  let at = heap.length
  heap.push(value)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (heap[parent]! <= value) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = value
}

function popHeap(heap: number[]): number {
  const least = heap[0]!
  const value = heap.pop()!
  const { length } = heap
  if (length === 0) return least
  let at = 0
  for (let child = 1; child < length; child = 2 * at + 1) {
    if (child + 1 < length && heap[child + 1]! < heap[child]!) child++
    if (heap[child]! >= value) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = value
  return least
}
