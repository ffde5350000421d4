/** How the current state of rooms changed between two tokens: from memory, where that reaches back, or from the tables. */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import { selectStateDeltasOfRooms } from '../storage/current-state.ts'
import type { Queries } from '../storage/db.ts'
import { isBetween, maxPosition } from '../streams/vector-clock.ts'
import type { Recent } from './recent.ts'
import type { RoomPlan } from './room-plans.ts'

export interface StateChange {
  readonly type: string
  readonly stateKey: string
  /** Null: there is none any longer. */
  readonly eventId: EventId | null
  readonly position: number
}

/** By room, oldest first; rooms without any may be missing. Each plan has a `from`. */
export async function loadStateChanges(
  { db, recent: { events } }: { readonly db: Queries; readonly recent: Pick<Recent, 'events'> },
  plans: readonly RoomPlan[],
): Promise<ReadonlyMap<RoomId, readonly StateChange[]>> {
  const changes = new Map<RoomId, readonly StateChange[]>()
  const asked = new Map<RoomId, RoomPlan>()
  for (const plan of plans) {
    const rows = events.isComplete(plan.from!) ? events.of(plan.roomId, plan.from!, plan.upTo) : undefined
    if (rows === undefined || rows.some(({ row }) => row.kind === 'state-all')) asked.set(plan.roomId, plan)
    else {
      const found = rows.flatMap(({ position, row }) =>
        row.kind === 'state'
          ? [{ type: row.type, stateKey: row.stateKey, eventId: row.eventId as EventId | null, position }]
          : [],
      )
      changes.set(plan.roomId, found)
    }
  }
  if (asked.size === 0) return changes
  const from = Math.min(...[...asked.values()].map((plan) => plan.from!.stream))
  const to = Math.max(...[...asked.values()].map(({ upTo }) => maxPosition(upTo)))
  const rows = await selectStateDeltasOfRooms(db, [...asked.keys()], from, to)
  for (const [roomId, deltas] of Map.groupBy(rows, (row) => row.roomId)) {
    const plan = asked.get(roomId)!
    changes.set(
      roomId,
      deltas
        .filter(({ instanceName, streamId }) => isBetween(plan.from, plan.upTo, instanceName, streamId))
        .map(({ type, stateKey, eventId, streamId }) => ({ type, stateKey, eventId, position: streamId })),
    )
  }
  return changes
}
