/** Room aliases of this server. */

import { isTooLong, maxIdBytes } from '../../shared/matrix/ids/domain-form.ts'
import { parseRoomAlias } from '../../shared/matrix/ids/room-alias.ts'
import { type RoomAlias, type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Queries } from '../storage/db.ts'
import { deleteAlias, insertAlias, selectAlias } from '../storage/rooms.ts'

export interface ResolvedAlias {
  readonly roomId: RoomId
  /** Through which the room can be joined. */
  readonly servers: readonly ServerName[]
}

export interface Aliases {
  /** Throws M_NOT_FOUND; and for aliases of other servers, which are not asked, M_UNKNOWN with status 502. */
  readonly resolve: (alias: RoomAlias) => Promise<ResolvedAlias>
  /**
   * The alias that `room_alias_name` asks for, which is free at this moment. Throws M_ROOM_IN_USE, M_INVALID_PARAM and
   * M_UNKNOWN (400).
   */
  readonly newAlias: (name: string) => Promise<RoomAlias>
  /** Throws M_ROOM_IN_USE. */
  readonly claim: (alias: RoomAlias, roomId: RoomId, creator: UserId) => Promise<void>
  readonly release: (alias: RoomAlias) => Promise<void>
  /** Throws M_BAD_ALIAS where it does not point to the room, M_INVALID_PARAM where it is no alias. */
  readonly mustPointTo: (alias: string, roomId: RoomId) => Promise<void>
}

interface Deps {
  readonly serverName: ServerName
  readonly db: Queries
}

/** Without white space, which an alias could be typed with by mistake. */
export const isAliasText = (text: string): boolean => !/[ \t\n\r\x0b\x0c]/.test(text)

const invalid = (message: string) => new MatrixError('M_INVALID_PARAM', message, {}, 400)
const taken = () => new MatrixError('M_ROOM_IN_USE', 'Room alias already taken')

export function makeAliases({ serverName, db }: Deps): Aliases {
  async function find(alias: RoomAlias): Promise<ResolvedAlias | undefined> {
    if (serverNameOf(alias) !== serverName) throw new MatrixError('M_UNKNOWN', 'Failed to fetch alias', {}, 502)
    return selectAlias(db, alias)
  }

  return {
    async resolve(alias) {
      const found = await find(alias)
      if (found === undefined) throw new MatrixError('M_NOT_FOUND', `Room alias ${alias} not found`)
      return { roomId: found.roomId, servers: found.servers }
    },
    async newAlias(name) {
      if (!isAliasText(name)) throw new MatrixError('M_UNKNOWN', 'Invalid characters in room alias')
      if (name.includes(':'))
        throw new MatrixError(
          'M_UNKNOWN',
          "':' is not permitted in the room alias name. Please note this expects a local part — 'wombat', not '#wombat:example.com'.",
        )
      const text = `#${name}:${serverName}`
      if (isTooLong(text)) throw invalid(`Can't create aliases longer than ${maxIdBytes} characters`)
      const alias = parseRoomAlias(text)
      if (!alias.ok) throw invalid(`Invalid room alias: ${alias.reason}`)
      if ((await selectAlias(db, alias.value)) !== undefined) throw taken()
      return alias.value
    },
    async claim(alias, roomId, creator) {
      if (!(await insertAlias(db, { alias, roomId, creator, servers: [serverName] }))) throw taken()
    },
    async release(alias) {
      await deleteAlias(db, alias)
    },
    async mustPointTo(text, roomId) {
      const alias = parseRoomAlias(text)
      if (!alias.ok) throw invalid(`Expected a room alias: ${alias.reason}`)
      const found = await find(alias.value)
      if (found?.roomId !== roomId)
        throw new MatrixError('M_BAD_ALIAS', `Room alias ${alias.value} does not point to the room`)
    },
  }
}
