import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Command, parseCommand, printCommand } from '../../../worker/replication/commands.ts'
import { streams } from '../../../worker/streams/definitions.ts'
import { synapsePython } from '../../synapse/install.ts'

const print = (command: Command): string => {
  const line = printCommand(command)
  assert.ok(line.ok, line.ok ? '' : line.reason)
  return line.value
}

/** As a Synapse 1.163.2 sent them. */
const lines = [
  'REPLICATE ',
  'POSITION caches user_dir1 56 56',
  'RDATA events persister1 batch ["ev",["$e","!r","m.room.create","",null,null,null,false,false]]',
  'RDATA events persister1 19 ["state",["!r","m.room.create","","$e"]]',
  'FEDERATION_ACK fedsender1 0',
  'USER_IP @a:localhost:1 ["syt_YQ_abc","127.0.0.1","Python/3.11 aiohttp/3.14.5","CSRFOALEXU",1795469099439]',
  'USER_IP @a:localhost:1 ["syt_YQ_abc","127.0.0.1","Python/3.11 aiohttp/3.14.5",null,1795469099439]',
  'NEW_ACTIVE_TASK vraLxmPEhImFgsmb',
  'CANCEL_TASK vraLxmPEhImFgsmb',
  'LOCK_RELEASED ["persister1","update_join_states_lock","@a:localhost:1"]',
  'USER_SYNC FsozJ @b:localhost:1 NJWCYANKGX start 1795469099564',
  'USER_SYNC FsozJ @b:localhost:1 None end 1795469099564',
  'CLEAR_USER_SYNC FsozJ',
  'REMOTE_SERVER_UP matrix.org',
  'ERROR something went wrong',
  'PING 1795469099564',
]

test('lines are read and written as Synapse writes them', () => {
  for (const line of lines) {
    const command = parseCommand(line)
    assert.ok(command.ok, line)
    assert.equal(print(command.value), line)
  }
})

test('rows have a token, or belong to the next that has one', () => {
  assert.deepEqual(parseCommand('RDATA typing typing1 3 ["!r",["@a:x"]]'), {
    ok: true,
    value: { name: 'RDATA', stream: 'typing', instance: 'typing1', token: 3, row: ['!r', ['@a:x']] },
  })
  const batch = parseCommand('RDATA to_device to_device1 batch ["@a b"]')
  assert.ok(batch.ok && batch.value.name === 'RDATA')
  assert.deepEqual([batch.value.token, batch.value.row], [null, ['@a b']])
})

test('what is no command is refused, and reasons keep secrets', () => {
  for (const line of [
    '',
    ' ',
    'NOTHING 1',
    'toString x',
    'RDATA',
    'RDATA events p 1',
    'RDATA events p x []',
    'RDATA events p 1 [',
    'POSITION events p 1',
    'POSITION events p 1 99999999999999999',
    'USER_SYNC i @a:x D going 1',
    'USER_IP @a:x {}',
    'USER_IP @a:x ["t","i","u",5,1]',
    'LOCK_RELEASED ["a","b"]',
    'FEDERATION_ACK x',
    'CLEAR_USER_SYNC ',
  ]) {
    const command = parseCommand(line)
    assert.equal(command.ok, false, line)
  }
  const secret = parseCommand('USER_IP @a:x ["syt_secret"]')
  assert.ok(!secret.ok && !secret.reason.includes('secret'), JSON.stringify(secret))
})

test('what others would read as something else is not said', () => {
  const sync = { name: 'USER_SYNC', instanceId: 'i', userId: '@a:x', isSyncing: true, lastSyncMs: 1 } as const
  for (const deviceId of ['my phone', 'a\nb', ''])
    assert.equal(printCommand({ ...sync, deviceId }).ok, false, JSON.stringify(deviceId))
  assert.equal(printCommand({ name: 'REMOTE_SERVER_UP', server: 'a\nRDATA x y 1 []' }).ok, false)
  // In JSON it is escaped.
  assert.ok(print({ name: 'LOCK_RELEASED', instance: 'a', lockName: 'l', lockKey: 'x\ny z' }).endsWith('"x\\ny z"]'))
})

