import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { followErrors } from './follow-errors.ts'

test('errors are said once, with their process, when their lines are whole', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'logs-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const said: string[] = []
  const file = join(folder, 'main.log')
  writeFileSync(file, '{"level":30,"msg":"up"}\n{"level":50,"msg":"a"}\n{"level":50,')
  writeFileSync(join(folder, 'postgres.log'), 'ready\n')
  t.mock.timers.enable({ apis: ['setInterval'] })
  const end = followErrors(folder, (line) => said.push(line))
  t.mock.timers.tick(500)
  assert.deepEqual(said, ['main.log: {"level":50,"msg":"a"}'])
  appendFileSync(file, '"msg":"b"}\nTypeError: of Node\n')
  t.mock.timers.tick(500)
  end()
  assert.deepEqual(said.slice(1), ['main.log: {"level":50,"msg":"b"}', 'main.log: TypeError: of Node'])
})
