import { isRoomAlias } from '../../shared/matrix/ids/room-alias.ts'
import { isRoomId } from '../../shared/matrix/ids/room-id.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Aliases } from '../rooms/aliases.ts'

/** The room that a client names either way. Throws M_NOT_FOUND, M_UNKNOWN (400 for neither, 502 for another server's alias). */
export async function roomOf(idOrAlias: string, { resolve }: Pick<Aliases, 'resolve'>): Promise<RoomId> {
  if (isRoomId(idOrAlias)) return idOrAlias
  if (isRoomAlias(idOrAlias)) return (await resolve(idOrAlias)).roomId
  throw new MatrixError('M_UNKNOWN', `${idOrAlias} was not legal room ID or room alias`, {}, 400)
}
