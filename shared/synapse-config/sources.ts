/** Synapse's files, named as on its own command lines. */

import { globSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readText } from '../config/text-file.ts'
import type { SourceFile } from './file.ts'

/** Files that were read, or a mistake: which are not there, or not text. */
export type Sources<T> = T | string

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

const readAll = (files: Iterable<string>): Sources<readonly SourceFile[]> => {
  const mistakes: string[] = []
  const sources = [...files].flatMap((file): readonly SourceFile[] => {
    const source = readText(file)
    if ('text' in source) return [{ file, text: source.text }]
    mistakes.push(`${file}: ${source.mistake}`)
    return []
  })
  return mistakes.length > 0 ? mistakes.join('\n') : sources
}

/** The files of one process, in order: `paths` are files or folders (Debian: `homeserver.yaml` and `conf.d`). */
export const readConfigFiles = (paths: readonly string[]): Sources<readonly SourceFile[]> => {
  const sources = readAll(paths.flatMap(filesAt))
  return typeof sources === 'string' || sources.length > 0 ? sources : `${paths.join(', ')}: no *.yaml in it`
}

/** The own files of several workers, each named once: `patterns` are files, folders or glob patterns. */
export const readWorkerFiles = (patterns: readonly string[]): Sources<readonly SourceFile[]> => {
  const files = new Set<string>()
  for (const pattern of patterns) {
    const found = exists(pattern)
      ? filesAt(pattern)
      : globSync(pattern)
          .sort()
          .filter((file) => !isFolder(file))
    if (found.length === 0) return `--workers ${pattern}: no such file`
    for (const file of found) files.add(file)
  }
  return readAll(files)
}
