/**
 * Conditions on the query string, tested on the bytes of the request target. An argument means what it means to a
 * worker: Twisted separates arguments at `&` and `;`, skips one without `=`, decodes `+` and `%xx` in name and value
 * (a broken escape stays as it is), and Synapse takes the first value of a name that is repeated.
 */

import type { When } from '../config/types.ts'

/** One argument: present (`true`: there and not empty), absent (`false`), or equal to these bytes. */
interface ArgumentTest {
  readonly name: Uint8Array
  readonly value: boolean | Uint8Array
}

export interface Condition {
  readonly initialSync: boolean | undefined
  /** All must hold. */
  readonly tests: readonly ArgumentTest[]
}

/** Undefined: no condition, always true. */
export const compileWhen = (when: When | undefined): Condition | undefined => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  const tests = Object.entries(when?.query ?? {}).map(([name, value]) => ({
    name: bytes(name),
    // An empty value counts as absent, so to ask for the empty value is to ask for absence.
    value: typeof value === 'string' ? (value === '' ? false : bytes(value)) : value,
  }))
  if (when?.initialSync === undefined && tests.length === 0) return undefined
  return { initialSync: when?.initialSync, tests }
}

const AMPERSAND = 0x26
const SEMICOLON = 0x3b
const EQUALS = 0x3d
const PERCENT = 0x25
const PLUS = 0x2b
const SPACE = 0x20

const SINCE: ArgumentTest = { name: new TextEncoder().encode('since'), value: true }
const FULL_STATE: ArgumentTest = {
  name: new TextEncoder().encode('full_state'),
  value: new TextEncoder().encode('true'),
}

/** Does `condition` hold for the query in `target[from, to)`, the bytes after the first `?` (none: `from === to`)? */
export const holds = (condition: Condition, target: Uint8Array, from: number, to: number): boolean => {
  if (condition.initialSync !== undefined) {
    const initial = !passes(SINCE, target, from, to) || passes(FULL_STATE, target, from, to)
    if (initial !== condition.initialSync) return false
  }
  for (const test of condition.tests) if (!passes(test, target, from, to)) return false
  return true
}

const passes = (test: ArgumentTest, target: Uint8Array, from: number, to: number): boolean => {
  for (let start = from; start < to; ) {
    let equals = -1
    let end = start
    for (; end < to; end++) {
      const byte = target[end]
      if (byte === AMPERSAND || byte === SEMICOLON) break
      if (byte === EQUALS && equals < 0) equals = end
    }
    if (equals >= 0 && decodesTo(target, start, equals, test.name)) {
      if (typeof test.value === 'boolean') return test.value === equals + 1 < end
      return decodesTo(target, equals + 1, end, test.value)
    }
    start = end + 1
  }
  return test.value === false
}

const hexValue = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Is `wanted` what `target[from, to)` says, once decoded? Nothing is allocated. */
const decodesTo = (target: Uint8Array, from: number, to: number, wanted: Uint8Array): boolean => {
  let matched = 0
  for (let at = from; at < to; at++) {
    let byte = target[at]!
    if (byte === PLUS) byte = SPACE
    else if (byte === PERCENT && at + 2 < to) {
      const high = hexValue(target[at + 1]!)
      const low = hexValue(target[at + 2]!)
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low
        at += 2
      }
    }
    if (matched >= wanted.length || wanted[matched] !== byte) return false
    matched++
  }
  return matched === wanted.length
}
