import type { directoryEndpoints } from '../../shared/endpoints/client/directory.ts'
import { parseRoomAlias } from '../../shared/matrix/ids/room-alias.ts'
import { isServerName } from '../../shared/matrix/ids/server-name.ts'
import { type RoomAlias, type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { AliasEditing } from '../directory/edit-aliases.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Aliases } from '../rooms/aliases.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { CheckReadingAccess } from '../rooms/reading-access.ts'
import type { Queries } from '../storage/db.ts'
import { selectAliasesOfRoom } from '../storage/rooms.ts'

export interface DirectoryDeps {
  readonly db: Queries
  readonly serverName: ServerName
  readonly aliases: Pick<Aliases, 'resolve'>
  readonly editing: AliasEditing
  readonly memberships: Pick<Memberships, 'joined'>
  readonly checkAccess: CheckReadingAccess
  /** Of the server. */
  readonly isAdmin: (userId: UserId) => boolean | Promise<boolean>
}

/** Servers of a room of which as many are told. */
const MAX_SERVERS = 500

/** Client-server-api, "Room Aliases". */
export function directoryHandlers(deps: DirectoryDeps): Handlers<typeof directoryEndpoints> {
  const { db, serverName, aliases, editing, memberships, checkAccess, isAdmin } = deps

  return {
    async setRoomAlias({ params, requester, body }) {
      const alias = aliasOf(params.roomAlias)
      const { room_id: roomId, servers } = body
      if (roomId.includes('\0')) throw new MatrixError('M_UNKNOWN', 'Room does not exist', {}, 400)
      await editing.create(requester, alias, roomId as RoomId, servers?.filter(isServerName).slice(0, MAX_SERVERS))
      return {}
    },

    async getRoomIdByAlias({ params }) {
      const { roomId, servers } = await aliases.resolve(aliasOf(params.roomAlias))
      const all = new Set(servers)
      for (const userId of await memberships.joined(roomId)) all.add(serverNameOf(userId))
      const isOurs = all.delete(serverName)
      return { room_id: roomId, servers: [...(isOurs ? [serverName] : []), ...all].slice(0, MAX_SERVERS) }
    },

    async deleteRoomAlias({ params, requester }) {
      await editing.remove(requester, aliasOf(params.roomAlias))
      return {}
    },

    async getLocalAliases({ params, requester }) {
      const roomId = params.roomId as RoomId
      if (!(await isAdmin(requester.userId))) await checkAccess(requester.userId, roomId)
      return { aliases: await selectAliasesOfRoom(db, roomId) }
    },
  }
}

function aliasOf(text: string): RoomAlias {
  const alias = parseRoomAlias(text)
  if (!alias.ok) throw new MatrixError('M_INVALID_PARAM', 'Room alias invalid', {}, 400)
  return alias.value
}
