/** Events of a given size, as JSON: messages with letters of all kinds, and power levels with many users. */

import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { makeRandom, type Random } from '../../tests/harness/random.ts'

const WORDS = 'the room is quiet again "tonight", so naïve users ask: où est l’événement? → 確認 👋\n'.split(' ')

/** That many different events, each of `bytes` bytes of canonical JSON or a few more, keys in canonical order. */
export const ofSize = (
  make: (random: Random, room: number) => JsonObject,
  bytes: number,
  count: number,
): readonly JsonObject[] => {
  const random = makeRandom(bytes)
  return Array.from({ length: count }, () => {
    // `room` is how much the event's own filling may take.
    const rest = sizeOf(make(random, 0))
    return JSON.parse(canonicalJson(make(random, bytes - rest))) as JsonObject
  })
}

/** A signed message as servers exchange it; room version 10. */
export const message = (random: Random, room: number): JsonObject => ({
  ...envelope(random, 'm.room.message'),
  content: {
    body: words(random, room),
    'm.mentions': { user_ids: [`@someone${random.int(1000)}:server7.example`] },
    'm.relates_to': { 'm.in_reply_to': { event_id: eventId(random) } },
    msgtype: 'm.text',
  },
})

/** What a client gets to see of a message, and not all of that. */
export const smallMessage = (random: Random, room: number): JsonObject => ({
  content: { body: words(random, room), msgtype: 'm.text' },
  origin_server_ts: 1_700_000_000_000 + random.int(1e9),
  sender: `@user${random.int(10)}:server7.example`,
  type: 'm.room.message',
})

/** An event with more keys than text. */
export const powerLevels = (random: Random, room: number): JsonObject => {
  const users: Record<string, number> = {}
  for (let left = room; left > 0; left -= 32)
    users[`@user${1000 + random.int(9000)}:server${random.int(50)}.example`] = 50
  return {
    ...envelope(random, 'm.room.power_levels'),
    state_key: '',
    content: {
      ban: 50,
      events: { 'm.room.name': 50, 'm.room.power_levels': 100 },
      invite: 0,
      kick: 50,
      notifications: { room: 50 },
      users,
      users_default: 0,
    },
  }
}

/** Keys in any order, as clients and other servers may send them. */
export function shuffled<T extends JsonValue>(value: T, random: Random): T
export function shuffled(value: JsonValue, random: Random): JsonValue {
  if (Array.isArray(value)) return value.map((item) => shuffled(item as JsonValue, random))
  if (!isObject(value)) return value
  const entries = Object.entries(value).map(([key, member]) => [key, shuffled(member!, random)] as const)
  for (let i = entries.length - 1; i > 0; i--) {
    const j = random.int(i + 1)
    ;[entries[i], entries[j]] = [entries[j]!, entries[i]!]
  }
  return Object.fromEntries(entries)
}

const sizeOf = (json: JsonObject): number => Buffer.byteLength(canonicalJson(json))

const envelope = (random: Random, type: string): JsonObject => ({
  auth_events: [eventId(random), eventId(random), eventId(random)],
  depth: 100_000 + random.int(1000),
  hashes: { sha256: base64(random) },
  origin_server_ts: 1_700_000_000_000 + random.int(1e9),
  prev_events: [eventId(random)],
  room_id: '!bench:server0.example',
  sender: `@user${random.int(1000)}:server7.example`,
  signatures: { 'server7.example': { 'ed25519:a_Bc': base64(random) + base64(random) } },
  type,
})

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const base64 = (random: Random): string => Array.from({ length: 43 }, () => ALPHABET[random.int(64)]).join('')
const eventId = (random: Random): string => `$${base64(random)}`

function words(random: Random, bytes: number): string {
  let text = ''
  while (Buffer.byteLength(JSON.stringify(text)) < bytes) text += `${random.pick(WORDS)} `
  return text
}
