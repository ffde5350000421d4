/** What a room is like from its start (client-server-api, "`POST …/createRoom`", `preset`), and its power levels. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'

export type PresetName = 'private_chat' | 'trusted_private_chat' | 'public_chat'

export interface Preset {
  readonly joinRule: 'invite' | 'public'
  readonly guestsJoin: boolean
  /** Those who are invited may do what the creator may. */
  readonly trustsInvited: boolean
  /** Over the usual power levels. */
  readonly levels: JsonObject
}

const privateChat: Preset = { joinRule: 'invite', guestsJoin: true, trustsInvited: false, levels: { invite: 0 } }

export const presets: Readonly<Record<PresetName, Preset>> = {
  private_chat: privateChat,
  trusted_private_chat: { ...privateChat, trustsInvited: true },
  public_chat: {
    joinRule: 'public',
    guestsJoin: false,
    trustsInvited: false,
    levels: { events: { 'm.call.invite': 50 } },
  },
}

export const isPresetName = (name: unknown): name is PresetName =>
  typeof name === 'string' && Object.hasOwn(presets, name)

/** `encryption_enabled_by_default_for_room_type`. */
export function isEncryptedByDefault(setting: 'all' | 'invite' | 'off', name: PresetName): boolean {
  return setting === 'all' || (setting === 'invite' && name !== 'public_chat')
}

/**
 * The content of a new room's `m.room.power_levels`, as Synapse's. From rooms/v12 creators stand above all levels and are not
 * named in it.
 *
 * @param configured members of the content to be otherwise; `asked` goes over it
 */
export function newPowerLevels(
  version: RoomVersion,
  preset: Preset,
  creator: UserId,
  invited: readonly UserId[],
  configured: JsonObject,
  asked: JsonObject,
): JsonObject {
  const above = version.creatorsAbovePowerLevels
  const masters = above ? [] : [creator, ...(preset.trustsInvited ? invited : [])]
  const usual: JsonObject = {
    users: Object.fromEntries(masters.map((userId) => [userId, 100])),
    users_default: 0,
    events: {
      'm.room.name': 50,
      'm.room.power_levels': 100,
      'm.room.history_visibility': 100,
      'm.room.canonical_alias': 50,
      'm.room.avatar': 50,
      // Above what a moderator can be given: only creators upgrade the room.
      'm.room.tombstone': above ? 150 : 100,
      'm.room.server_acl': 100,
      'm.room.encryption': 100,
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    invite: 50,
    historical: 100,
  }
  return { ...merged(usual, preset.levels), ...configured, ...asked }
}

function merged(base: JsonObject, over: JsonObject): JsonObject {
  const result = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const old = base[key]
    result[key] = isObject(old) && isObject(value) ? merged(old, value) : value
  }
  return result
}
