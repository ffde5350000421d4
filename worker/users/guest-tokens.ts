/**
 * Access tokens of guests. They are not stored: a macaroon (HMAC-SHA256 over a key and a list of claims, in the binary form
 * that libmacaroons calls V1) says whose they are. The same as Synapse's with the same `macaroon_secret_key`.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { randomLetters } from './session-tokens.ts'

/** All guests have this one. */
export const GUEST_DEVICE_ID = 'guest_device'

export interface GuestTokens {
  readonly make: (userId: UserId) => string
  /** Whose token it is; undefined if it is none of this server's, or its time is over. Whether there is such a guest is another question. */
  readonly verify: (token: string) => UserId | undefined
}

const hmac = (key: Uint8Array | string, text: Uint8Array | string): Buffer =>
  createHmac('sha256', key).update(text).digest()

/** Four hex digits of its whole length, name, value, newline. */
function packet(name: string, value: Uint8Array): Buffer {
  const length = 4 + name.length + 1 + value.length + 1
  return Buffer.concat([Buffer.from(`${length.toString(16).padStart(4, '0')}${name} `), value, Buffer.from('\n')])
}

const signed = (key: Uint8Array, identifier: string, claims: readonly string[]): Buffer =>
  claims.reduce((signature, claim) => hmac(signature, claim), hmac(key, identifier))

/** Names and values in their order; undefined if that is no macaroon. */
function parse(token: string): readonly (readonly [name: string, value: Buffer])[] | undefined {
  if (token.length > 1000 || !/^[\w-]+=*$/.test(token)) return undefined
  const bytes = Buffer.from(token, 'base64url')
  const packets: [string, Buffer][] = []
  for (let at = 0; at < bytes.length; ) {
    const digits = bytes.toString('latin1', at, at + 4)
    const length = /^[0-9a-f]{4}$/.test(digits) ? Number.parseInt(digits, 16) : 0
    if (length < 6 || bytes[at + length - 1] !== 0x0a) return undefined
    const body = bytes.subarray(at + 4, at + length - 1)
    const space = body.indexOf(0x20)
    if (space === -1) return undefined
    packets.push([body.toString('latin1', 0, space), body.subarray(space + 1)])
    at += length
  }
  return packets
}

const FIXED = new Set(['gen = 1', 'type = access', 'guest = true'])
const USER_ID = 'user_id = '
const UNTIL = 'time < '

/** @param location the server's name */
export function makeGuestTokens(secret: Uint8Array, location: string, now: () => number = Date.now): GuestTokens {
  const key = hmac('macaroons-key-generator', secret)
  const IDENTIFIER = 'key'

  return {
    make(userId) {
      const claims = ['gen = 1', 'type = access', `${USER_ID}${userId}`, `nonce = ${randomLetters(16)}`, 'guest = true']
      const parts = [packet('location', Buffer.from(location)), packet('identifier', Buffer.from(IDENTIFIER))]
      for (const claim of claims) parts.push(packet('cid', Buffer.from(claim)))
      parts.push(packet('signature', signed(key, IDENTIFIER, claims)))
      return Buffer.concat(parts).toString('base64url')
    },

    verify(token) {
      const packets = parse(token)
      if (packets === undefined) return undefined
      const valuesOf = (name: string) => packets.filter((found) => found[0] === name).map(([, value]) => value)
      const [signature, another] = valuesOf('signature')
      const [identifier] = valuesOf('identifier')
      // Claims that a third party answers for (`vid`, `cl`) are never ours.
      const isPlain = packets.every(([name]) => ['location', 'identifier', 'cid', 'signature'].includes(name))
      if (signature === undefined || another !== undefined || identifier === undefined || !isPlain) return undefined
      const claims = valuesOf('cid').map(String)
      const expected = signed(key, String(identifier), claims)
      if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined

      const isMet = (claim: string): boolean => {
        if (FIXED.has(claim) || claim.startsWith(USER_ID) || claim.startsWith('nonce = ')) return true
        return claim.startsWith(UNTIL) && now() < Number(claim.slice(UNTIL.length))
      }
      const users = new Set(
        claims.filter((claim) => claim.startsWith(USER_ID)).map((claim) => claim.slice(USER_ID.length)),
      )
      const [userId, other] = users
      if (![...FIXED].every((claim) => claims.includes(claim)) || !claims.every(isMet)) return undefined
      return userId !== undefined && other === undefined && isUserId(userId) ? userId : undefined
    },
  }
}
