import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BusHandlers } from '../../../worker/replication/bus.ts'
import { parseCommand } from '../../../worker/replication/commands.ts'
import { replicationTail, type TailOptions, table } from '../../../worker/replication/tail.ts'
import { makeTally } from '../../../worker/replication/tally.ts'
import { until } from '../../harness/until.ts'

const lines = [
  'POSITION events persister2 18 18',
  'POSITION events persister1 18 18',
  'RDATA events persister1 batch ["ev",[]]',
  'RDATA events persister1 20 ["ev",[]]',
  'POSITION typing typing1 7 7',
  'POSITION typing typing1 0 0',
  'LOCK_RELEASED ["a","b","c"]',
]

test('where writers are, who is behind, and who has been silent', () => {
  let now = 1_000
  const tally = makeTally(() => now)
  for (const line of lines) {
    const command = parseCommand(line)
    assert.ok(command.ok)
    tally.receive(command.value)
  }
  now = 13_000
  const report = tally.report()
  assert.deepEqual(
    report.map(({ stream, least, greatest }) => [stream, least, greatest]),
    [
      ['events', 18, 20],
      ['typing', 0, 0],
    ],
  )
  assert.deepEqual(table(report), [
    'stream  writer      position  behind  rows  silent s',
    'events  persister1        20             2        12',
    '        persister2        18       2              12',
    'typing  typing1            0                      12',
    '',
  ])
})

/** A bus that says what is given when it is asked. */
function tail(given: Partial<TailOptions>) {
  const printed: string[] = []
  const problems: string[] = []
  const published: string[] = []
  const connect = (handlers: BusHandlers) => {
    queueMicrotask(handlers.onConnected)
    return {
      publish(_channel: string, line: string) {
        published.push(line)
        queueMicrotask(() => [...lines, 'no command'].forEach(handlers.onLine))
        return true
      },
      isConnected: () => true,
      close: async () => {},
    }
  }
  const ended = replicationTail({
    connect,
    print: (line) => printed.push(line),
    problem: (line) => problems.push(line),
    ...given,
  })
  return { ended, printed, problems, published }
}

test('once: prints when all have said where they are', async () => {
  const { ended, printed, problems, published } = tail({ once: true, format: 'json', streams: ['events'] })
  assert.equal(await ended, true)
  assert.deepEqual(published, ['REPLICATE '])
  assert.equal(printed.length, 1)
  const { streams } = JSON.parse(printed[0]!) as { streams: { stream: string; least: number }[] }
  assert.deepEqual(
    streams.map(({ stream, least }) => [stream, least]),
    [['events', 18]],
  )
  assert.match(problems.join(), /cannot be read/)
})

test('lines as they come, until it is ended', async () => {
  const control = new AbortController()
  const { ended, printed } = tail({ format: 'lines', streams: ['typing'], signal: control.signal })
  await sleep(5)
  control.abort()
  assert.equal(await ended, true)
  assert.deepEqual(
    printed,
    lines.filter((line) => !line.includes('events')),
  )
})

test('a table again and again', async () => {
  const control = new AbortController()
  const { ended, printed } = tail({ intervalMs: 10, signal: control.signal })
  await until(() => printed.filter((line) => line.startsWith('stream')).length >= 2)
  control.abort()
  assert.equal(await ended, true)
})
