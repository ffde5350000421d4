/** `worker replication-tail`, from Synapse's files to a real Redis. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { runCli } from '../../../worker/cli.ts'
import { freePort } from '../../harness/free-port.ts'
import { startRedis } from '../../harness/redis-server.ts'
import { BASE } from '../../worker/config/reading.ts'

const tail = async (t: TestContext, redis: string, ...flags: readonly string[]) => {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-tail-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'homeserver.yaml')
  writeFileSync(file, `${BASE}redis: ${redis}\n`)
  let [out, err] = ['', '']
  const status = await runCli(['replication-tail', '-c', file, '--once', ...flags], {
    version: '1.2.3',
    surroundings: { env: {} },
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
  })
  return { status, out, err }
}

test('the positions that writers tell are printed, and the command ends', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  // A process that answers as writers do.
  const [listens, speaks] = [new Redis({ port: server.port }), new Redis({ port: server.port })]
  t.after(() => {
    listens.disconnect()
    speaks.disconnect()
  })
  await listens.subscribe('example.org')
  listens.on('message', (_channel, line: string) => {
    if (line.trim() !== 'REPLICATE') return
    speaks.publish('example.org', 'POSITION events persister1 40 42')
    speaks.publish('example.org', 'POSITION typing typing1 7 7')
  })
  const { status, out, err } = await tail(t, `{enabled: true, port: ${server.port}}`)
  assert.equal(status, 0, err)
  assert.match(out, /events.*persister1.*42/)
  assert.match(out, /typing.*typing1.*7/)
  const only = await tail(t, `{enabled: true, port: ${server.port}}`, '--format', 'json', '--stream', 'typing')
  assert.deepEqual(
    (JSON.parse(only.out) as { streams: { stream: string }[] }).streams.map(({ stream }) => stream),
    ['typing'],
  )
})

test('without a bus it says why', async (t) => {
  assert.match((await tail(t, '{enabled: false}')).err, /redis is not enabled/)
  const silent = await tail(t, `{enabled: true, port: ${await freePort()}}`)
  assert.equal(silent.status, 1)
  assert.match(silent.err, /ECONNREFUSED/)
  assert.match(silent.err, /Nothing was heard/)
})
