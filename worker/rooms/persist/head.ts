/** A room as its persister has it in memory: the ends of its graph, and its current state. */

import type { EventId, RoomId } from '../../../shared/matrix/ids.ts'
import type { RoomVersion } from '../../../shared/matrix/room-version.ts'
import type { StateMap } from '../../../shared/matrix/state-map.ts'
import { selectCurrentState } from '../../storage/current-state.ts'
import type { Queries } from '../../storage/db.ts'
import { selectForwardExtremities } from '../../storage/extremities.ts'
import type { Resolver } from '../resolver.ts'
import { changesBetween, stateOf } from '../state-maps.ts'
import { isInRoom, type NewRoomEvent } from './request.ts'

export interface RoomHead {
  /** Forward extremities, with the state group after each. (There is one, unless somebody else wrote nonsense.) */
  readonly extremities: ReadonlyMap<EventId, number | undefined>
  /** As the tables have it. */
  readonly state: StateMap
}

export const emptyHead: RoomHead = { extremities: new Map(), state: new Map() }

export async function loadHead(
  db: Queries,
  resolver: Resolver,
  roomId: RoomId,
  version: RoomVersion,
): Promise<RoomHead> {
  const [rows, entries] = await Promise.all([selectForwardExtremities(db, [roomId]), selectCurrentState(db, [roomId])])
  const extremities = new Map(rows.map(({ eventId, stateGroup }) => [eventId, stateGroup ?? undefined]))
  const stored = stateOf(entries)
  const resolved = await resolver.resolve(version, groupsOf(extremities))
  // The maps that others have too: what comes after shares them, and then is told apart at once.
  return { extremities, state: changesBetween(stored, resolved).length === 0 ? resolved : stored }
}

/** The head after these events were added, in their order. Those that are out of the room change nothing. */
export async function advanceHead(
  head: RoomHead,
  events: readonly NewRoomEvent[],
  resolver: Resolver,
): Promise<RoomHead> {
  const extremities = new Map(head.extremities)
  let version: RoomVersion | undefined
  for (const added of events) {
    // Soft-failed ones are in the room, and nothing of ours follows on them.
    if (!isInRoom(added) || added.internal.soft_failed === true) continue
    version = added.version
    for (const prev of added.event.prevEvents) extremities.delete(prev)
    extremities.set(added.event.eventId, added.stateGroup!)
  }
  if (version === undefined) return head
  const [before, after] = [groupsOf(head.extremities), groupsOf(extremities)]
  const isSame = before.length === after.length && after.every((group) => before.includes(group))
  if (isSame) return { extremities, state: head.state }
  const added = events.map(({ event }) => event)
  return { extremities, state: await resolver.resolve(version, after, added) }
}

const groupsOf = (extremities: RoomHead['extremities']): number[] => [
  ...new Set([...extremities.values()].filter((group) => group !== undefined)),
]
