/**
 * All rules of a table as one nondeterministic automaton over classes of bytes. It knows how to take one step with a set
 * of states; {@link compileTrie} and {@link unreachableRules} make deterministic states of such sets.
 *
 * A rule's states have consecutive numbers, rules in order, and a rule's MATCHED state is its first: a sorted set is thus
 * grouped by rule, and what the earlier rules have already decided is known when a later rule's states are looked at.
 */

import { EVERY_METHOD, methodMask } from './method.ts'
import { type ByteSet, EVERY_BYTE, holdsEveryByte, type Node, parsePattern } from './pattern.ts'
import type { Rule } from './rule.ts'
import { type Condition, compileWhen } from './when.ts'

/** The rule matches whatever follows. */
const MATCHED = 0
/** The rule matches if the path ends here. */
const ENDS = 1
/** Consumes one byte of a set. */
const BYTE = 2
/** Consumes nothing: both ways are open. */
const SPLIT = 3
/** Consumes nothing, passed only at the start of the path. */
const START = 4

/** The class that stands for the end of the path: `?` or the end of the target. */
export const END_CLASS = 0

export interface Nfa {
  /** Bytes that no rule tells apart share a class; `?` alone is in {@link END_CLASS}. */
  readonly classOf: Uint8Array
  readonly classCount: number
  readonly stateCount: number
  readonly ruleOf: Int32Array
  readonly masks: Int32Array
  readonly conditions: readonly (Condition | undefined)[]
  /** Writes the states before the first byte to `out`, returns how many. */
  readonly initial: (out: Int32Array) => number
  /**
   * Writes the states that follow `states[from, to)` on a byte of `byteClass` to `out`, in no order, returns how many.
   * `out` needs room for `stateCount`. Time is linear in the size of the automaton at worst.
   */
  readonly step: (states: Int32Array, from: number, to: number, byteClass: number, out: Int32Array) => number
  /**
   * Sorts `states[0, count)` and drops those that cannot change the outcome any more, as their rule comes after rules
   * that have matched for good and take every method it takes. Returns the new count.
   */
  readonly settle: (states: Int32Array, count: number) => number
  /** Can nothing that follows change which rules match? */
  readonly isDecided: (states: Int32Array, from: number, to: number) => boolean
  readonly isMatched: (state: number) => boolean
  /** The rules, in order, that match if the path ends in the settled set `states[from, to)`. */
  readonly accepted: (states: Int32Array, from: number, to: number) => number[]
}

