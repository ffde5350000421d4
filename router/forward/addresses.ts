/** IP addresses in one spelling each, and which of them are trusted proxies. */

import { BlockList, isIP, isIPv4 } from 'node:net'

/**
 * An address in canonical form: IPv4 as it is, IPv4 inside IPv6 (`::ffff:192.0.2.1`) as IPv4, IPv6 in the form of RFC 5952
 * without zone. Undefined: not an address.
 */
export const canonicalAddress = (text: string): string | undefined => {
  const address = text.replace(/%.*$/, '')
  const kind = isIP(address)
  if (kind === 4) return address
  if (kind === 0) return undefined
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical)
  if (mapped === null) return canonical
  const high = Number.parseInt(mapped[1]!, 16)
  const low = Number.parseInt(mapped[2]!, 16)
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** A test for membership in `cidrs` (`10.0.0.0/8`, `::1`, …), which are valid; it takes canonical addresses. */
export const makeTrusts = (cidrs: readonly string[]): ((address: string) => boolean) => {
  if (cidrs.length === 0) return () => false
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address, bits] = cidr.split('/') as [string, string | undefined]
    const family = isIPv4(address) ? 'ipv4' : 'ipv6'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}
