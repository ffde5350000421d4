/**
 * The small languages inside `routes.yaml`: addresses, durations, sizes, networks, versions. Each reader takes the text
 * of one scalar and returns its value, or what it expected instead. No I/O, nothing thrown.
 */

import { isIP, isIPv4, isIPv6 } from 'node:net'
import { type Address, addressesCollide, addressKey, isLoopback, isWildcard } from '../../shared/config/address.ts'
import type { Parsed } from '../../shared/config/decode.ts'
import type { SynapseVersion } from '../../shared/endpoints/types.ts'

/** The kernel's `sun_path` holds 108 bytes, one of them the final NUL. */
const MAX_UNIX_PATH_BYTES = 107
/** setTimeout fires at once beyond 2^31-1 ms. */
const MAX_DURATION_MS = 2 ** 31 - 1

const unixPath = (path: string): Parsed<Address> => {
  if (!path.startsWith('/')) return { expected: 'unix:/absolute/path' }
  if (path.includes('\0')) return { mistake: 'a socket path cannot hold a NUL byte' }
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_UNIX_PATH_BYTES)
    return { mistake: `a socket path has at most ${MAX_UNIX_PATH_BYTES} bytes, this one has ${bytes}` }
  return { value: { kind: 'unix', path } }
}

const isHostName = (host: string): boolean =>
  host.length <= 253 &&
  // Underscores are not in DNS' own grammar, but in the names that Docker gives to containers.
  host.split('.').every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label)) &&
  !/^[0-9.]+$/.test(host)

const hostAndPort = (text: string, form: string, lowestPort: number): Parsed<Address> => {
  const split = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]+)$/.exec(text)
  if (!split) {
    if (isIPv6(text)) return { mistake: `an IPv6 address stands in brackets before its port: '[${text}]:8008'` }
    return { expected: form }
  }
  const [, inBrackets, bare, digits] = split
  const port = Number(digits)
  if (port < lowestPort || port > 65535)
    return { mistake: `port ${digits} does not exist: ports go from ${lowestPort} to 65535` }
  if (inBrackets !== undefined) {
    if (!isIPv6(inBrackets)) return { mistake: `"${inBrackets}" is no IPv6 address` }
    return { value: { kind: 'tcp', host: inBrackets.toLowerCase(), port } }
  }
  const host = bare!
  if (host === '') return { expected: form }
  if (!isIPv4(host) && !isHostName(host)) return { mistake: `"${host}" is neither an IPv4 address nor a host name` }
  return { value: { kind: 'tcp', host: host.toLowerCase(), port } }
}

/** `127.0.0.1:8008`, `[::1]:8008`, `synapse-sync-1:8083`, `unix:/run/sync.sock`. */
export const parseWorkerAddress = (text: string): Parsed<Address> => {
  if (text.startsWith('unix:')) return unixPath(text.slice(5))
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/(.*?)\/?$/i.exec(text)
  if (scheme) {
    const rest = scheme[2]!
    return scheme[1]!.toLowerCase() === 'http' && 'value' in hostAndPort(rest, '', 1)
      ? { mistake: `a worker is written without a scheme: ${rest}` }
      : { mistake: `the router speaks plain HTTP to workers: expected host:port or unix:/path, got "${text}"` }
  }
  return hostAndPort(text, 'host:port', 1)
}

/** An address as listeners are written, with its scheme. Port 0 lets the kernel choose. */
export const parseListenAddress = (text: string): Parsed<{ readonly address: Address; readonly tls: boolean }> => {
  const form = 'http://host:port, https://host:port or unix:/path'
  if (text.startsWith('unix:')) {
    const parsed = unixPath(text.slice(5))
    return 'value' in parsed ? { value: { address: parsed.value, tls: false } } : parsed
  }
  const scheme = /^(https?):\/\/([^/]*)(\/.*)?$/.exec(text)
  if (!scheme) return { expected: form }
  if (scheme[3] !== undefined && scheme[3] !== '/')
    return { mistake: `a listener has no path: "${scheme[3]}" is too much` }
  const parsed = hostAndPort(scheme[2]!, form, 0)
  return 'value' in parsed ? { value: { address: parsed.value, tls: scheme[1] === 'https' } } : parsed
}

/** Milliseconds of `250`, `250ms`, `5s`, `1.5s`, `2m`, `1h`. */
export const parseDuration = (text: string): Parsed<number> => {
  const split = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text)
  if (!split) return { expected: 'a duration such as 30s, 2m or 250 (milliseconds)' }
  const ms =
    Number(split[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[(split[2] ?? 'ms') as 'ms' | 's' | 'm' | 'h']
  if (ms > MAX_DURATION_MS) return { mistake: `${text} is longer than a timer can run (24 days)` }
  return { value: Math.round(ms) }
}

/** Bytes of `1048576`, `512K`, `50M`, `50MiB`, `1.5G`; K, M and G are powers of 1024, as in nginx and Synapse. */
export const parseSize = (text: string): Parsed<number> => {
  const split = /^(\d+(?:\.\d+)?)\s*(?:([KMG])(?:iB)?)?$/i.exec(text)
  const bytes =
    split && Number(split[1]) * { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[(split[2] ?? '').toUpperCase() as 'K']
  if (!bytes || !Number.isSafeInteger(Math.round(bytes)))
    return { expected: 'a size such as 50M, 512K or a number of bytes' }
  return { value: Math.round(bytes) }
}

/** `10.0.0.0/8`, `fd00::/8`, or one address. Returned as written. */
export const parseNetwork = (text: string): Parsed<string> => {
  const split = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text)
  const family = split ? isIP(split[1]!) : 0
  if (!split || family === 0) return { expected: 'an address or a network such as 10.0.0.0/8' }
  const longest = family === 4 ? 32 : 128
  if (split[2] !== undefined && Number(split[2]) > longest)
    return { mistake: `an IPv${family} prefix has at most ${longest} bits, not ${split[2]}` }
  return { value: text }
}

/** `1.163`, `1.163.2`, `v1.163.0rc1` or `auto`. Takes the text, as 1.11 and 1.110 are the same number but not the same release. */
export const parseSynapseVersion = (text: string): Parsed<SynapseVersion | 'auto'> => {
  if (text === 'auto') return { value: 'auto' }
  const split = /^v?(\d+)\.(\d+)(?:\.\d+)?(?:rc\d+)?$/.exec(text)
  return split
    ? { value: [Number(split[1]), Number(split[2])] }
    : { expected: "a Synapse release such as '1.163', or auto" }
}

/** A server name of the Matrix specification: a host with an optional port. */
export const parseServerName = (text: string): Parsed<string> => {
  const split = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text)
  const valid = split && (split[1] !== undefined ? isIPv6(split[1]) : isIPv4(split[2]!) || isHostName(split[2]!))
  return valid && Number(split[3] ?? 1) <= 65535 ? { value: text } : { expected: 'a server name such as example.org' }
}

/** Would a connection to `worker` end at `listener`, on this machine? */
export const reaches = (worker: Address, listener: Address): boolean =>
  worker.kind === 'tcp' && !isLoopback(worker.host) && !isWildcard(worker.host)
    ? addressKey(worker) === addressKey(listener)
    : addressesCollide(worker, listener)
