import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadConfig } from '../../../router/config/load.ts'
import { EXAMPLE_FILE, printReference, SECTIONS } from '../../../router/config/reference.ts'
import { readText } from '../../../shared/config/decode.ts'
import { formatProblem } from '../../../shared/config/problem.ts'
import { tables } from './tables.ts'

test('docs/routes-yaml.md is as `npm run table` prints it', () => {
  assert.equal(readFileSync(new URL('../../../docs/routes-yaml.md', import.meta.url), 'utf8'), printReference())
})

test('the example of the reference loads', () => {
  const told = loadConfig('routes.yaml', EXAMPLE_FILE, tables).problems.map(formatProblem)
  assert.deepEqual(told, [])
})

for (const { title, object } of SECTIONS)
  for (const [name, key] of Object.entries(object.keys))
    test(`the example and the default of ${name} in ${title} are values of its type`, () => {
      readText(key.type, key.example)
      if (key.default !== undefined) readText(key.type, key.default)
      assert.ok(key.required || key.default !== undefined || key.absent, 'its absence means something')
      assert.match(key.doc, /\.$/)
    })
