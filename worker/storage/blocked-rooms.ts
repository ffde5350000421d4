/** Rooms that an admin closed to this server's users. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export const isRoomBlocked = async (db: Queries, roomId: RoomId): Promise<boolean> =>
  (await db.one<{ blocked: boolean }>('select exists (select from blocked_rooms where room_id = $1) as blocked', [
    roomId,
  ]))!.blocked
