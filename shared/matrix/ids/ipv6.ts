const GROUP = /^[0-9A-Fa-f]{1,4}$/
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

/**
 * Whether `text` is an IPv6 address as of RFC 3513, section 2.2: eight groups, or fewer with one `::`, the last two perhaps
 * written as an IPv4 address. Without zone.
 */
export function isIpv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  const last = groups.at(-1)
  const endsInIpv4 = last !== undefined && IPV4.test(last) && text.endsWith(last)
  if (endsInIpv4) groups.splice(-1, 1, '0', '0')
  return groups.every((group) => GROUP.test(group)) && (halves.length === 2 ? groups.length < 8 : groups.length === 8)
}