/** Throws on a pattern that {@link parsePattern} refuses: whoever read the configuration has told its mistakes before. */
export const makeNfa = (rules: readonly Rule[]): Nfa => {
  const kinds: number[] = []
  const nexts: number[] = []
  /** Of a SPLIT its second way, of a BYTE the index of its set. */
  const others: number[] = []
  const owners: number[] = []
  const sets: ByteSet[] = []
  const setIndexes = new Map<ByteSet | string, number>()

  const setIndex = (set: ByteSet): number => {
    const known = setIndexes.get(set) ?? setIndexes.get(set.join(''))
    if (known !== undefined) return known
    setIndexes.set(set, sets.length).set(set.join(''), sets.length)
    return sets.push(set) - 1
  }

  let owner = 0
  const state = (kind: number, next = -1, other = -1): number => {
    nexts.push(next)
    others.push(other)
    owners.push(owner)
    return kinds.push(kind) - 1
  }

  /** Adds `node` in front of the state `next`; returns the state it begins in. */
  const before = (node: Node, next: number): number => {
    switch (node.kind) {
      case 'byte':
        return state(BYTE, next, setIndex(node.set))
      case 'start':
        return state(START, next)
      case 'end':
        return next + 1 // The parser saw to it that nothing follows: `next` is MATCHED, and ENDS comes after it.
      case 'sequence':
        return node.items.reduceRight((then, item) => before(item, then), next)
      case 'choice':
        return node.options.map((option) => before(option, next)).reduceRight((rest, way) => state(SPLIT, way, rest))
      case 'repeat':
        return repeatBefore(node, next)
    }
  }

  const repeatBefore = ({ item, min, max }: Node & { kind: 'repeat' }, next: number): number => {
    let first = next
    if (max === Number.POSITIVE_INFINITY) {
      // `.*` at the end, be it before `$` or not, lets every rest match.
      const matchesAnyRest = kinds[next]! <= ENDS && item.kind === 'byte' && holdsEveryByte(item.set)
      if (matchesAnyRest) {
        first = kinds[next] === ENDS ? next - 1 : next
      } else {
        first = state(SPLIT, -1, next)
        nexts[first] = before(item, first)
      }
    } else {
      for (let i = min; i < max; i++) first = state(SPLIT, before(item, first), next)
    }
    for (let i = 0; i < min; i++) first = before(item, first)
    return first
  }

  const entries = rules.map((rule, index) => {
    const parsed = parsePattern(rule.match)
    if (!parsed.ok) {
      const told = parsed.mistakes.map(({ offset, message }) => `column ${offset + 1}: ${message}`)
      throw new Error(`route pattern ${rule.match}: ${told.join('; ')}`)
    }
    owner = index
    const matched = state(MATCHED)
    state(ENDS)
    const entry = before(parsed.ast, matched)
    if (isAnchored(parsed.ast)) return entry
    // May begin anywhere: a `.*` in front.
    const loop = state(SPLIT, -1, entry)
    nexts[loop] = state(BYTE, loop, setIndex(EVERY_BYTE))
    return loop
  })

  const { classOf, classCount } = byteClasses(sets)
  const holds = sets.map((set) => {
    const inClass = new Uint8Array(classCount)
    for (let byte = 0; byte < 256; byte++) if (classOf[byte] !== END_CLASS) inClass[classOf[byte]!] = set[byte]!
    return inClass
  })
  const stateCount = kinds.length
  const kindOf = Uint8Array.from(kinds)
  const nextOf = Int32Array.from(nexts)
  const otherOf = Int32Array.from(others)
  const ruleOf = Int32Array.from(owners)
  const masks = Int32Array.from(rules, (rule) => methodMask(rule.methods))
  const conditions = rules.map((rule) => compileWhen(rule.when))

  /** The step in which a state was last added, so that a set never needs clearing. */
  const addedIn = new Int32Array(stateCount)
  let stepNumber = 0
  /** A SPLIT is passed once and pushes two at most. */
  const stack = new Int32Array(2 * stateCount + 2)
  let count = 0

  const beginSet = () => {
    count = 0
    if (stepNumber === 0x7fffffff) {
      addedIn.fill(0)
      stepNumber = 0
    }
    stepNumber++
  }

  /** Adds `state`, or the states it leads to without a byte. Each SPLIT is passed once a step, so loops end. */
  const add = (state: number, out: Int32Array, atStart: boolean) => {
    let depth = 0
    stack[depth++] = state
    while (depth > 0) {
      const current = stack[--depth]!
      if (addedIn[current] === stepNumber) continue
      addedIn[current] = stepNumber
      switch (kindOf[current]) {
        case SPLIT: {
          const other = otherOf[current]!
          const next = nextOf[current]!
          if (addedIn[other] !== stepNumber) stack[depth++] = other
          if (addedIn[next] !== stepNumber) stack[depth++] = next
          break
        }
        case START:
          if (atStart) stack[depth++] = nextOf[current]!
          break
        default:
          out[count++] = current
      }
    }
  }

  const settle = (states: Int32Array, length: number): number => {
    states.subarray(0, length).sort()
    let kept = 0
    /** Methods that rules have matched for good, without a condition. */
    let taken = 0
    /** A rule that has matched for good, but under a condition: its own other states are idle. */
    let matched = -1
    for (let i = 0; i < length; i++) {
      const current = states[i]!
      const rule = ruleOf[current]!
      const mask = masks[rule]!
      if (rule === matched || (mask & ~taken) === 0) continue
      states[kept++] = current
      if (kindOf[current] !== MATCHED) continue
      matched = rule
      if (conditions[rule] === undefined) taken |= mask
      if (taken === EVERY_METHOD) break
    }
    return kept
  }

  return {
    classOf,
    classCount,
    stateCount,
    ruleOf,
    masks,
    conditions,
    settle,
    initial(out) {
      beginSet()
      for (const entry of entries) add(entry, out, true)
      return settle(out, count)
    },
    step(states, from, to, byteClass, out) {
      beginSet()
      for (let i = from; i < to; i++) {
        const current = states[i]!
        const kind = kindOf[current]
        if (kind === BYTE) {
          if (holds[otherOf[current]!]![byteClass] === 0) continue
          const next = nextOf[current]!
          if (kindOf[next] === BYTE) {
            if (addedIn[next] === stepNumber) continue
            addedIn[next] = stepNumber
            out[count++] = next
          } else {
            add(next, out, false)
          }
        } else if (kind === MATCHED) {
          add(current, out, false)
        }
      }
      return count
    },
    isDecided(states, from, to) {
      for (let i = from; i < to; i++) if (kindOf[states[i]!] !== MATCHED) return false
      return true
    },
    isMatched: (state) => kindOf[state] === MATCHED,
    accepted(states, from, to) {
      const matching: number[] = []
      let taken = 0
      for (let i = from; i < to; i++) {
        const current = states[i]!
        const rule = ruleOf[current]!
        if (kindOf[current]! > ENDS || (masks[rule]! & ~taken) === 0) continue
        matching.push(rule)
        if (conditions[rule] === undefined) taken |= masks[rule]!
      }
      return matching
    },
  }
}

/** Does every way through `node` begin with `^`? Only to leave out a useless `.*` in front. */
const isAnchored = (node: Node): boolean => {
  switch (node.kind) {
    case 'start':
      return true
    case 'sequence':
      return node.items.length > 0 && isAnchored(node.items[0]!)
    case 'choice':
      return node.options.every(isAnchored)
    default:
      return false
  }
}

/** Splits the bytes into classes that each of `sets` holds wholly or not at all. */
const byteClasses = (sets: readonly ByteSet[]): { classOf: Uint8Array; classCount: number } => {
  let classOf = new Uint8Array(256).fill(1)
  let classCount = 2
  classOf[0x3f] = END_CLASS
  for (const set of sets) {
    const split = new Map<number, number>()
    const refined = classOf.slice()
    classCount = 1
    for (let byte = 0; byte < 256; byte++) {
      if (classOf[byte] === END_CLASS) continue
      const key = classOf[byte]! * 2 + set[byte]!
      if (!split.has(key)) split.set(key, classCount++)
      refined[byte] = split.get(key)!
    }
    classOf = refined
  }
  return { classOf, classCount }
}
