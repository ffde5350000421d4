/**
 * Rules, compiled: which is the first that matches a request.
 *
 * It is a trie whose nodes that accept the same continuations are one node, that is, the deterministic automaton of all
 * patterns at once, built node by node as requests walk it. A node *is* the set of places in the patterns where the
 * regular expressions, tried side by side, could be after the bytes read, so that its answer is theirs by construction;
 * only places that cannot change the first match any more are left out. See docs/decisions/0003-routes-as-an-automaton.md.
 */

import { END_CLASS, makeNfa } from './nfa.ts'
import type { Rule } from './rule.ts'
import { makeStateSets } from './state-sets.ts'
import { type Condition, holds } from './when.ts'

export interface Trie {
  /**
   * The index of the first rule that takes the request, or -1. The request target is `target[start, end)`, its path ends
   * at the first `?`; `methodBit` is what {@link methodBit} says. Time is linear in the target's length, and what is
   * remembered from one call to the next is bounded, whatever the paths.
   */
  readonly find: (target: Uint8Array, start: number, end: number, methodBit: number) => number
  readonly stats: () => TrieStats
}

export interface TrieStats {
  /** Nodes that exist now; they are built as requests need them. */
  readonly nodes: number
  /** Bytes that no rule tells apart are one class. */
  readonly classes: number
  /** Of all tables together. */
  readonly bytes: number
  /** How often the nodes outgrew their limit and were thrown away. */
  readonly flushes: number
}

/** Hostile paths through the documented table made 2,142 nodes, and no more; at 60 classes this limit is 4 MB of edges. */
const MAX_NODES = 16384
/** Ints; what the sets of all nodes may hold together. */
const MAX_MEMBERS = 1 << 21
/**
 * Edges that one request may add, each some 1 to 5 µs; past that its path is walked without remembering, at 0.1 to 0.4 µs
 * per byte. A path of a new kind needs about one edge per byte, so a long one is learnt in two requests.
 */
const MAX_NEW_EDGES = 128

/** An edge's value: 0 unknown, positive the target node's first edge, negative `~index` of the outcome, which is final. */
const UNKNOWN = 0

/** The rules that match where a path ends, in order, up to the first that takes every request. */
interface Outcome {
  readonly rules: Int32Array
  readonly masks: Int32Array
  readonly conditions: readonly (Condition | undefined)[]
}

