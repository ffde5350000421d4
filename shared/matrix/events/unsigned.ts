import { isObject, type JsonObject, type JsonValue } from '../json/value.ts'

/** Keys of `unsigned` that other servers may tell us something in: server-server-api, "Inviting to a room", "Knocking". */
const STRIPPED_STATE = ['invite_room_state', 'knock_room_state'] as const

/**
 * The event as received at `receivedTs`, with all in `unsigned` dropped that its sender has no say in. `age`, in ms, becomes
 * `age_ts`, the time by our clock at which the age was 0. Do this before `readEvent`; hashes and signatures do not cover it.
 */
export function receivedUnsigned(json: JsonObject, receivedTs: number): JsonObject {
  const { unsigned, ...signed } = json
  if (!isObject(unsigned)) return unsigned === undefined ? json : signed
  const kept: Record<string, JsonValue> = {}
  if (Number.isSafeInteger(unsigned.age)) kept.age_ts = receivedTs - (unsigned.age as number)
  if (json.type === 'm.room.member')
    for (const key of STRIPPED_STATE) if (Array.isArray(unsigned[key])) kept[key] = unsigned[key]
  return { ...signed, unsigned: kept }
}

/** The event as sent to another server at `now`: what is ours in `unsigned` dropped, `age_ts` turned back into `age`. */
export function sentUnsigned(json: JsonObject, now: number): JsonObject {
  const { unsigned, ...signed } = json
  if (!isObject(unsigned)) return signed
  const kept: Record<string, JsonValue> = {}
  if (Number.isSafeInteger(unsigned.age_ts)) kept.age = now - (unsigned.age_ts as number)
  if (json.type === 'm.room.member')
    for (const key of STRIPPED_STATE) if (unsigned[key] !== undefined) kept[key] = unsigned[key]
  return { ...signed, unsigned: kept }
}
