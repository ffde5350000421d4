/**
 * Paths with parameters, such as `/rooms/{roomId}/state/{eventType}`, found by segment. They are matched as they are on the
 * wire, as Synapse does: no decoding, no dots, no double slashes, and a slash at the end makes another path. A literal
 * segment goes before a parameter; where the rest of the path then leads nowhere, the parameter is tried.
 */

export interface PathTrie<T> {
  /** What is served at `path` with `method`; `other method`: the path is served, with others; undefined: it is not. */
  find(method: string, path: string): Found<T> | 'other method' | undefined
}

export interface Found<T> {
  readonly value: T
  /** The parameters' segments in the path's order, not decoded. */
  readonly segments: readonly string[]
}

export interface PathEntry<T> {
  readonly method: string
  readonly path: string
  /** Positions of the parameters that must not be empty. */
  readonly nonEmpty?: readonly number[]
  readonly value: T
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>
  parameter: Node<T> | undefined
  /** By method. Absent: no path ends here. */
  ends: Map<string, PathEntry<T>> | undefined
}

const makeNode = <T>(): Node<T> => ({ literals: new Map(), parameter: undefined, ends: undefined })

const NO_SEGMENTS: readonly string[] = []

/** Throws for two entries of the same method and path: it would be chance which of them serves. */
export function makePathTrie<T>(entries: readonly PathEntry<T>[]): PathTrie<T> {
  const root = makeNode<T>()
  /** Paths without parameters: most requests need one look. */
  const plain = new Map<string, Map<string, PathEntry<T>>>()

  for (const entry of entries) {
    const ends = endsAt(root, entry.path)
    if (ends.has(entry.method)) throw new Error(`${entry.method} ${entry.path} is served twice`)
    ends.set(entry.method, entry)
    if (!entry.path.includes('{')) plain.set(entry.path, ends)
  }

  return {
    find(method, path) {
      const entry = plain.get(path)?.get(method)
      if (entry !== undefined) return { value: entry.value, segments: NO_SEGMENTS }
      const search: Search<T> = { method, parts: path.split('/'), segments: [], found: undefined, isServed: false }
      walk(root, 1, search)
      if (search.found !== undefined) return { value: search.found.value, segments: search.segments }
      return search.isServed ? 'other method' : undefined
    },
  }
}

function endsAt<T>(root: Node<T>, path: string): Map<string, PathEntry<T>> {
  let node = root
  for (const part of path.split('/').slice(1)) {
    if (part.startsWith('{')) {
      node.parameter ??= makeNode()
      node = node.parameter
    } else {
      let next = node.literals.get(part)
      if (next === undefined) {
        next = makeNode()
        node.literals.set(part, next)
      }
      node = next
    }
  }
  node.ends ??= new Map()
  return node.ends
}

interface Search<T> {
  readonly method: string
  readonly parts: readonly string[]
  readonly segments: string[]
  found: PathEntry<T> | undefined
  isServed: boolean
}

/** As deep as the longest path that is served, whatever the request's is. */
function walk<T>(node: Node<T>, index: number, search: Search<T>): boolean {
  if (index === search.parts.length) return ends(node, search)
  const part = search.parts[index]!
  const literal = node.literals.get(part)
  if (literal !== undefined && walk(literal, index + 1, search)) return true
  if (node.parameter === undefined) return false
  search.segments.push(part)
  if (walk(node.parameter, index + 1, search)) return true
  search.segments.pop()
  return false
}

function ends<T>(node: Node<T>, search: Search<T>): boolean {
  if (node.ends === undefined) return false
  const isFilled = ({ nonEmpty = [] }: PathEntry<T>): boolean => nonEmpty.every((i) => search.segments[i] !== '')
  const entry = node.ends.get(search.method)
  if (entry !== undefined && isFilled(entry)) {
    search.found = entry
    return true
  }
  search.isServed ||= [...node.ends.values()].some(isFilled)
  return false
}
