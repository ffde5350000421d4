import { verify } from 'node:crypto'
import { decodeBase64 } from '../base64.ts'
import type { RoomEvent } from '../events/event.ts'
import type { KeyId } from '../ids.ts'
import { signedText } from '../json/signed-text.ts'
import { isObject, type JsonObject, type JsonValue } from '../json/value.ts'
import { isEd25519, readVerifyKey } from '../signing/ed25519.ts'
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
 * NOTSPEC: pairs of a signature and a key, beyond which none is tried, at 0.1 ms each. Identity servers give one signature
 * and two keys; events have room for hundreds of each, which would occupy a server for half a minute.
 */
const MAX_PAIRS = 100

/** The keys have no IDs, and those of the signatures do not matter. */
const ANY_KEY_ID = 'ed25519:any' as KeyId

function isSignedByAny(signed: JsonObject, publicKeys: readonly string[]): boolean {
  const signatures = signaturesOf(signed.signatures)
  if (signatures.length * publicKeys.length > MAX_PAIRS) return false
  const text = Buffer.from(signedText(signed))
  return publicKeys.some((publicKey) => {
    const key = readVerifyKey(ANY_KEY_ID, publicKey)
    return key.ok && signatures.some((signature) => verify(null, text, key.value.publicKey, signature))
  })
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
      const signature = isEd25519(keyId) && typeof text === 'string' ? decodeBase64(text) : undefined
      if (signature !== undefined) found.push(signature)
    }
  }
  return found
}
