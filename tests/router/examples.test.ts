/** The configurations that the repository shows: an operator starts from them. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { checkConfig } from '../../router/config/check.ts'
import { loadConfig } from '../../router/config/load.ts'
import { tables } from '../../router/tables.ts'
import { formatProblem } from '../../shared/config/problem.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const yamlIn = (text: string): readonly string[] =>
  [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block]) => block!).filter((block) => block.includes('\npools:'))

const problemsOf = (text: string): readonly string[] => {
  // The certificates of an example are nobody's: over HTTP it is the same.
  const plain = text.replaceAll(/\{address: https(:[^,]*),[^}]*\}/g, 'http$1')
  const { config, problems } = loadConfig('routes.yaml', plain, tables)
  return [...problems, ...(config ? checkConfig(config, tables, { privileged: false }) : [])].map(formatProblem)
}

for (const [file, examples] of [
  ['routes.yaml', [read('routes.yaml')]],
  ['README.md', yamlIn(read('README.md'))],
  ['docs/routes-yaml.md', yamlIn(read('docs/routes-yaml.md'))],
] as const)
  test(`nothing is wrong with what ${file} shows`, () => {
    assert.ok(examples.length > 0)
    for (const example of examples) assert.deepEqual(problemsOf(example), [])
  })
