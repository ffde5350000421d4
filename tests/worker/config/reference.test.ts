import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { printReference } from '../../../worker/config/reference.ts'

test('docs/worker-configuration.md is as `npm run table` prints it', () => {
  assert.equal(
    readFileSync(new URL('../../../docs/worker-configuration.md', import.meta.url), 'utf8'),
    printReference(),
  )
})
