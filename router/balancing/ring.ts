/**
 * Which worker a key belongs to: weighted rendezvous hashing (Thaler and Ravishankar 1998; weights by Schindelhauer and
 * Schomaker 2005). Every worker draws a number from the key, and the best draw wins. A worker that comes or goes moves
 * the keys it wins or had won and no others, and two processes with the same workers agree without talking.
 */

/** 32-bit finalizer of MurmurHash3: every input bit reaches every output bit. */
const mix = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** FNV-1a over the characters of `text`; for names, not for the hot path. */
export const hashText = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

/**
 * The draw of the worker with `seed` (the hash of its name) and `weight` for the key with hash `keyHash`: lower is better.
 * The probability to have the lowest draw is weight ÷ sum of weights.
 */
export const draw = (keyHash: number, seed: number, weight: number): number =>
  -Math.log((mix(Math.imul(keyHash, 0x9e3779b1) ^ seed) + 0.5) / 0x1_0000_0000) / weight

export interface RingMember {
  /** {@link hashText} of the worker's name. */
  readonly seed: number
  readonly weight: number
}

/** The members' indexes in the order in which the key prefers them. */
export const preference = (keyHash: number, members: readonly RingMember[]): number[] =>
  members
    .map((member, index) => ({ index, draw: draw(keyHash, member.seed, member.weight) }))
    .sort((a, b) => a.draw - b.draw || a.index - b.index)
    .map(({ index }) => index)
