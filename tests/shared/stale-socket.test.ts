import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeStaleSocket } from '../../shared/stale-socket.ts'

test('the socket of a killed process goes; one in use, a file and nothing at all stay as they are', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'stale-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [stale, used, file] = ['stale', 'used', 'file'].map((name) => join(folder, name)) as [string, string, string]

  const listenAndDie = `net.createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', listenAndDie])
  const server = createServer().listen(used)
  t.after(() => server.close())
  await once(server, 'listening')
  writeFileSync(file, 'precious')

  assert.equal(existsSync(stale), true)
  for (const path of [stale, used, file, join(folder, 'nothing')]) await removeStaleSocket(path)
  assert.deepEqual([stale, used, file].map(existsSync), [false, true, true])
})
