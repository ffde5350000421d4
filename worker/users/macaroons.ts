/**
 * Macaroons: HMAC-SHA256 over a key and a list of claims, in the binary form that libmacaroons calls V1. The same as
 * Synapse's with the same `macaroon_secret_key`.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'

/** Of its text: links name pushkeys. */
const MAX_LENGTH = 8_000

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
  if (token.length > MAX_LENGTH || !/^[\w-]+=*$/.test(token)) return undefined
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

const IDENTIFIER = 'key'

export interface Macaroons {
  readonly make: (claims: readonly string[]) => string
  /** The claims of one that this server made; whether they are met is another question. */
  readonly claimsOf: (token: string) => readonly string[] | undefined
}

/** @param location the server's name */
export function makeMacaroons(secret: Uint8Array, location: string): Macaroons {
  const key = hmac('macaroons-key-generator', secret)
  return {
    make(claims) {
      const parts = [packet('location', Buffer.from(location)), packet('identifier', Buffer.from(IDENTIFIER))]
      for (const claim of claims) parts.push(packet('cid', Buffer.from(claim)))
      parts.push(packet('signature', signed(key, IDENTIFIER, claims)))
      return Buffer.concat(parts).toString('base64url')
    },
    claimsOf(token) {
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
      return signature.length === expected.length && timingSafeEqual(signature, expected) ? claims : undefined
    },
  }
}
