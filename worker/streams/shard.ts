import { createHash } from 'node:crypto'

/**
 * Which of `count` instances a key belongs to, as an index in configuration order: event persisters by room ID, federation
 * senders by destination, pushers by user ID. As in Synapse: SHA-256 of the key as a little-endian number, modulo `count`.
 */
export function shardOf(key: string, count: number): number {
  if (count === 1) return 0
  const digest = createHash('sha256').update(key).digest()
  // Horner's rule from the most significant byte, which is the last; stays far below 2^53.
  let remainder = 0
  for (let at = digest.length - 1; at >= 0; at--) remainder = (remainder * 256 + digest[at]!) % count
  return remainder
}
