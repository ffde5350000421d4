/**
 * Invitations with a `third_party_invite`. The cases cover those of ruma's `event_auth/room_member/tests.rs`
 * (ruma-state-res 0.18, MIT).
 */

import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { canonicalJson } from '../../../../shared/matrix/json/canonical.ts'
import type { JsonObject, JsonValue } from '../../../../shared/matrix/json/value.ts'
import { ALICE, ALLOWED, authorisationCase, BOB, CAROL, type Fields, type Given, inMember, member } from './case.ts'

/** Keys of seeds that are all one byte: the same in every run. */
const keyOf = (byte: number): KeyObject => {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
  return createPrivateKey({ key: Buffer.concat([prefix, Buffer.alloc(32, byte)]), format: 'der', type: 'pkcs8' })
}
const unpadded = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')
const publicOf = (key: KeyObject): string =>
  unpadded(Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x!, 'base64url'))
const [one, two, three] = [keyOf(1), keyOf(2), keyOf(3)]

const SIGNED = { mxid: BOB, token: 'token' }
const signatureOf = (signed: JsonObject, key: KeyObject): string =>
  unpadded(sign(null, Buffer.from(canonicalJson(signed)), key))
const by = (key: KeyObject, signed: JsonObject = SIGNED): JsonObject => ({
  ...signed,
  signatures: { 'id.example': { 'ed25519:0': signatureOf(signed, key) } },
})

const inviting = (signed: JsonValue, sender = ALICE): Fields =>
  member(BOB, 'invite', sender, { third_party_invite: { display_name: 'bob', signed } })
const room = (content: JsonObject, given: Given = {}): Given => ({
  ...given,
  more: [{ type: 'm.room.third_party_invite', stateKey: 'token', content }],
})
const KEYS = { public_key: publicOf(one), public_keys: [{ public_key: publicOf(one) }, { public_key: publicOf(two) }] }

const refusedBy = (number: string) => inMember({ '1-7': `3.1.${number}`, '8-12': `4.1.${number}` })
const UNSIGNED = refusedBy('8')

const cases: readonly (readonly [title: string, Given, Fields, Parameters<typeof authorisationCase>[3]])[] = [
  ['signed by public_key', room(KEYS), inviting(by(one)), ALLOWED],
  ['signed by one of public_keys', room(KEYS), inviting(by(two)), ALLOWED],
  ['signed by public_key, without public_keys', room({ public_key: publicOf(one) }), inviting(by(one)), ALLOWED],
  [
    'whatever the invite level and the join rule',
    room(KEYS, { joinRule: 'private', levels: { invite: 100 } }),
    inviting(by(one)),
    ALLOWED,
  ],
  ['by a sender who has left', room(KEYS, { members: { [ALICE]: 'leave' } }), inviting(by(one)), ALLOWED],
  ['of one who is joined', room(KEYS, { members: { [BOB]: 'join' } }), inviting(by(one)), ALLOWED],
  ['unsigned is not signed', room(KEYS), inviting({ ...by(one), unsigned: { age: 1 } }), ALLOWED],
  [
    'the second signature is the right one',
    room(KEYS),
    inviting({
      ...SIGNED,
      signatures: {
        'a.example': { 'ed25519:0': signatureOf(SIGNED, three) },
        'b.example': { 'ed25519:1': signatureOf(SIGNED, one) },
      },
    }),
    ALLOWED,
  ],
  [
    'a broken key beside the right one',
    room({ public_keys: [{ public_key: 'short' }, 1, {}, ...KEYS.public_keys] }),
    inviting(by(two)),
    ALLOWED,
  ],
  [
    'a broken signature beside the right one',
    room(KEYS),
    inviting({
      ...SIGNED,
      signatures: {
        'a.example': 1,
        'b.example': { 'ed25519:0': 2, 'ed25519:1': 'short', 'ed25519:2': signatureOf(SIGNED, one) },
      },
    }),
    ALLOWED,
  ],

  ['of one who is banned', room(KEYS, { members: { [BOB]: 'ban' } }), inviting(by(one)), refusedBy('1')],
  ['no signed', room(KEYS), member(BOB, 'invite', ALICE, { third_party_invite: {} }), refusedBy('2')],
  [
    'third_party_invite that is no object',
    room(KEYS),
    member(BOB, 'invite', ALICE, { third_party_invite: null }),
    refusedBy('2'),
  ],
  ['signed that is no object', room(KEYS), inviting('signed'), refusedBy('2')],
  ['no mxid', room(KEYS), inviting(by(one, { token: 'token' })), refusedBy('3')],
  ['no token', room(KEYS), inviting(by(one, { mxid: BOB })), refusedBy('3')],
  ['a token that is no string', room(KEYS), inviting(by(one, { mxid: BOB, token: 1 })), refusedBy('3')],
  ['for another', room(KEYS), inviting(by(one, { mxid: CAROL, token: 'token' })), refusedBy('4')],
  ['no event of that token', room(KEYS), inviting(by(one, { mxid: BOB, token: 'other' })), refusedBy('5')],
  ['by another sender', room(KEYS, { members: { [CAROL]: 'join' } }), inviting(by(one), CAROL), refusedBy('6')],
  ['no signatures', room(KEYS), inviting(SIGNED), UNSIGNED],
  ['empty signatures', room(KEYS), inviting({ ...SIGNED, signatures: {} }), UNSIGNED],
  ['signatures that are no object', room(KEYS), inviting({ ...SIGNED, signatures: ['ed25519:0'] }), UNSIGNED],
  ['signed by another key', room(KEYS), inviting(by(three)), UNSIGNED],
  ['signed before it was changed', room(KEYS), inviting({ ...by(one), sender: ALICE }), UNSIGNED],
  [
    'another algorithm',
    room(KEYS),
    inviting({ ...SIGNED, signatures: { a: { 'rsa:0': signatureOf(SIGNED, one) } } }),
    UNSIGNED,
  ],
  ['no keys', room({}), inviting(by(one)), UNSIGNED],
  ['keys that are no list', room({ public_keys: { public_key: publicOf(one) } }), inviting(by(one)), UNSIGNED],
  [
    'more signatures and keys than are tried',
    room({ public_keys: Array(11).fill({ public_key: publicOf(one) }) }),
    inviting({
      ...SIGNED,
      signatures: {
        a: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`ed25519:${i}`, signatureOf(SIGNED, one)])),
      },
    }),
    UNSIGNED,
  ],
]
for (const [title, given, fields, expected] of cases)
  authorisationCase(`third-party invite: ${title}`, given, fields, expected)

authorisationCase(
  'a join does not look at third_party_invite',
  room(KEYS, { joinRule: 'public' }),
  member(BOB, 'join', BOB, { third_party_invite: { signed: by(three) } }),
  ALLOWED,
)
