import { contentHash } from '../hashes.ts'
import type { ServerName } from '../ids.ts'
import { signedText } from '../json/signed-text.ts'
import { isObject, type JsonObject, property } from '../json/value.ts'
import { redactEvent } from '../redact.ts'
import type { RoomVersion } from '../room-version.ts'
import { type SigningKey, signText } from './ed25519.ts'

/** The object with the entity's signature added to those it has: appendices, "Signing Details". */
export const signJson = (json: JsonObject, entity: string, key: SigningKey): JsonObject =>
  withSignature(json, entity, key, signText(signedText(json), key))

/**
 * The event with its content hash and the server's signature: server-server-api, "Adding hashes and signatures to
 * outgoing events". Hashes of other algorithms and signatures of other servers stay.
 */
export function signEvent(json: JsonObject, version: RoomVersion, server: ServerName, key: SigningKey): JsonObject {
  const hashes = isObject(json.hashes) ? json.hashes : {}
  return countersignEvent({ ...json, hashes: { ...hashes, sha256: contentHash(json) } }, version, server, key)
}

/**
 * The event with the server's signature added and nothing else changed: what the invited user's server does, and the one
 * that authorises a restricted join (server-server-api, "Inviting to a room", "Restricted rooms").
 */
export const countersignEvent = (
  json: JsonObject,
  version: RoomVersion,
  server: ServerName,
  key: SigningKey,
): JsonObject => withSignature(json, server, key, signText(signedText(redactEvent(json, version)), key))

function withSignature(json: JsonObject, entity: string, key: SigningKey, signature: string): JsonObject {
  const all = isObject(json.signatures) ? json.signatures : {}
  const own = property(all, entity)
  return { ...json, signatures: { ...all, [entity]: { ...(isObject(own) ? own : {}), [key.keyId]: signature } } }
}
