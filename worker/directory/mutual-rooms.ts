import { decodeBase64 } from '../../shared/matrix/base64.ts'
import { isCompliantUserId, isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Queries } from '../storage/db.ts'
import { selectJoinedAmong } from '../storage/room-summaries.ts'

export interface MutualRoomsDeps {
  readonly db: Queries
  readonly memberships: Pick<Memberships, 'ofUser'>
}

/** Rooms that two users are both in, by ID (client-server-api, "`GET …/mutual_rooms`"), 100 a page. Throws M_INVALID_PARAM. */
export type MutualRooms = (userId: UserId, other: string, from: string | undefined) => Promise<JsonObject>

const MAX_ROOMS = 100
const MAX_TOKEN_LENGTH = 255
const invalid = (message: string) => new MatrixError('M_INVALID_PARAM', message, {}, 400)

export const makeMutualRooms =
  ({ db, memberships }: MutualRoomsDeps): MutualRooms =>
  async (userId, other, from) => {
    const after = from === undefined || from === '' ? undefined : decodeBase64(from)
    if (from && after === undefined) throw invalid('Malformed from token')
    if (!isUserId(other) || !isCompliantUserId(other)) throw invalid('Invalid user_id query parameter')
    if (other === userId) throw invalid('You cannot request a list of shared rooms with yourself')
    const own = [...(await memberships.ofUser(userId)).values()].filter(({ membership }) => membership === 'join')
    const all = await selectJoinedAmong(
      db,
      other,
      own.map(({ roomId }) => roomId),
    )
    const left = after === undefined ? all : all.filter((roomId) => Buffer.compare(Buffer.from(roomId), after) > 0)
    const page = left.slice(0, MAX_ROOMS)
    const next = page.length < left.length ? tokenAfter(page.at(-1)!) : undefined
    return {
      joined: page,
      // One that was cut short and is the same again would lead nowhere.
      ...(next !== undefined && next !== from && { next_batch: next }),
      count: all.length,
    }
  }

const tokenAfter = (roomId: RoomId): string => Buffer.from(roomId).toString('base64url').slice(0, MAX_TOKEN_LENGTH)
