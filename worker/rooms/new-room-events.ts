/** The events that a new room begins with, in the order of Synapse. */

import type { CreateRoomBody } from '../../shared/endpoints/client/create_room.ts'
import type { RoomAlias, UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'
import { type Profile, withProfile } from './member-content.ts'
import { isEncryptedByDefault, newPowerLevels, type PresetName, presets } from './presets.ts'
import type { EventIntent } from './sender.ts'

export interface NewRoom {
  readonly version: RoomVersion
  readonly presetName: PresetName
  readonly alias: RoomAlias | undefined
  readonly invited: readonly UserId[]
}

export interface NewRoomSettings {
  readonly encryptionEnabledByDefaultForRoomType: 'all' | 'invite' | 'off'
  /** By preset. */
  readonly defaultPowerLevelContentOverride: JsonObject | undefined
}

/** `default_power_level_content_override` for a preset. */
export function configuredLevels(settings: NewRoomSettings, presetName: PresetName): JsonObject {
  const override = settings.defaultPowerLevelContentOverride?.[presetName]
  return isObject(override) ? override : {}
}

/** All events but the first. */
export function newRoomEvents(
  settings: NewRoomSettings,
  { version, presetName, alias, invited }: NewRoom,
  creator: UserId,
  body: CreateRoomBody,
  profiles: ReadonlyMap<UserId, Profile>,
): readonly EventIntent[] {
  const preset = presets[presetName]
  const given = new Map<string, EventIntent>()
  for (const { type, state_key: stateKey = '', content } of body.initial_state ?? [])
    given.set(JSON.stringify([type, stateKey]), { type, stateKey, content })
  const levelsKey = JSON.stringify(['m.room.power_levels', ''])
  const levels = given.get(levelsKey)
  given.delete(levelsKey)
  /** Unless the client has its own. */
  const usual = (type: string, content: JsonObject): EventIntent[] =>
    given.has(JSON.stringify([type, ''])) ? [] : [state(type, content)]

  return [
    member(creator, withProfile({ membership: 'join' }, profiles.get(creator))),
    levels ??
      state(
        'm.room.power_levels',
        newPowerLevels(
          version,
          preset,
          creator,
          invited,
          configuredLevels(settings, presetName),
          body.power_level_content_override ?? {},
        ),
      ),
    ...(alias === undefined ? [] : usual('m.room.canonical_alias', { alias })),
    ...usual('m.room.join_rules', { join_rule: preset.joinRule }),
    ...usual('m.room.history_visibility', { history_visibility: 'shared' }),
    ...(preset.guestsJoin ? usual('m.room.guest_access', { guest_access: 'can_join' }) : []),
    ...given.values(),
    ...encryption(settings, presetName, given.get(JSON.stringify(['m.room.encryption', '']))),
    ...(body.name === undefined ? [] : [state('m.room.name', { name: body.name })]),
    ...(body.topic === undefined
      ? []
      : [state('m.room.topic', { topic: body.topic, 'm.topic': { 'm.text': [{ body: body.topic }] } })]),
    ...invited.map((userId) => {
      const content = { membership: 'invite', ...(isTruthy(body.is_direct) && { is_direct: body.is_direct }) }
      return member(userId, withProfile(content, profiles.get(userId)))
    }),
  ]
}

/** Where rooms are encrypted by default, whatever the client says that is no encryption. */
function encryption(
  settings: NewRoomSettings,
  presetName: PresetName,
  given: EventIntent | undefined,
): readonly EventIntent[] {
  if (!isEncryptedByDefault(settings.encryptionEnabledByDefaultForRoomType, presetName)) return []
  if (typeof given?.content.algorithm === 'string') return []
  return [state('m.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' })]
}

const state = (type: string, content: JsonObject): EventIntent => ({ type, stateKey: '', content })
const member = (userId: UserId, content: JsonObject): EventIntent => ({
  type: 'm.room.member',
  stateKey: userId,
  content,
})

const isTruthy = (value: JsonValue | undefined): boolean => Boolean(value)
