/**
 * Which rules can never be reached, since the rules before them, taken together, take every request they could. Decided
 * exactly, by language inclusion on the automaton, with methods and conditions; where that would take too long, the
 * answer is "not decided".
 */

import type { When } from '../config/types.ts'
import { makeNfa, type Nfa } from './nfa.ts'
import { parsePattern } from './pattern.ts'
import type { Rule } from './rule.ts'
import { makeRandom, sample } from './sample.ts'
import { makeStateSets } from './state-sets.ts'

export interface Reachability {
  /** Rules that no request reaches, each with the earlier rules that get its requests: none of them can be left out. */
  readonly unreachable: readonly { readonly rule: number; readonly by: readonly number[] }[]
  /** Rules for which the budget was not enough. */
  readonly undecided: readonly number[]
}

/** Sets of states to look at for one rule. The hardest of the documented table needs some 1,000. */
const MAX_SETS = 20_000
const SAMPLES = 40
/** Query strings to try for one set of conditions. */
const MAX_QUERIES = 4096

/** Throws on patterns that `parsePattern` refuses. */
export const unreachableRules = (rules: readonly Rule[], { maxSets = MAX_SETS } = {}): Reachability => {
  const nfa = makeNfa(rules)
  const wins = makeWins(rules, nfa)
  const unreachable: { rule: number; by: number[] }[] = []
  const undecided: number[] = []
  rules.forEach((rule, index) => {
    const reach = isReachedBySample(rule, index, nfa, wins) ? 'reachable' : search(index, nfa, wins, maxSets)
    if (reach === 'not decided') undecided.push(index)
    if (reach === 'unreachable') unreachable.push({ rule: index, by: culprits(rules, index, maxSets) })
  })
  return { unreachable, undecided }
}

/** The rules before the unreachable rule `index` that are needed to make it so. */
const culprits = (rules: readonly Rule[], index: number, maxSets: number): number[] => {
  const suffice = (earlier: readonly number[]): boolean => {
    const table = [...earlier, index].map((rule) => rules[rule]!)
    const nfa = makeNfa(table)
    const wins = makeWins(table, nfa)
    const last = table.length - 1
    return !isReachedBySample(table[last]!, last, nfa, wins) && search(last, nfa, wins, maxSets) === 'unreachable'
  }
  let left = [...rules.keys()].slice(0, index)
  const alone = left.find((rule) => suffice([rule]))
  if (alone !== undefined) return [alone]
  // Leaves out larger pieces first: the cost grows with the number of culprits, hardly with that of rules.
  for (let piece = Math.ceil(left.length / 2); ; piece = Math.ceil(piece / 2)) {
    for (let from = 0; from < left.length; ) {
      const without = [...left.slice(0, from), ...left.slice(from + piece)]
      if (suffice(without)) left = without
      else from += piece
    }
    if (piece === 1) return left
  }
}

/** Is there a request whose path the rules `accepted` match, in this order, that `rule`, one of them, gets? */
type Wins = (rule: number, accepted: readonly number[]) => boolean | 'not decided'

const makeWins = (rules: readonly Rule[], nfa: Nfa): Wins => {
  const known = new Map<string, boolean | 'not decided'>()
  const decide = (rule: number, earlier: readonly number[]): boolean | 'not decided' => {
    let decided: boolean | 'not decided' = false
    for (let bit = 1; bit <= 128; bit *= 2) {
      if ((nfa.masks[rule]! & bit) === 0) continue
      const rivals = earlier.filter((other) => (nfa.masks[other]! & bit) !== 0)
      if (rivals.some((other) => nfa.conditions[other] === undefined)) continue
      const escapes = someQuery(
        rules[rule]!.when ?? {},
        rivals.map((other) => rules[other]!.when ?? {}),
      )
      if (escapes === true) return true
      if (escapes === 'not decided') decided = escapes
    }
    return decided
  }
  return (rule, accepted) => {
    const place = accepted.indexOf(rule)
    if (place < 0) return false
    const key = accepted.slice(0, place + 1).join()
    let answer = known.get(key)
    if (answer === undefined) {
      answer = decide(rule, accepted.slice(0, place))
      known.set(key, answer)
    }
    return answer
  }
}

/**
 * Is there a query for which `wanted` holds and none of `others`? Each argument that is named is absent, one of the
 * values it is compared with, or some other value, so there are finitely many to try.
 */
