/** One of Synapse's files, as Synapse reads it: its top-level keys, and where they are written. */

import { isMap, isSeq } from 'yaml'
import { childPath, type Entry, entriesOf, isNothing } from '../config/decode.ts'
import type { Place } from '../config/problem.ts'
import type { Reporter } from '../config/reporter.ts'
import { readYaml } from '../config/yaml-document.ts'
import { pythonTags } from './python-yaml.ts'

export interface SourceFile {
  readonly file: string
  readonly text: string
}

export type Settings = Readonly<Record<string, unknown>>

export interface SynapseFile {
  readonly file: string
  /** Has the file's problems. If there is an error among them, it could not be read and has no entries. */
  readonly reporter: Reporter
  readonly entries: ReadonlyMap<string, Entry>
  /** The same as plain values. */
  readonly settings: Settings
}

export const readSynapseFile = ({ file, text }: SourceFile): SynapseFile => {
  const { reporter, document } = readYaml(file, text, {
    lenient: true,
    yaml: { version: '1.1', merge: true, customTags: (tags) => pythonTags(tags) },
    syntaxError: ({ code, message }) =>
      code === 'MULTIPLE_DOCS'
        ? 'a second document begins here, and Synapse reads files of one: remove the ---'
        : `not YAML: ${message}`,
  })
  const nothing: SynapseFile = { file, reporter, entries: new Map(), settings: {} }
  const root = reporter.resolve(document?.contents)
  // Nothing but comments, as packages leave in conf.d: Synapse passes over it too.
  if (!document || !root || isNothing(root)) return nothing
  if (!isMap(root)) {
    reporter.warn('', 'holds no map of settings: passed over, as Synapse does', { node: root })
    return nothing
  }
  const entries = new Map(entriesOf(root, '', reporter).map((entry) => [entry.name, entry]))
  for (const { name, key, value } of entries.values()) reporter.visit(name, value && !isNothing(value) ? value : key)
  try {
    return { file, reporter, entries, settings: document.toJS() as Settings }
  } catch (error) {
    reporter.problem('', `not YAML: ${(error as Error).message}`)
    return nothing
  }
}

/** Where the setting at `path` is written in `file`, or the nearest thing around it; undefined where its first key is not. */
export const placeIn = ({ entries, reporter }: SynapseFile, path: readonly (string | number)[]): Place | undefined => {
  const [first, ...rest] = path
  const entry = entries.get(String(first))
  if (!entry) return undefined
  let [node, at] = [entry.value, entry.key]
  let name = String(first)
  for (const step of rest) {
    if (!node || isNothing(node)) break
    at = node
    name = childPath(name, step)
    if (isSeq(node)) node = reporter.resolve(node.items[Number(step)])
    else if (isMap(node)) {
      const found = entriesOf(node, name, SILENT(reporter)).find((child) => child.name === String(step))
      if (found) at = found.key
      node = found?.value
    } else break
  }
  return reporter.placeOfNode(node && !isNothing(node) ? node : at)
}

/** What is wrong in a map was told when it was read. */
const SILENT = (reporter: Reporter): Reporter => {
  const nothing = () => {}
  return { ...reporter, problem: nothing, warn: nothing, note: nothing }
}

/** The files of one process together: of a top-level key that several have, the last file's counts, whole. */
export interface SynapseSettings {
  readonly files: readonly SynapseFile[]
  readonly settings: Settings
  /** The file whose `key` counts. */
  readonly fileOf: (key: string) => SynapseFile | undefined
  readonly placeOf: (...path: readonly (string | number)[]) => Place | undefined
}

export const mergeFiles = (files: readonly SynapseFile[]): SynapseSettings => {
  const fileOf = (key: string) => files.findLast(({ entries }) => entries.has(key))
  return {
    files,
    settings: Object.assign({}, ...files.map(({ settings }) => settings)),
    fileOf,
    placeOf: (...path) => {
      const file = fileOf(String(path[0]))
      return file && placeIn(file, path)
    },
  }
}
