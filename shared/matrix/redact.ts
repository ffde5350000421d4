import { isObject, type JsonObject, type JsonValue } from './json/value.ts'
import type { RoomVersion } from './room-version.ts'

/**
 * Top-level keys that redaction keeps to rooms/v10. In alphabetical order, as their canonical JSON has them: then it need
 * not be sorted again.
 */
const KEPT_TO_V10 = [
  'auth_events',
  'content',
  'depth',
  'event_id',
  'hashes',
  'membership',
  'origin',
  'origin_server_ts',
  'prev_events',
  'prev_state',
  'room_id',
  'sender',
  'signatures',
  'state_key',
  'type',
]
const KEPT = KEPT_TO_V10.filter((key) => !['origin', 'membership', 'prev_state'].includes(key))

const POWER_LEVELS = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default']
const POWER_LEVELS_V11 = [...POWER_LEVELS, 'invite'].sort()

/**
 * The event without what the protocol does not need: rooms/v1, v6, v8, v9 and v11, "Redactions". Reference hashes and
 * signatures cover this part, so that they hold before and after a redaction. Idempotent; `json` is not changed,
 * values are shared with it.
 *
 * `unsigned` goes too: Synapse keeps two keys of its own in it, which no hash covers.
 */
export function redactEvent(json: JsonObject, version: RoomVersion): JsonObject {
  const redacted: Record<string, JsonValue> = {}
  for (const key of version.redaction.keepsOrigin ? KEPT_TO_V10 : KEPT) {
    const value = json[key]
    if (value === undefined) continue
    redacted[key] = key === 'content' ? redactContent(json.type, value, version.redaction) : value
  }
  return redacted
}

function redactContent(
  type: JsonValue | undefined,
  content: JsonValue,
  redaction: RoomVersion['redaction'],
): JsonObject {
  if (!isObject(content)) return {}
  switch (type) {
    case 'm.room.member':
      return redactMember(content, redaction)
    case 'm.room.create':
      return redaction.updated ? content : pick(content, ['creator'])
    case 'm.room.join_rules':
      return pick(content, redaction.keepsAllow ? ['allow', 'join_rule'] : ['join_rule'])
    case 'm.room.power_levels':
      return pick(content, redaction.updated ? POWER_LEVELS_V11 : POWER_LEVELS)
    case 'm.room.history_visibility':
      return pick(content, ['history_visibility'])
    case 'm.room.aliases':
      return redaction.keepsAliases ? pick(content, ['aliases']) : {}
    case 'm.room.redaction':
      return redaction.updated ? pick(content, ['redacts']) : {}
    default:
      return {}
  }
}

function redactMember(content: JsonObject, redaction: RoomVersion['redaction']): JsonObject {
  const kept = pick(
    content,
    redaction.keepsAuthorisingUser ? ['join_authorised_via_users_server', 'membership'] : ['membership'],
  )
  // Where there is an invite without `signed`, an empty object stays: what every Synapse hashes.
  if (redaction.updated && isObject(content.third_party_invite)) {
    kept.third_party_invite = pick(content.third_party_invite, ['signed'])
  }
  return kept
}

function pick(object: JsonObject, keys: readonly string[]): Record<string, JsonValue> {
  const picked: Record<string, JsonValue> = {}
  for (const key of keys) {
    const value = object[key]
    if (value !== undefined) picked[key] = value
  }
  return picked
}
