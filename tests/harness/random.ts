/** Numbers that a seed repeats: mulberry32. */
export interface Random {
  /** An integer in [0, n). */
  int(n: number): number
  /** True once in `n` times. */
  oneIn(n: number): boolean
  pick<T>(of: readonly T[]): T
}

export const makeRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (n: number) => Math.floor(next() * n)
  return { int, oneIn: (n) => int(n) === 0, pick: (of) => of[int(of.length)]! }
}

/** `text` cut at up to `cuts` random places. */
export const splitAtRandom = (random: Random, text: string, cuts: number): string[] => {
  const at = Array.from({ length: cuts }, () => random.int(text.length + 1)).sort((a, b) => a - b)
  return [0, ...at].map((from, i) => text.slice(from, at[i] ?? text.length)).filter((piece) => piece !== '')
}
