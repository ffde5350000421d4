/** Addresses and CIDRs: `192.168.0.0/16`, `::1`. */

import { BlockList, isIP } from 'node:net'

export const isAddressRange = (range: string): boolean => {
  const [address, bits, more] = range.split('/')
  const family = isIP(address!)
  if (family === 0 || more !== undefined) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** Whether an address is in one of `ranges`, each of which {@link isAddressRange}. */
export function addressMatcher(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) {
    const [address, bits] = range.split('/')
    const family = isIP(address!) === 4 ? 'ipv4' : 'ipv6'
    list.addSubnet(address!, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family)
  }
  return (address) => {
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
}
