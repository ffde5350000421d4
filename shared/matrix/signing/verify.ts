import { contentHashMatches } from '../hashes.ts'
import { type EventId, type KeyId, type ServerName, serverNameOf } from '../ids.ts'
import { signedText } from '../json/signed-text.ts'
import { isObject, type JsonObject, type JsonValue } from '../json/value.ts'
import { redactEvent } from '../redact.ts'
import { accepted, type Result, refused } from '../result.ts'
import type { RoomVersion } from '../room-version.ts'
import type { VerifyKey } from './ed25519.ts'
import { isValidAt, type KnownKey } from './server-keys.ts'
import { holds, holdsLater, type Signature, signaturesOf } from './signatures.ts'

/** The key of that server and ID, current or old, if it is known. */
export type KeyLookup = (server: ServerName, keyId: KeyId) => KnownKey | undefined

/** An event whose signatures hold. `json` is what to go on with: redacted, if the content was not what was hashed. */
export interface VerifiedEvent {
  readonly json: JsonObject
  readonly isRedacted: boolean
}

/** Whether `entity` signed the object: appendices, "Checking for a Signature". The value says nothing more. */
export function verifyJson(
  json: JsonObject,
  entity: string,
  keyOf: (keyId: KeyId) => VerifyKey | undefined,
): Result<true> {
  const signatures = signaturesOf(json, entity, keyOf, signedText(json))
  if (!signatures.ok) return signatures
  return signatures.value.every(holds) ? accepted(true) : wrongSignature
}

/**
 * Whether the servers that must have signed the event did, and its content is what was hashed: server-server-api,
 * "Validating hashes and signatures on received events". A refused event is to be dropped.
 */
export function verifyEvent(json: JsonObject, version: RoomVersion, keyOf: KeyLookup): Result<VerifiedEvent> {
  const signatures = eventSignatures(json, version, keyOf)
  if (!signatures.ok) return signatures
  return signatures.value.every(holds) ? accepted(checkContent(json, version)) : wrongSignature
}

/**
 * {@link verifyEvent} of many, with the signatures checked on other threads. Results are in the events' order. Few events are
 * prepared at a time, so that this thread is free in between.
 */
export async function verifyEvents(
  events: readonly JsonObject[],
  version: RoomVersion,
  keyOf: KeyLookup,
): Promise<Result<VerifiedEvent>[]> {
  const results: Result<VerifiedEvent>[] = new Array(events.length)
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < events.length) {
      const index = next++
      results[index] = await verifyLater(events[index]!, version, keyOf)
    }
  }
  await Promise.all(Array.from({ length: Math.min(LANES, events.length) }, lane))
  return results
}

/** More than the thread pool has threads, so that none waits for this one. */
const LANES = 32

async function verifyLater(json: JsonObject, version: RoomVersion, keyOf: KeyLookup): Promise<Result<VerifiedEvent>> {
  const signatures = eventSignatures(json, version, keyOf)
  if (!signatures.ok) return signatures
  const right = await Promise.all(signatures.value.map(holdsLater))
  return right.every(Boolean) ? accepted(checkContent(json, version)) : wrongSignature
}

const wrongSignature = refused('a signature is wrong')

const checkContent = (json: JsonObject, version: RoomVersion): VerifiedEvent =>
  contentHashMatches(json) ? { json, isRedacted: false } : { json: redactEvent(json, version), isRedacted: true }

function eventSignatures(json: JsonObject, version: RoomVersion, keyOf: KeyLookup): Result<readonly Signature[]> {
  const servers = requiredSignatures(json, version)
  if (!servers.ok) return servers
  const ts = version.enforcesKeyValidity ? timestampOf(json) : undefined
  const text = signedText(redactEvent(json, version))
  const all: Signature[] = []
  for (const server of servers.value) {
    const validKeyOf = (keyId: KeyId): KnownKey | undefined => {
      const key = keyOf(server, keyId)
      return key !== undefined && isValidAt(key, ts) ? key : undefined
    }
    const signatures = signaturesOf(json, server, validKeyOf, text)
    if (!signatures.ok) return signatures
    all.push(...signatures.value)
  }
  return accepted(all)
}

/** What is no timestamp is later than all: no key is valid then. `readEvent` has seen to that. */
const timestampOf = ({ origin_server_ts: ts }: JsonObject): number =>
  typeof ts === 'number' || typeof ts === 'bigint' ? Number(ts) : Number.POSITIVE_INFINITY

/**
 * The servers whose signatures the event needs. The sender's, but for an invite that stands for a third-party invite, which
 * any server may send; in room versions 1 and 2 the event ID's, of such an invite too; of a restricted join (rooms/v8,
 * rule 4.2) that of the member who authorised it.
 *
 * NOTSPEC: rule 4.2 says it of every membership event with `join_authorised_via_users_server`. Synapse asks of joins only, and
 * clients carry the key on into leaves.
 */
export function requiredSignatures(json: JsonObject, version: RoomVersion): Result<readonly ServerName[]> {
  const servers = new Set<ServerName>()
  const sender = serverOf(json.sender)
  if (sender === undefined) return refused('sender has no server name')
  const content = json.type === 'm.room.member' && isObject(json.content) ? json.content : undefined
  const isThirdPartyInvite = content?.membership === 'invite' && content.third_party_invite !== undefined
  if (!isThirdPartyInvite) servers.add(sender)
  if (version.eventIds === 'assigned') {
    const server = serverOf(json.event_id)
    if (server === undefined) return refused('event_id has no server name')
    servers.add(server)
  }
  if (version.restrictedJoins && content?.membership === 'join') {
    const authorisedBy = content.join_authorised_via_users_server
    if (authorisedBy !== undefined) {
      const server = serverOf(authorisedBy)
      if (server === undefined) return refused('join_authorised_via_users_server has no server name')
      servers.add(server)
    }
  }
  return accepted([...servers])
}

const serverOf = (id: JsonValue | undefined): ServerName | undefined =>
  typeof id === 'string' ? serverNameOf(id as EventId) : undefined