/** Throws on patterns that `parsePattern` refuses. `maxNodes` is for tests. */
export const compileTrie = (rules: readonly Rule[], { maxNodes = MAX_NODES } = {}): Trie => {
  const nfa = makeNfa(rules)
  const { classOf } = nfa
  /** Edges of a node, one per class; that of END_CLASS is always known. Node n's are at `(n + 1) * width`: 0 is no node. */
  const width = nfa.classCount
  const sets = makeStateSets(maxNodes, Math.max(MAX_MEMBERS, 4 * nfa.stateCount))
  const scratch = new Int32Array(nfa.stateCount)
  const spare = new Int32Array(nfa.stateCount)
  let edges = new Int32Array(128 * width)
  let outcomes: Outcome[] = []
  let outcomeOf = new Map<string, number>()
  let flushes = 0

  const initial = new Int32Array(nfa.stateCount)
  const initialCount = nfa.initial(initial)

  const outcome = (states: Int32Array, from: number, to: number): number => {
    const accepted = nfa.accepted(states, from, to)
    const key = accepted.join()
    let index = outcomeOf.get(key)
    if (index === undefined) {
      index = outcomes.length
      outcomes.push({
        rules: Int32Array.from(accepted),
        masks: Int32Array.from(accepted, (rule) => nfa.masks[rule]!),
        conditions: accepted.map((rule) => nfa.conditions[rule]),
      })
      outcomeOf.set(key, index)
    }
    return ~index
  }

  /** The edge value for the settled set `states[0, count)`; UNKNOWN if there is no room for another node. */
  const edgeTo = (states: Int32Array, count: number): number => {
    if (nfa.isDecided(states, 0, count)) return outcome(states, 0, count)
    const before = sets.size
    const node = sets.intern(states, count)
    if (node < 0) return UNKNOWN
    const row = (node + 1) * width
    if (sets.size > before) {
      if (row + width > edges.length) {
        const larger = new Int32Array(Math.min(edges.length * 2, (maxNodes + 1) * width))
        larger.set(edges)
        edges = larger
      }
      edges[row + END_CLASS] = outcome(states, 0, count)
    }
    return row
  }

  let startEdge = edgeTo(initial, initialCount)

  const flush = () => {
    edges.fill(UNKNOWN, 0, (sets.size + 1) * width)
    sets.clear()
    outcomes = []
    outcomeOf = new Map()
    flushes++
    startEdge = edgeTo(initial, initialCount)
  }

  /** Finds out where the edge of `byteClass` leads from the node at `row`, and remembers it. */
  const addEdge = (row: number, byteClass: number): number => {
    const node = row / width - 1
    const count = nfa.settle(
      scratch,
      nfa.step(sets.members, sets.begin(node), sets.begin(node + 1), byteClass, scratch),
    )
    const edge = edgeTo(scratch, count)
    if (edge !== UNKNOWN) {
      edges[row + byteClass] = edge
      return edge
    }
    flush() // The row is gone with the rest.
    return edgeTo(scratch, count)
  }

  /** Walks on from the node at `row` without remembering, one set of states after the other. */
  const walk = (row: number, target: Uint8Array, from: number, end: number, methodBit: number): number => {
    const node = row / width - 1
    let [states, next] = [scratch, spare]
    let count = sets.begin(node + 1) - sets.begin(node)
    states.set(sets.members.subarray(sets.begin(node), sets.begin(node + 1)))
    for (let i = from; i < end; i++) {
      const byteClass = classOf[target[i]!]!
      if (byteClass === END_CLASS) break
      count = nfa.step(states, 0, count, byteClass, next)
      ;[states, next] = [next, states]
      // Settling sorts; now and then is enough to notice that all is decided.
      if ((i & 63) === 0) {
        count = nfa.settle(states, count)
        if (nfa.isDecided(states, 0, count)) break
      }
    }
    const accepted = nfa.accepted(states, 0, nfa.settle(states, count))
    const query = queryStart(target, from, end)
    for (const rule of accepted) {
      const condition = nfa.conditions[rule]
      if ((nfa.masks[rule]! & methodBit) === 0) continue
      if (condition === undefined || holds(condition, target, query, end)) return rule
    }
    return -1
  }

  /** The first rule of an outcome that takes the request; the path is known to go on at least to `pathEnd`. */
  const choose = (
    { rules, masks, conditions }: Outcome,
    target: Uint8Array,
    pathEnd: number,
    end: number,
    methodBit: number,
  ): number => {
    let query = -1
    for (let i = 0; i < rules.length; i++) {
      if ((masks[i]! & methodBit) === 0) continue
      const condition = conditions[i]
      if (condition === undefined) return rules[i]!
      if (query < 0) query = queryStart(target, pathEnd, end)
      if (holds(condition, target, query, end)) return rules[i]!
    }
    return -1
  }

  return {
    find(target, start, end, methodBit) {
      let row = startEdge
      let i = start
      for (let added = 0; row > 0; ) {
        // Nothing but this loop runs for a path whose edges are known: `table` is a constant in it, so that its address
        // and length are loaded once.
        const table = edges
        let edge = row
        for (; i < end; i++) {
          edge = table[row + classOf[target[i]!]!]!
          if (edge <= 0) break
          row = edge
        }
        if (i === end) edge = table[row + END_CLASS]!
        else if (edge === UNKNOWN) {
          if (added++ === MAX_NEW_EDGES) return walk(row, target, i, end, methodBit)
          edge = addEdge(row, classOf[target[i]!]!)
          i++
        }
        row = edge
      }
      return choose(outcomes[~row]!, target, i, end, methodBit)
    },
    stats: () => ({
      nodes: sets.size,
      classes: width - 1,
      bytes: edges.byteLength + sets.bytes() + 4 * 3 * nfa.stateCount,
      flushes,
    }),
  }
}

/** Where the query begins, behind the first `?` in `target[from, end)`; `end` if there is none. */
const queryStart = (target: Uint8Array, from: number, end: number): number => {
  for (let i = from; i < end; i++) if (target[i] === 0x3f) return i + 1
  return end
}
