import { BlockList, isIP } from 'node:net'

/** Which addresses may be asked: `ip_range_blacklist` but for `ip_range_whitelist`. */
export interface AddressRanges {
  /** Of an IPv4 or IPv6 address as text. */
  readonly allows: (address: string) => boolean
}

/** Addresses, or ranges as `10.0.0.0/8`. Throws for what is neither. */
export function makeAddressRanges(forbidden: readonly string[], allowed: readonly string[]): AddressRanges {
  // "This host", which reaches what listens here.
  const blocked = listOf([...forbidden, '0.0.0.0', '::'])
  const excepted = listOf(allowed)
  return {
    allows(address) {
      const plain = unmapped(address)
      const family = isIP(plain)
      if (family === 0) return false
      const type = family === 4 ? 'ipv4' : 'ipv6'
      return excepted.check(plain, type) || !blocked.check(plain, type)
    },
  }
}

/** `::ffff:10.0.0.1` is 10.0.0.1. */
const unmapped = (address: string): string => {
  const [plain = ''] = address.split('%')
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1] ?? plain
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = isIP(address)
    if (family === 0) throw new Error(`no IP address or range: ${range}`)
    const type = family === 4 ? 'ipv4' : 'ipv6'
    if (bits === undefined) list.addAddress(address, type)
    else list.addSubnet(address, Number(bits), type)
  }
  return list
}

/** As Synapse's. */
export const PRIVATE_RANGES: readonly string[] = [
  ...['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '192.0.0.0/24'],
  ...['169.254.0.0/16', '192.88.99.0/24', '198.18.0.0/15', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '::1/128', 'fe80::/10', 'fc00::/7', '2001:db8::/32', 'ff00::/8', 'fec0::/10'],
]
