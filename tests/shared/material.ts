/** The facts about Matrix and Synapse that the oracles read: they lie beside the repository and are no part of it. */

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = new URL('../../../shared/', import.meta.url)

/** For a test's `skip`: the reason where the material is missing, else false. */
export const missingMaterial: string | false = existsSync(folder)
  ? false
  : `the oracle needs the facts in ${fileURLToPath(folder)}, which are not there`

export const materialUrl = (path: string): URL => new URL(path, folder)

export const readMaterial = (path: string): string => readFileSync(materialUrl(path), 'utf8')

/** The rows of a file of tab-separated values with a heading line, by heading. */
export const readTable = (path: string): readonly Readonly<Record<string, string>>[] => {
  const [heading = '', ...lines] = readMaterial(path).split('\n').filter(Boolean)
  const names = heading.split('\t')
  return lines.map((line) => {
    const fields = line.split('\t')
    return Object.fromEntries(names.map((name, column) => [name, fields[column] ?? '']))
  })
}
