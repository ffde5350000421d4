import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { RoomEvent } from '../events/event.ts'
import { isObject, type JsonObject, type JsonValue } from '../json/value.ts'
import { membershipOf, type Room } from './room.ts'
import { type Refusal, refuse } from './rules.ts'

/** "If `content` has a `third_party_invite` property", of an invitation (rooms/v1 rule 5.3.1, rooms/v8 rule 4.4.1). */
export function authoriseThirdPartyInvite(event: RoomEvent, target: string, room: Room): Refusal | undefined {
  if (membershipOf(room, target) === 'ban')
    return refuse('member.invite.thirdParty.banned', `${target} cannot be invited: is banned`)
  const signed = signedOf(event.content)
  if (signed === undefined) return refuse('member.invite.thirdParty.signed', 'third_party_invite has no signed object')
  const { mxid, token } = signed
  if (typeof mxid !== 'string' || typeof token !== 'string')
    return refuse('member.invite.thirdParty.properties', 'third_party_invite.signed has no mxid or no token')
  if (mxid !== target)
    return refuse('member.invite.thirdParty.target', `the third-party invite is for ${mxid}, not for ${target}`)
  const invite = room.state('m.room.third_party_invite', token)
  if (invite === undefined)
    return refuse('member.invite.thirdParty.event', 'the room has no m.room.third_party_invite of that token')
  if (invite.sender !== event.sender)
    return refuse(
      'member.invite.thirdParty.sender',
      `the third-party invite is of ${invite.sender}, not ${event.sender}`,
    )
  return isSignedByAny(signed, publicKeys(invite.content))
    ? undefined
    : refuse('member.invite.thirdParty.otherwise', 'no key of the third-party invite has signed this invitation')
}

/** `third_party_invite.signed` of an invitation's content. */
export function signedOf({ third_party_invite: invite }: JsonObject): JsonObject | undefined {
  const signed = isObject(invite) ? invite.signed : undefined
  return isObject(signed) ? signed : undefined
}

/** The keys of an `m.room.third_party_invite`: `public_key`, and that of each entry of `public_keys`. */
function publicKeys({ public_key: key, public_keys: keys }: JsonObject): readonly string[] {
  const listed = Array.isArray(keys) ? keys.map((entry) => (isObject(entry) ? entry.public_key : undefined)) : []
  return [key, ...listed].filter((value) => typeof value === 'string')
}

/**
 * NOTSPEC: what pairs of a signature and a key are tried. Identity servers give one signature and two keys, and an event
 * with room for hundreds of each would occupy a server for half a minute.
 */
const MAX_PAIRS = 1000

function isSignedByAny(signed: JsonObject, publicKeys: readonly string[]): boolean {
  const signatures = signaturesOf(signed.signatures)
  if (signatures.length * publicKeys.length > MAX_PAIRS) return false
  const text = Buffer.from(signedText(signed))
  return publicKeys.some((publicKey) => {
    const key = readPublicKey(publicKey)
    return key !== undefined && signatures.some((signature) => verify(null, text, key, signature))
  })
}

function readPublicKey(base64: string): KeyObject | undefined {
  const raw = Buffer.from(base64, 'base64')
  if (raw.length !== 32) return undefined
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' })
}

/** What signatures cover: canonical JSON without `signatures` and `unsigned` (appendices, "Signing Details"). */
function signedText({ signatures, unsigned, ...signed }: JsonObject): string {
  return JSON.stringify(signed, (_, value) =>
    isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value,
  )
}

/** The Ed25519 signatures, whoever has given them. */
function signaturesOf(entities: JsonValue | undefined): readonly Buffer[] {
  if (!isObject(entities)) return []
  const found: Buffer[] = []
  for (const entity of Object.keys(entities)) {
    const signatures = entities[entity]
    if (!isObject(signatures)) continue
    for (const keyId of Object.keys(signatures)) {
      const text = signatures[keyId]
      if (keyId.startsWith('ed25519:') && typeof text === 'string') found.push(Buffer.from(text, 'base64'))
    }
  }
  return found
}
