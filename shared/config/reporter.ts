/** Problems as they are found, by path; each is placed at the nearest node that was read. */

import { type Alias, isScalar, type LineCounter, type Node } from 'yaml'
import type { Reading } from './decode.ts'
import { formatProblem, type Place, type Problem } from './problem.ts'
import { sourceOffset } from './source-offset.ts'

export interface Reporter extends Reading {
  /** Where `path` is written, or the nearest thing around it. */
  readonly place: (path: string) => Place
  readonly placeOfNode: (node: Node) => Place
  /** In the order of the file, each once. */
  readonly problems: () => readonly Problem[]
}

/** `pools.sync.workers[1]` → `pools.sync.workers` → `pools.sync` … → ``. */
const parentPath = (path: string): string => {
  const parent = path.replace(/(?:^|\.)[^.[\]]*$|\[[^[\]]*\]$/, '')
  return parent === path ? '' : parent
}

/** The reporter of one file. `lenient`: as {@link Reading} has it. */
export const makeReporter = (
  file: string,
  text: string,
  lines: LineCounter,
  aliases: ReadonlyMap<Alias, Node>,
  lenient = false,
): Reporter => {
  const nodes = new Map<string, Node>()
  const found: { readonly problem: Problem; readonly offset: number }[] = []

  const nodeOf = (path: string): Node | undefined => {
    let at = path
    while (!nodes.has(at) && at !== '') at = parentPath(at)
    return nodes.get(at)
  }
  const offsetOf = (node: Node | undefined, inside?: number): number =>
    inside !== undefined && isScalar(node) ? sourceOffset(text, node, inside) : (node?.range?.[0] ?? 0)
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line, column: col }
  }
  const add = (
    severity: Problem['severity'],
    path: string,
    message: string,
    node: Node | undefined,
    inside?: number,
  ) => {
    const offset = offsetOf(node, inside)
    found.push({ problem: { place: placeAt(offset), path, message, severity }, offset })
  }
  return {
    resolve: (node) => (aliases.get(node as Alias) ?? node ?? undefined) as Node | undefined,
    visit: (path, node) => void nodes.set(path, node),
    lenient,
    problem: (path, message, at) => add('error', path, message, at?.node ?? nodeOf(path), at?.offset),
    warn: (path, message, at) => add('warning', path, message, at?.node ?? nodeOf(path), at?.offset),
    note: (path, message, at) => add('note', path, message, at?.node ?? nodeOf(path), at?.offset),
    source: (node) => text.slice(node.range?.[0], node.range?.[1]),
    line: (node) => lines.linePos(node.range?.[0] ?? 0).line,
    place: (path) => placeAt(offsetOf(nodeOf(path))),
    placeOfNode: (node) => placeAt(node.range?.[0] ?? 0),
    has: (path) => nodes.has(path),
    problems: () => {
      const seen = new Set<string>()
      return found
        .toSorted((a, b) => a.offset - b.offset)
        .map(({ problem }) => problem)
        .filter((problem) => {
          // What an alias stands for is read at every use, but wrong once.
          const text = formatProblem({ ...problem, path: '' })
          return !seen.has(text) && seen.add(text)
        })
    },
  }
}
