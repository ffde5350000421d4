/** Aliases of this server that users make and take away (client-server-api, "Room Aliases"). */

import { type RoomAlias, type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { isAliasText } from '../rooms/aliases.ts'
import type { CurrentEvents } from '../rooms/current-events.ts'
import type { Actor } from '../rooms/limits.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Sender } from '../rooms/sender.ts'
import type { Queries } from '../storage/db.ts'
import { deleteAlias, insertAlias, selectAlias, selectRoom } from '../storage/rooms.ts'
import type { ReservedNames } from './appservices.ts'
import type { MayEditRoomList } from './room-list-access.ts'
import type { DirectoryAct } from './rules.ts'

export interface AliasEditingDeps {
  readonly serverName: ServerName
  readonly db: Queries
  readonly memberships: Pick<Memberships, 'isJoined' | 'joined'>
  readonly current: CurrentEvents
  readonly sender: Pick<Sender, 'send'>
  readonly reserved: Pick<ReservedNames, 'isAliasOf' | 'isAliasReserved'>
  /** Of the server. */
  readonly isAdmin: (userId: UserId) => boolean | Promise<boolean>
  /** `alias_creation_rules` */
  readonly mayCreate: (act: DirectoryAct) => boolean
  readonly mayEditRoomList: MayEditRoomList
  /** `require_membership_for_aliases` */
  readonly onlyMembers: boolean
}

export interface AliasEditing {
  /**
   * `servers`: through which the room can be joined; those that are in it where absent. Throws M_FORBIDDEN, M_EXCLUSIVE,
   * M_INVALID_PARAM, and M_UNKNOWN: with status 400 for what is no alias or no room here, 403 where a rule says no, 409 for an
   * alias that is taken.
   */
  readonly create: (actor: Actor, alias: RoomAlias, roomId: RoomId, servers?: readonly ServerName[]) => Promise<void>
  /**
   * For who made it, or may say how the room is found. It is taken out of the room's canonical aliases, if the user may do that.
   * Throws M_NOT_FOUND, M_FORBIDDEN, M_EXCLUSIVE.
   */
  readonly remove: (actor: Actor, alias: RoomAlias) => Promise<void>
  /** Throws M_FORBIDDEN, M_EXCLUSIVE where that user may not have that alias for a room that they make. */
  readonly checkForNewRoom: (actor: Actor, alias: RoomAlias, roomId: RoomId) => void
}

const refused = (message: string, status = 400) => new MatrixError('M_UNKNOWN', message, {}, status)
const notFound = () => new MatrixError('M_NOT_FOUND', 'Unknown room alias')
const reservedByAppservice = () => new MatrixError('M_EXCLUSIVE', 'This alias is reserved by an application service.')
const notReserved = () =>
  new MatrixError('M_EXCLUSIVE', 'This application service has not reserved this kind of alias.')

export function makeAliasEditing(deps: AliasEditingDeps): AliasEditing {
  const { serverName, db, memberships, current, sender, reserved, isAdmin, mayCreate, mayEditRoomList } = deps

  const checkForNewRoom: AliasEditing['checkForNewRoom'] = ({ userId, appserviceId }, alias, roomId) => {
    if (appserviceId !== undefined) {
      if (!reserved.isAliasOf(appserviceId, alias)) throw notReserved()
      return
    }
    if (!mayCreate({ userId, roomId, aliases: [alias] })) throw refused('Not allowed to create alias', 403)
    if (reserved.isAliasReserved(alias, userId)) throw reservedByAppservice()
  }

  async function serversIn(roomId: RoomId): Promise<readonly ServerName[]> {
    return [...new Set([...(await memberships.joined(roomId))].map((userId) => serverNameOf(userId)))]
  }

  return {
    checkForNewRoom,
    async create(actor, alias, roomId, given = []) {
      const { userId, appserviceId } = actor
      if ((await selectRoom(db, roomId)) === undefined) throw refused('Room does not exist')
      const isMember = appserviceId !== undefined || !deps.onlyMembers || (await memberships.isJoined(userId, roomId))
      if (!isMember && !(await isAdmin(userId)))
        throw new MatrixError('M_FORBIDDEN', 'You must be in the room to create an alias for it')
      checkForNewRoom(actor, alias, roomId)
      if (!isAliasText(alias)) throw refused('Invalid characters in room alias')
      if (serverNameOf(alias) !== serverName) throw refused('Room alias must be local')
      const servers = given.length > 0 ? [...new Set(given)] : await serversIn(roomId)
      if (servers.length === 0) throw refused('Failed to get server list')
      if (!(await insertAlias(db, { alias, roomId, creator: userId, servers })))
        throw refused(`Room alias ${alias} already exists`, 409)
    },

    async remove(actor, alias) {
      const { userId, appserviceId } = actor
      if (appserviceId !== undefined) {
        if (!reserved.isAliasOf(appserviceId, alias)) throw notReserved()
        if (serverNameOf(alias) !== serverName) throw refused('Room alias must be local')
        await deleteAlias(db, alias)
        return
      }
      const found = await selectAlias(db, alias)
      if (found === undefined) throw notFound()
      if (found.creator !== userId && !(await mayEditRoomList(userId, found.roomId)))
        throw new MatrixError('M_FORBIDDEN', "You don't have permission to delete the alias.")
      if (reserved.isAliasReserved(alias, userId)) throw reservedByAppservice()
      const roomId = await deleteAlias(db, alias)
      if (roomId === undefined) throw notFound()
      if (actor.isShadowBanned) return
      const content = withoutAlias((await current(roomId, 'm.room.canonical_alias'))?.event.content, alias)
      if (content === undefined) return
      if (actor.isSuspended)
        throw new MatrixError('M_USER_SUSPENDED', 'Sending messages while account is suspended is not allowed.')
      try {
        await sender.send(roomId, [{ type: 'm.room.canonical_alias', stateKey: '', content }], actor)
      } catch (error) {
        // The alias is gone; what the room says of it is for others to change.
        if (!(error instanceof MatrixError) || error.errcode !== 'M_FORBIDDEN') throw error
      }
    },
  }
}

/** Of an `m.room.canonical_alias`; undefined: it does not name the alias. What else is in it stays. */
function withoutAlias(content: JsonObject | undefined, alias: RoomAlias): JsonObject | undefined {
  if (content === undefined) return undefined
  const { alias: main, alt_aliases: others, ...rest } = content
  const isMain = main === alias
  const isOther = Array.isArray(others) && others.includes(alias)
  if (!isMain && !isOther) return undefined
  const left = Array.isArray(others) ? others.filter((other) => other !== alias) : others
  return {
    ...rest,
    ...(main !== undefined && !isMain && { alias: main }),
    ...(left !== undefined && !(isOther && Array.isArray(left) && left.length === 0) && { alt_aliases: left }),
  }
}
