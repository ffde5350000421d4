/** What a trusted proxy in front says of the client: X-Forwarded-For and X-Forwarded-Proto. */

import { canonicalAddress } from './addresses.ts'
import { equalsIgnoringCase, HTAB, SP } from './grammar.ts'

/**
 * The client's address by the X-Forwarded-For list `list`: from the right, the first that is not a trusted proxy itself.
 * What stands left of it, anyone can have written.
 */
export const clientAddressOf = (list: string, peer: string, proxies: { trusts(address: string): boolean }): string => {
  let client = peer
  const hops = list.split(',')
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = withoutPort(hops[i]!.trim())
    if (hop === '') continue
    const address = canonicalAddress(hop)
    if (address === undefined) return client
    client = address
    if (!proxies.trusts(address)) return client
  }
  return client
}

/** `192.0.2.1:4711` and `[2001:db8::1]:4711` as some proxies write them. */
const withoutPort = (hop: string): string => {
  if (hop.startsWith('[')) return hop.slice(1, hop.indexOf(']'))
  return /^\d+\.\d+\.\d+\.\d+:\d+$/.test(hop) ? hop.slice(0, hop.indexOf(':')) : hop
}

/**
 * The scheme by X-Forwarded-Proto, or else the listener's own. Of a list, as several proxies make one, the first: the client's
 * end of the way.
 */
export const protoOf = (bytes: Buffer, start: number, end: number, own: 'http' | 'https'): 'http' | 'https' => {
  let first = start
  while (first < end && bytes[first] !== 0x2c) first++
  while (first > start && (bytes[first - 1] === SP || bytes[first - 1] === HTAB)) first--
  if (equalsIgnoringCase(bytes, start, first, 'https')) return 'https'
  return equalsIgnoringCase(bytes, start, first, 'http') ? 'http' : own
}
