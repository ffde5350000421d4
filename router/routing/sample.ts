/** Paths that a pattern matches, drawn at random: for tests, and as witnesses that a rule can be reached. */

import type { Node } from './pattern.ts'

/** A random number in [0, 1). */
export type Random = () => number

/** Mulberry32: small, fast, and the same numbers for the same seed everywhere. */
export const makeRandom = (seed: number): Random => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)]!

/**
 * A string that `node` matches from its first to its last character, one character per byte. `fill` proposes what an
 * unbounded repetition (`.*`, `[^/]+`) stands for; it is used where every character of it fits.
 */
export const sample = (node: Node, random: Random, fill: () => string): string => {
  switch (node.kind) {
    case 'start':
    case 'end':
      return ''
    case 'byte':
      return sampleByte(node.set, random)
    case 'sequence':
      return node.items.map((item) => sample(item, random, fill)).join('')
    case 'choice':
      return sample(pick(random, node.options), random, fill)
    case 'repeat': {
      const { item, min, max } = node
      if (max === Number.POSITIVE_INFINITY && item.kind === 'byte') {
        const filling = fill()
        const fits = filling.length >= min && [...filling].every((char) => item.set[char.charCodeAt(0)] === 1)
        if (fits) return filling
      }
      const times = min + Math.floor(random() * (Math.min(max, min + 3) - min + 1))
      let text = ''
      for (let i = 0; i < times; i++) text += sample(item, random, fill)
      return text
    }
  }
}

/** Mostly what is common in a path; now and then anything the set holds. A set that holds nothing gives ''. */
const sampleByte = (set: Uint8Array, random: Random): string => {
  for (let i = 0; i < 8; i++) {
    const byte = random() < 0.9 ? 0x61 + Math.floor(random() * 26) : 0x21 + Math.floor(random() * 94)
    if (set[byte] === 1) return String.fromCharCode(byte)
  }
  const held = [...set.keys()].filter((byte) => set[byte] === 1)
  return held.length === 0 ? '' : String.fromCharCode(pick(random, held))
}
