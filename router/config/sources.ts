/** Synapse's files, named as on its own command lines. */

import { globSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readText } from '../../shared/config/text-file.ts'
import type { SourceFile } from './synapse.ts'

export interface Sources {
  /** `homeserver.yaml` and what is read after it, in order. */
  readonly shared: readonly SourceFile[]
  readonly workers: readonly SourceFile[]
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

/** The files that a path stands for: itself, or as Synapse reads a folder, its `*.yaml` in the order of their names. */
const filesAt = (path: string): readonly string[] =>
  isFolder(path)
    ? readdirSync(path)
        .filter((name) => name.endsWith('.yaml'))
        .sort()
        .map((name) => join(path, name))
        .filter((file) => !isFolder(file))
    : [path]

/**
 * Reads `homeserver`, files or folders (Debian: `homeserver.yaml` and `conf.d`), and `workers`, which may be glob patterns
 * too. A string is a mistake.
 */
export const readSources = (homeserver: readonly string[], workers: readonly string[]): Sources | string => {
  const workerFiles = new Set<string>()
  for (const pattern of workers) {
    const files = exists(pattern)
      ? filesAt(pattern)
      : globSync(pattern)
          .sort()
          .filter((file) => !isFolder(file))
    if (files.length === 0) return `--workers ${pattern}: no such file`
    for (const file of files) workerFiles.add(file)
  }
  const mistakes: string[] = []
  const read = (file: string): readonly SourceFile[] => {
    const source = readText(file)
    if ('text' in source) return [{ file, text: source.text }]
    mistakes.push(`${file}: ${source.mistake}`)
    return []
  }
  const sources = { shared: homeserver.flatMap(filesAt).flatMap(read), workers: [...workerFiles].flatMap(read) }
  if (mistakes.length > 0) return mistakes.join('\n')
  return sources.shared.length > 0 ? sources : `${homeserver.join(', ')}: no *.yaml in it`
}
