/** Changes of rooms' current state, in the order of the stream `events`: for who follows them from a position that was kept. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface StateDelta {
  readonly streamId: number
  readonly roomId: RoomId
  readonly type: string
  readonly stateKey: string
}

/**
 * Changes after `from`, up to and including `to`, in order: about `limit`, as those of one position are given together.
 * Fewer than `limit`: there are no more.
 */
export const selectStateDeltas = (db: Queries, from: number, to: number, limit: number) =>
  db.rows<StateDelta>(
    `select stream_id as "streamId", room_id as "roomId", type, state_key as "stateKey" from current_state_delta_stream
     where stream_id > $1 and stream_id <= $2 order by stream_id fetch first $3 rows with ties`,
    [from, to, limit],
  )
