import { compareCodePoints } from '../json/code-points.ts'
import { type AuthReader, POWER_LEVELS } from './auth-graph.ts'

/**
 * Events in the mainline ordering based on a power levels event, earliest first (rooms/v2, "Mainline ordering"). Undefined:
 * the state has none, then all have the same position, ∞.
 */
export function mainlineOrder(
  reader: AuthReader,
  events: readonly number[],
  powerLevels: number | undefined,
): number[] {
  const positions = mainline(reader, powerLevels)
  const candidates = events.map((index) => {
    const event = reader.event(index)!
    return { index, position: positionOf(reader, index, positions), ts: event.originServerTs, id: event.eventId }
  })
  candidates.sort((a, b) => {
    if (a.position !== b.position) return a.position > b.position ? -1 : 1
    return a.ts - b.ts || compareCodePoints(a.id, b.id)
  })
  return candidates.map(({ index }) => index)
}

/** The mainline of a power levels event: index → position, 0 for itself. */
function mainline(reader: AuthReader, powerLevels: number | undefined): Map<number, number> {
  const positions = new Map<number, number>()
  // A hostile circle ends where it closes.
  for (let at = powerLevels; at !== undefined && !positions.has(at); at = citedPowerLevels(reader, at)) {
    positions.set(at, positions.size)
  }
  return positions
}

/** The event's mainline position. `positions` gains what was passed on the way, so that each event is passed once. */
function positionOf(reader: AuthReader, index: number, positions: Map<number, number>): number {
  const passed: number[] = []
  let at: number | undefined = index
  let position: number | undefined
  while (at !== undefined) {
    position = positions.get(at)
    if (position !== undefined) break
    // For a circle to end at; overwritten below.
    positions.set(at, Number.POSITIVE_INFINITY)
    passed.push(at)
    at = citedPowerLevels(reader, at)
  }
  for (const event of passed) positions.set(event, position ?? Number.POSITIVE_INFINITY)
  return position ?? Number.POSITIVE_INFINITY
}

/** The power levels event among the auth events of an event. */
function citedPowerLevels(reader: AuthReader, index: number): number | undefined {
  const { auth, authStart, authEnd, kinds } = reader.graph
  if (reader.event(index) === undefined) return undefined
  for (let at = authStart[index]!; at < authEnd[index]!; at++) {
    const cited = auth[at]!
    // Kinds are known of events that were read.
    if (reader.event(cited) !== undefined && kinds[cited] === POWER_LEVELS) return cited
  }
  return undefined
}
