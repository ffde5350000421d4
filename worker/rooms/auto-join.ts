/** Rooms that new users find themselves in (`auto_join_rooms`). */

import { isRoomAlias } from '../../shared/matrix/ids/room-alias.ts'
import {
  localpartOf,
  type RoomAlias,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Aliases } from './aliases.ts'
import type { CreateRoom } from './create-room.ts'
import type { CurrentEvents } from './current-events.ts'
import type { Actor } from './limits.ts'
import type { ChangeMembership } from './membership.ts'

export interface AutoJoinSettings {
  readonly autoJoinRooms: readonly string[]
  readonly autocreateAutoJoinRooms: boolean
  readonly autocreateAutoJoinRoomsFederated: boolean
  readonly autocreateAutoJoinRoomPreset: 'public_chat' | 'private_chat' | 'trusted_private_chat'
  /** Who makes the rooms and invites; the first user where absent. */
  readonly autoJoinMxidLocalpart: string | undefined
  readonly autoJoinRoomsForGuests: boolean
}

export interface AutoJoinDeps {
  readonly serverName: ServerName
  readonly settings: AutoJoinSettings
  readonly createRoom: CreateRoom
  readonly changeMembership: ChangeMembership
  readonly aliases: Pick<Aliases, 'resolve'>
  readonly current: CurrentEvents
  /** Of people there are no others. */
  readonly isFirst: () => Promise<boolean>
  /** Of a room that was not joined. */
  readonly onProblem: (problem: string, error?: unknown) => void
}

export interface NewUserKind {
  readonly isGuest?: boolean | undefined
  readonly userType?: string | null | undefined
}

/** Joins a new user to the rooms, which are made with the first user where they are not there. Never rejects. */
export type AutoJoin = (userId: UserId, kind: NewUserKind) => Promise<void>

export function makeAutoJoin(deps: AutoJoinDeps): AutoJoin {
  const { serverName, settings, createRoom, changeMembership, aliases, onProblem } = deps
  const { autoJoinRooms, autoJoinMxidLocalpart: localpart } = settings
  const founder = localpart === undefined ? undefined : (`@${localpart}:${serverName}` as UserId)
  const isByInvite = settings.autocreateAutoJoinRoomPreset !== 'public_chat'

  return async (userId, { isGuest = false, userType }) => {
    if (autoJoinRooms.length === 0 || (isGuest && !settings.autoJoinRoomsForGuests)) return
    const isPerson = userType !== 'bot' && userType !== 'support'
    const isFounding = settings.autocreateAutoJoinRooms && isPerson && (await isFirst())
    for (const alias of autoJoinRooms)
      await joinOne(userId, alias, isFounding, isGuest).catch((error: unknown) =>
        onProblem(`${userId} did not join ${alias}`, error),
      )
  }

  async function isFirst(): Promise<boolean> {
    try {
      return await deps.isFirst()
    } catch (error) {
      onProblem('whether to make auto_join_rooms is not known', error)
      return false
    }
  }

  async function joinOne(userId: UserId, alias: string, isFounding: boolean, isGuest: boolean): Promise<void> {
    if (!isRoomAlias(alias)) throw new MatrixError('M_UNKNOWN', `${alias} was not legal room ID or room alias`)
    const isOurs = serverNameOf(alias) === serverName
    await (isFounding && isOurs ? found : enter)(userId, alias, isGuest)
  }

  async function found(userId: UserId, alias: RoomAlias, isGuest: boolean): Promise<void> {
    const roomId = await createRoom(actorOf(founder ?? userId), {
      preset: settings.autocreateAutoJoinRoomPreset,
      room_alias_name: localpartOf(alias),
      ...(founder !== undefined && isByInvite && { invite: [userId] }),
      ...(!settings.autocreateAutoJoinRoomsFederated && { creation_content: { 'm.federate': false } }),
    })
    if (founder !== undefined) await join(userId, roomId, isGuest)
  }

  async function enter(userId: UserId, alias: RoomAlias, isGuest: boolean): Promise<void> {
    const { roomId } = await aliases.resolve(alias)
    const rule = (await deps.current(roomId, 'm.room.join_rules'))?.event.content.join_rule
    if (rule !== undefined && rule !== 'public') {
      if (founder === undefined) throw new Error('who invites into it? auto_join_mxid_localpart is not set')
      await changeMembership(actorOf(founder), { roomId, target: userId, action: 'invite' })
    }
    await join(userId, roomId, isGuest)
  }

  async function join(userId: UserId, roomId: RoomId, isGuest: boolean): Promise<void> {
    await changeMembership(actorOf(userId, isGuest), { roomId, target: userId, action: 'join' })
  }
}

const actorOf = (userId: UserId, isGuest = false): Actor => ({ userId, isGuest, authenticatedEntity: userId })