const word = fc.stringMatching(/^[A-Za-z0-9_@:.-]{1,20}$/)
const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.record(
    {
      name: fc.constant('RDATA' as const),
      stream: fc.constantFrom(...Object.keys(streams)),
      instance: word,
      token: fc.oneof(fc.constant(null), fc.nat()),
      row: fc.array(fc.jsonValue()),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    { name: fc.constant('POSITION' as const), stream: word, instance: word, from: fc.nat(), to: fc.nat() },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      name: fc.constant('USER_SYNC' as const),
      instanceId: word,
      userId: word,
      deviceId: fc.oneof(
        fc.constant(null),
        word.filter((id) => id !== 'None'),
      ),
      isSyncing: fc.boolean(),
      lastSyncMs: fc.nat(),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      name: fc.constant('USER_IP' as const),
      userId: word,
      accessToken: word,
      ip: word,
      userAgent: fc.string({ unit: 'grapheme' }),
      deviceId: fc.oneof(fc.constant(null), fc.string({ unit: 'grapheme' })),
      lastSeenMs: fc.nat(),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      name: fc.constant('LOCK_RELEASED' as const),
      instance: word,
      lockName: word,
      lockKey: fc.string({ unit: 'grapheme' }),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    { name: fc.constant('FEDERATION_ACK' as const), instance: word, token: fc.nat() },
    { noNullPrototype: true },
  ),
  fc.record(
    { name: fc.constantFrom('NEW_ACTIVE_TASK' as const, 'CANCEL_TASK' as const), taskId: word },
    { noNullPrototype: true },
  ),
  fc.constant<Command>({ name: 'REPLICATE' }),
  fc.record({ name: fc.constant('CLEAR_USER_SYNC' as const), instanceId: word }, { noNullPrototype: true }),
  fc.record({ name: fc.constant('REMOTE_SERVER_UP' as const), server: word }, { noNullPrototype: true }),
)

test('whatever is printed is read again as it was, and readers do not throw', () => {
  fc.assert(
    fc.property(commands, (command) => {
      // Through JSON, which has no -0.
      assert.deepEqual(parseCommand(print(command)), { ok: true, value: JSON.parse(JSON.stringify(command)) })
    }),
  )
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constantFrom(...lines)), fc.nat(), fc.string(), (line, at, junk) => {
      parseCommand(line.slice(0, at % (line.length + 1)) + junk)
    }),
    { numRuns: 2_000 },
  )
})

test("every line of a Synapse's traffic is read, every row of its streams too", (t) => {
  const file = join(import.meta.dirname, '../../../../shared/synapse/redis-traffic.txt')
  if (!existsSync(file)) return t.skip('../shared is not here')
  const traffic = [...readFileSync(file, 'utf8').matchAll(/^\d+\.\d+ localhost:18448\S* {2}(.*)$/gm)].map(
    ([, line]) => line!,
  )
  assert.ok(traffic.length > 400, String(traffic.length))
  for (const line of traffic) {
    const command = parseCommand(line)
    assert.ok(command.ok, line)
    assert.equal(print(command.value), line)
    if (command.value.name !== 'RDATA') continue
    const { row } = streams[command.value.stream as keyof typeof streams]
    assert.ok(row.decode(command.value.row).ok, line)
  }
})

const ask = `
import sys, json
from synapse.replication.tcp.commands import parse_command_from_line
answers = []
for line in json.load(sys.stdin):
    command = parse_command_from_line(line)
    answers.append([command.NAME, command.NAME + ' ' + command.to_line()])
json.dump(answers, sys.stdout)
`

test("Synapse's own classes read what is written here, and write it the same", async (t) => {
  let python: string
  try {
    python = await synapsePython()
  } catch (error) {
    return t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
  }
  const written = [
    ...lines.map((line) => parseCommand(line)).map((command) => (command.ok ? print(command.value) : '')),
    ...fc.sample(commands, { numRuns: 500, seed: 1 }).map(print),
  ]
  const answers = JSON.parse(
    execFileSync(python, ['-c', ask], { input: JSON.stringify(written), encoding: 'utf8', maxBuffer: 1 << 26 }),
  ) as [string, string][]
  for (const [index, [name, again]] of answers.entries()) {
    assert.equal(name, written[index]!.split(' ')[0])
    // JSON as text may differ in escapes and spaces, not in meaning.
    assert.deepEqual(parseCommand(again), parseCommand(written[index]!), again)
  }
})
