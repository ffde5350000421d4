/** Where two values are not the same. */

import type { Json } from './normal.ts'

export interface Difference {
  /** `rooms.join.<room1>.timeline.events.3.content`; empty: of the whole. */
  readonly at: string
  /** Undefined: there is none. */
  readonly ours: Json
  readonly theirs: Json
}

const MOST = 40

/** In the order of the places; not more than a few dozen. */
export const differencesOf = (ours: Json, theirs: Json): readonly Difference[] => {
  const found: Difference[] = []
  const walk = (a: Json, b: Json, at: string) => {
    if (found.length >= MOST || Object.is(a, b)) return
    const isPair = typeof a === 'object' && typeof b === 'object' && a !== null && b !== null
    if (!isPair || Array.isArray(a) !== Array.isArray(b) || (Array.isArray(a) && a.length !== b.length)) {
      found.push({ at, ours: a, theirs: b })
      return
    }
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
      walk(a[key], b[key], at === '' ? key : `${at}.${key}`)
  }
  walk(ours, theirs, '')
  return found
}
