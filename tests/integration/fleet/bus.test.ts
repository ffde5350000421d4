/** What a fleet says on its Redis is what Synapse's processes say: Synapse's own classes read every line and every row. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { Redis } from 'ioredis'
import { homeserver } from '../../harness/homeserver.ts'
import { eventIn } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'
import { synapsePython } from '../../synapse/install.ts'

const postgres = await startPostgres()
const flavour = process.env.TEST_FLAVOUR === 'synapse' ? 'synapse' : 'plexus'
const V3 = '/_matrix/client/v3'

/** For each line: the stream and the row's class if it is a row, else the command; an error instead of what is not understood. */
const ask = `
import sys, json
from synapse.replication.tcp.commands import parse_command_from_line, RdataCommand
from synapse.replication.tcp.streams import STREAMS_MAP
answers = []
for line in json.load(sys.stdin):
    try:
        command = parse_command_from_line(line)
        if isinstance(command, RdataCommand):
            row = STREAMS_MAP[command.stream_name].parse_row(command.row)
            answers.append({"stream": command.stream_name, "row": type(row).__name__})
        else:
            answers.append({"command": command.NAME})
    except Exception as error:
        answers.append({"error": repr(error), "line": line})
json.dump(answers, sys.stdout)
`

interface Answer {
  readonly stream?: string
  readonly command?: string
  readonly error?: string
}

test("all that a fleet says on the bus is read by Synapse's own classes", async (t) => {
  let python: string
  try {
    python = await synapsePython()
  } catch (error) {
    return t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
  }
  const workers = ['generic', 'sync', 'typing', 'receipts', 'persister', 'persister']
  const hs = await homeserver(t, postgres, { workers, redis: true, flavour })
  const listener = new Redis(hs.redis!.port, '127.0.0.1')
  t.after(() => listener.disconnect())
  const lines: string[] = []
  listener.on('pmessage', (_pattern: string, channel: string, line: string) => {
    // Synapse's workers share a cache and locks over other channels and keys.
    if (channel === hs.serverName || channel.startsWith(`${hs.serverName}/`)) lines.push(line)
  })
  await listener.psubscribe('*')

  const [alice, bob] = await hs.register('alice', 'bob')
  const room = await alice.createRoom({ members: [bob], name: 'A room', topic: 'of things' })
  const path = `${V3}/rooms/${encodeURIComponent(room)}`
  const since = await bob.since()
  const eventId = await alice.send(room, 'hello')
  await bob.syncUntil(since, eventIn(room, eventId))
  await alice.setTyping(room, true)
  await bob.ask('POST', `${path}/receipt/m.read/${encodeURIComponent(eventId)}`, {})
  await bob.ask('PUT', `${V3}/user/${encodeURIComponent(bob.userId)}/account_data/org.example`, { a: 1 })
  await bob.ask('PUT', `${V3}/profile/${encodeURIComponent(bob.userId)}/displayname`, { displayname: 'Bob' })
  await alice.ask('PUT', `${V3}/pushrules/global/override/mine`, { actions: [], conditions: [] })
  await alice.ask('PUT', `${path}/redact/${encodeURIComponent(eventId)}/r1`, {})
  const toBob = { messages: { [bob.userId]: { '*': { a: 1 } } } }
  await alice.ask('PUT', `${V3}/sendToDevice/org.example/1`, toBob)
  const status = { presence: 'unavailable', status_msg: 'at tea' }
  await bob.ask('PUT', `${V3}/presence/${encodeURIComponent(bob.userId)}/status`, status)
  const streams = () => new Set(lines.flatMap((line) => /^RDATA (\S+)/.exec(line)?.[1] ?? []))
  const expected = ['events', 'typing', 'receipts', 'account_data', 'push_rules', 'caches', 'presence', 'to_device']
  await until(() => expected.every((stream) => streams().has(stream)), 10_000).catch(() => {
    assert.deepEqual([...streams()].sort(), expected.sort(), 'streams with rows')
  })

  // Every writer says where it is.
  const asker = new Redis(hs.redis!.port, '127.0.0.1')
  t.after(() => asker.disconnect())
  await asker.publish(hs.serverName, 'REPLICATE')
  const writers = () => new Set(lines.flatMap((line) => /^POSITION events (\S+)/.exec(line)?.[1] ?? []))
  await until(() => writers().size === 2)

  const answers = JSON.parse(
    execFileSync(python, ['-c', ask], { input: JSON.stringify(lines), encoding: 'utf8', maxBuffer: 1 << 26 }),
  ) as readonly Answer[]
  assert.deepEqual(
    answers.filter(({ error }) => error !== undefined),
    [],
  )
  for (const expected of ['POSITION', 'USER_SYNC']) assert.ok(answers.some(({ command }) => command === expected))
})
