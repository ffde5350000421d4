/**
 * What a listener does not let through. Decided on the percent-decoded path, as Twisted finds its resources by it: what a
 * worker could take for `/_synapse/replication` is that, however it is written.
 */

import type { Exposure } from '../config/types.ts'
import { latin1, SLASH } from './grammar.ts'

const PERCENT = 0x25
const UNDERSCORE = 0x5f
const DOT = 0x2e
const QUESTION = 0x3f

/** Whether the target `bytes[start, end)` must not pass a listener that exposes `exposes`. */
export const forbidden = (bytes: Buffer, start: number, end: number, exposes: ReadonlySet<Exposure>): boolean => {
  // The common case, decided on a few bytes: /_matrix/client/… on a listener for clients, with nothing that leads out again.
  if (
    bytes[start + 1] === UNDERSCORE &&
    bytes[start + 2] === 0x6d &&
    bytes[start + 8] === SLASH &&
    bytes[start + 9] === 0x63 &&
    exposes.has('client') &&
    !maybeDots(bytes, start + 9, end)
  )
    return false
  return forbiddenPath(decodedPath(bytes, start, end), exposes)
}

/** Whether the path in `bytes[start, end)` may hold a segment `..`, however it is written: a dot may be `%2e`, its `%` again `%25`. */
const maybeDots = (bytes: Buffer, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]
    if (byte === QUESTION) return false
    if (byte === DOT && bytes[i + 1] === DOT) return true
    if (byte !== PERCENT || bytes[i + 1] !== 0x32) continue
    const digit = bytes[i + 2]! | 0x20
    if (digit === 0x65 || digit === 0x35) return true
  }
  return false
}

/** The path before `?`, decoded, with empty and dot segments resolved: the widest reading that anyone may give it. */
const decodedPath = (bytes: Buffer, start: number, end: number): string => {
  let to = start
  let plain = true
  while (to < end && bytes[to] !== QUESTION) {
    if (
      bytes[to] === PERCENT ||
      bytes[to] === DOT ||
      (bytes[to] === SLASH && bytes[to + 1] === SLASH) ||
      bytes[to] === 0x5c
    )
      plain = false
    to++
  }
  let path = latin1(bytes, start, to)
  if (plain) return path
  for (let round = 0; round < 2; round++)
    path = path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const segments: string[] = []
  for (const segment of path.replaceAll('\\', '/').split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') segments.pop()
    else segments.push(segment)
  }
  return `/${segments.join('/')}`
}

const under = (path: string, prefix: string): boolean => path === prefix || path.startsWith(`${prefix}/`)

/** As {@link forbidden}, for a decoded path. */
export const forbiddenPath = (path: string, exposes: ReadonlySet<Exposure>): boolean => {
  const lower = path.toLowerCase()
  if (under(lower, '/_synapse')) {
    if (under(lower, '/_synapse/replication') || under(lower, '/_synapse/metrics')) return true
    if (under(lower, '/_synapse/client')) return !exposes.has('client')
    return !exposes.has('admin')
  }
  if (under(lower, '/_matrix/federation') || under(lower, '/_matrix/key')) return !exposes.has('federation')
  if (under(lower, '/_matrix/media') || under(lower, '/.well-known'))
    return !exposes.has('client') && !exposes.has('federation')
  return !exposes.has('client')
}
