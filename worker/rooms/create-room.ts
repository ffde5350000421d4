/** New rooms: what was asked for, checked whole before anything is made, as the events of the room. */

import type { CreateRoomBody } from '../../shared/endpoints/client/create_room.ts'
import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { RoomId, ServerName, UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { type RoomVersion, roomVersion } from '../../shared/matrix/room-version.ts'
import { additionalCreatorsIn } from './additional-creators.ts'
import type { Aliases } from './aliases.ts'
import { checkCanonicalAlias } from './canonical-alias.ts'
import { checkContent } from './check-content.ts'
import type { MayInvite } from './invite-permission.ts'
import type { Actor, RoomLimits } from './limits.ts'
import type { Profiles } from './member-content.ts'
import { configuredLevels, type NewRoom, type NewRoomSettings, newRoomEvents } from './new-room-events.ts'
import type { NewRoomRules } from './new-room-rules.ts'
import { isEncryptedByDefault, isPresetName, type PresetName, presets } from './presets.ts'
import type { EventIntent, Sender } from './sender.ts'
import { type ThirdPartyId, thirdPartyOf } from './third-party/identity-server.ts'
import type { InviteByAddress } from './third-party/invite-by-address.ts'

export interface CreateRoomSettings extends NewRoomSettings {
  readonly defaultRoomVersion: string
  readonly includeProfileDataOnInvite: boolean
}

export interface CreateRoomDeps {
  readonly serverName: ServerName
  readonly settings: CreateRoomSettings
  readonly sender: Pick<Sender, 'createRoom'>
  readonly aliases: Pick<Aliases, 'newAlias' | 'claim' | 'release' | 'mustPointTo'>
  readonly profiles: Profiles
  readonly limits: Pick<RoomLimits, 'creation' | 'mayInvite'>
  readonly mayInvite: MayInvite
  readonly rules: NewRoomRules
  /** Who has no user ID is invited when the room is there. */
  readonly inviteByAddress: InviteByAddress
  /** Before a shadow-banned user is answered. */
  readonly pause: () => Promise<void>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/**
 * Makes a room (client-server-api, "`POST …/createRoom`"). When it rejects, there is no room and no alias: M_LIMIT_EXCEEDED,
 * M_UNSUPPORTED_ROOM_VERSION, M_ROOM_IN_USE, M_BAD_JSON, M_MISSING_PARAM, M_INVALID_PARAM, M_BAD_ALIAS, M_FORBIDDEN,
 * M_INVITE_BLOCKED, M_USER_SUSPENDED, M_TOO_LARGE, and M_UNKNOWN (400) where Synapse has no better code.
 */
export type CreateRoom = (actor: Actor, body: CreateRoomBody) => Promise<RoomId>

/** A request that makes sense, as far as can be told without the room. */
interface Plan extends NewRoom {
  /** From rooms/v12. */
  readonly creators: readonly UserId[]
  /** Of the create event. */
  readonly creation: JsonObject
  readonly addresses: readonly ThirdPartyId[]
}

const refused = (message: string, errcode = 'M_UNKNOWN') => new MatrixError(errcode, message, {}, 400)

export function makeCreateRoom(deps: CreateRoomDeps): CreateRoom {
  const { serverName, settings, sender, aliases, limits, now = Date.now } = deps
  /**
   * A room whose ID is its create event's hash (rooms/v12) would be the one that the same user made alike in the same
   * millisecond: nothing else of the event need differ.
   */
  let lastMadeAt = 0
  const madeAt = (): number => {
    lastMadeAt = Math.max(now(), lastMadeAt + 1)
    return lastMadeAt
  }

  return async (actor, body) => {
    if (actor.isSuspended)
      throw new MatrixError('M_USER_SUSPENDED', 'Sending messages while account is suspended is not allowed.')
    await limits.creation(actor)
    const plan = await planOf(actor, body)
    const { version, alias, invited } = plan
    await deps.mayInvite(actor.userId, invited)
    const profiles = await deps.profiles([actor.userId, ...(settings.includeProfileDataOnInvite ? invited : [])])

    const create: EventIntent = {
      type: 'm.room.create',
      stateKey: '',
      content: plan.creation,
      originServerTs: version.roomIdIsCreateHash ? madeAt() : undefined,
    }
    let claimed = false
    const rest = async (roomId: RoomId): Promise<readonly EventIntent[]> => {
      const intents = newRoomEvents(settings, plan, actor.userId, body, profiles)
      for (const intent of intents) checkContent(intent, { roomId, version, serverName })
      if (alias !== undefined) {
        deps.rules.checkAlias(actor, alias, roomId)
        // For a room that was there already, and is another's.
        if (claimed) await aliases.release(alias)
        claimed = false
        await aliases.claim(alias, roomId, actor.userId)
        claimed = true
      }
      for (const { type, content } of intents)
        if (type === 'm.room.canonical_alias')
          await checkCanonicalAlias(roomId, content, undefined, aliases.mustPointTo)
      return intents
    }
    let roomId: RoomId
    try {
      const isPublic = (roomId: RoomId): boolean =>
        body.visibility === 'public' && deps.rules.mayPublish(actor.userId, roomId, alias === undefined ? [] : [alias])
      // A shadow-banned user has a room, in which there is nobody else.
      const author = { ...actor, isShadowBanned: false }
      roomId = (await sender.createRoom(version, create, rest, author, { isPublic })).roomId
    } catch (error) {
      if (claimed) await aliases.release(alias!)
      throw error
    }
    // Nobody is written to before there is a room: what fails now leaves it without that invitation, as in Synapse.
    for (const id of plan.addresses) await deps.inviteByAddress.invite(actor, roomId, id)
    return roomId
  }

  /** In the order of Synapse, whose first refusal is told. */
  async function planOf(actor: Actor, body: CreateRoomBody): Promise<Plan> {
    const { userId } = actor
    const addresses = addressesOf(body.invite_3pid ?? [])
    if (addresses.length > 0) await deps.inviteByAddress.check(actor)
    const version = versionOf(body.room_version ?? settings.defaultRoomVersion)
    const { room_alias_name: aliasName } = body
    const alias = aliasName === undefined ? undefined : await aliases.newAlias(aliasName)
    const asked = invitedOf(body.invite ?? [])
    const invited = asked.length > 0 && actor.isShadowBanned ? [] : asked
    if (asked.length > 0 && actor.isShadowBanned) await deps.pause()
    if (!(await limits.mayInvite(actor, invited.length))) throw refused('Cannot invite so many users at once')

    const visibility = body.visibility ?? 'private'
    const presetName = body.preset ?? (visibility === 'private' ? 'private_chat' : 'public_chat')
    if (!isPresetName(presetName)) throw refused(`'${shown(presetName)}' is not a valid preset`, 'M_BAD_JSON')
    const creation = creationContent(
      version,
      userId,
      body.creation_content ?? {},
      presets[presetName].trustsInvited ? asked : [],
    )
    const creators = creatorsOf(version, userId, creation)
    checkOverride(body.power_level_content_override ?? {}, userId, version, creators)
    checkEncryption(body, presetName)
    return { version, presetName, alias, invited, creators, creation, addresses }
  }

  function checkEncryption({ initial_state: given = [] }: CreateRoomBody, presetName: PresetName): void {
    const levels = configuredLevels(settings, presetName).events
    if (!isObject(levels)) return
    const isEncrypted =
      isEncryptedByDefault(settings.encryptionEnabledByDefaultForRoomType, presetName) ||
      given.some(({ type }) => type === 'm.room.encryption')
    const own = levels['m.room.power_levels'] ?? 100
    const needed = levels['m.room.encryption'] ?? 100
    if (isEncrypted && typeof needed === 'number' && typeof own === 'number' && needed > own)
      throw new MatrixError(
        'M_FORBIDDEN',
        `You cannot create an encrypted room. user_level (${own}) < send_level (${needed})`,
      )
  }
}

const shown = (value: JsonValue): string => (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 100)

const THIRD_PARTY_KEYS = ['medium', 'address', 'id_server', 'id_access_token']

function addressesOf(invites: readonly JsonObject[]): readonly ThirdPartyId[] {
  if (!invites.every((invite) => THIRD_PARTY_KEYS.every((key) => Object.hasOwn(invite, key))))
    throw refused(
      'all of `medium`, `address`, `id_server` and `id_access_token` are required when making a 3pid invite',
      'M_MISSING_PARAM',
    )
  return invites.map(thirdPartyOf)
}

function versionOf(id: JsonValue): RoomVersion {
  if (typeof id !== 'string') throw refused('room_version must be a string', 'M_BAD_JSON')
  const version = roomVersion(id)
  if (version !== undefined) return version
  throw refused('Your homeserver does not support this room version', 'M_UNSUPPORTED_ROOM_VERSION')
}

/** Each once. */
function invitedOf(invite: readonly JsonValue[]): readonly UserId[] {
  for (const userId of invite)
    if (typeof userId !== 'string' || !isUserId(userId)) throw refused(`Invalid user_id: ${shown(userId)}`)
  return [...new Set(invite as readonly UserId[])]
}

/** @param trusted who is to be a creator too, from rooms/v12 */
function creationContent(
  version: RoomVersion,
  creator: UserId,
  given: JsonObject,
  trusted: readonly UserId[],
): JsonObject {
  const { additional_creators: additional = [] } = given
  return {
    ...given,
    room_version: version.id,
    ...(version.creator === 'content' && { creator }),
    ...(version.creatorsAbovePowerLevels &&
      trusted.length > 0 &&
      Array.isArray(additional) && { additional_creators: [...new Set([...additional, ...trusted])] }),
  }
}

/** Throws for `additional_creators` that are none, as the room's own rules would. */
function creatorsOf(version: RoomVersion, creator: UserId, { additional_creators: additional }: JsonObject) {
  if (!version.creatorsAbovePowerLevels) return []
  if (additional === undefined) return [creator]
  return [creator, ...additionalCreatorsIn(additional)]
}

/** Nobody locks themselves out, and creators are not named (rooms/v12). */
function checkOverride({ users }: JsonObject, userId: UserId, version: RoomVersion, creators: readonly UserId[]): void {
  if (users === undefined) return
  const names = isObject(users) ? users : {}
  if (!version.creatorsAbovePowerLevels && isObject(users) && !Object.hasOwn(users, userId))
    throw refused(`Not a valid power_level_content_override: 'users' did not contain ${userId}`)
  for (const creator of creators)
    if (Object.hasOwn(names, creator)) throw refused(`Creator user ${creator} must not appear in content.users`)
}