const someQuery = (wanted: When, others: readonly When[]): boolean | 'not decided' => {
  const values = new Map<string, Set<string>>()
  for (const when of [wanted, ...others]) {
    const compared: readonly (readonly [string, boolean | string])[] = [
      ...(when.initialSync === undefined
        ? []
        : ([
            ['since', true],
            ['full_state', 'true'],
          ] as const)),
      ...Object.entries(when.query ?? {}),
    ]
    for (const [name, value] of compared) {
      const seen = values.get(name) ?? new Set([''])
      if (typeof value === 'string') seen.add(value)
      values.set(name, seen)
    }
  }
  for (const seen of values.values()) seen.add('x'.repeat(1 + Math.max(...[...seen].map((value) => value.length))))
  const names = [...values.keys()]
  const count = names.reduce((product, name) => product * values.get(name)!.size, 1)
  if (count > MAX_QUERIES) return 'not decided'
  const choices = names.map((name) => [...values.get(name)!])
  for (let number = 0; number < count; number++) {
    let rest = number
    const query = new Map<string, string>()
    names.forEach((name, i) => {
      query.set(name, choices[i]![rest % choices[i]!.length]!)
      rest = Math.floor(rest / choices[i]!.length)
    })
    if (queryPasses(wanted, query) && !others.some((when) => queryPasses(when, query))) return true
  }
  return false
}

const queryPasses = (when: When, query: ReadonlyMap<string, string>): boolean => {
  if (when.initialSync !== undefined) {
    const initial = !query.get('since') || query.get('full_state') === 'true'
    if (initial !== when.initialSync) return false
  }
  return Object.entries(when.query ?? {}).every(([name, wanted]) => {
    const value = query.get(name) ?? ''
    return typeof wanted === 'boolean' ? wanted === (value !== '') : wanted === value
  })
}

/** Most rules are reached by some of the paths they were made for; this is found in microseconds. */
const isReachedBySample = (rule: Rule, index: number, nfa: Nfa, wins: Wins): boolean => {
  const parsed = parsePattern(rule.match)
  if (!parsed.ok) return false
  const random = makeRandom(1)
  let states = new Int32Array(nfa.stateCount)
  let next = new Int32Array(nfa.stateCount)
  for (let i = 0; i < SAMPLES; i++) {
    const path = sample(parsed.ast, random, () => 'xyz')
    let count = nfa.initial(states)
    for (let at = 0; at < path.length && count > 0; at++) {
      const byteClass = nfa.classOf[path.charCodeAt(at)]!
      count = nfa.settle(next, nfa.step(states, 0, count, byteClass, next))
      ;[states, next] = [next, states]
    }
    if (wins(index, nfa.accepted(states, 0, count)) === true) return true
  }
  return false
}

/**
 * Looks at every set of states that some path leads to while `rule` may still match, until one is found in which a
 * request whose path ends there is the rule's.
 */
const search = (rule: number, nfa: Nfa, wins: Wins, maxSets: number): 'reachable' | 'unreachable' | 'not decided' => {
  const sets = makeStateSets(maxSets, maxSets * 64 + nfa.stateCount)
  const scratch = new Int32Array(nfa.stateCount)
  let decided = true

  /** Keeps the settled set if the rule is alive in it. */
  const visit = (states: Int32Array, settled: number): 'reachable' | 'full' | 'kept' => {
    let count = settled
    // Later rules do not matter, and without them there are fewer sets.
    while (count > 0 && nfa.ruleOf[states[count - 1]!]! > rule) count--
    if (count === 0 || nfa.ruleOf[states[count - 1]!] !== rule) return 'kept'
    const won = wins(rule, nfa.accepted(states, 0, count))
    if (won === true) return 'reachable'
    if (won === 'not decided') decided = false
    return sets.intern(states, count) < 0 ? 'full' : 'kept'
  }

  let found = visit(scratch, nfa.initial(scratch))
  for (let set = 0; set < sets.size; set++) {
    for (let byteClass = 1; byteClass < nfa.classCount && found === 'kept'; byteClass++) {
      const count = nfa.step(sets.members, sets.begin(set), sets.begin(set + 1), byteClass, scratch)
      found = visit(scratch, nfa.settle(scratch, count))
    }
    if (found !== 'kept') return found === 'full' ? 'not decided' : found
  }
  return found === 'reachable' ? found : decided ? 'unreachable' : 'not decided'
}
