import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printCommand } from '../../../worker/replication/commands.ts'
import { makeWriter } from '../../../worker/replication/writer.ts'
import { type LocalPositions, makePositions } from '../../../worker/streams/positions.ts'
import { until } from '../../harness/until.ts'

/** A writer of one stream, and the lines it sends. */
function write({ announcesIdle = true, at = 5 } = {}) {
  const lines: string[] = []
  let isConnected = true
  const positions: LocalPositions = makePositions('me', 'this and others', {
    positions: new Map([
      ['me', at],
      ['other', at],
    ]),
    persisted: [],
    persistedUpTo: at,
  })
  const writer = makeWriter({
    instance: 'me',
    streams: [{ name: 's', positions, announcesIdle }],
    idleIntervalMs: 20,
    publish(command) {
      const line = printCommand(command)
      if (isConnected && line.ok) lines.push(line.value)
      return isConnected
    },
  })
  const reserve = (...ids: number[]) => positions.startReserving().reserved(ids)
  const finish = (id: number, ...rows: string[]) => {
    writer.stage(
      's',
      id,
      rows.map((row) => [row]),
    )
    positions.finish([id])
    writer.advanced('s')
  }
  const fail = (id: number) => {
    positions.finish([id])
    writer.gaveUp('s', [id])
  }
  const connect = (connected: boolean) => {
    isConnected = connected
  }
  return { writer, positions, lines, reserve, finish, fail, connect }
}

test('rows go out in the order of their IDs, whatever the order they are written in', (t) => {
  const { writer, lines, reserve, finish } = write()
  t.after(writer.close)
  reserve(6, 7, 8)
  finish(8, 'eight')
  finish(7, 'seven', 'seven, too')
  assert.deepEqual(lines, [])
  finish(6, 'six')
  assert.deepEqual(lines, [
    'RDATA s me 6 ["six"]',
    'RDATA s me batch ["seven"]',
    'RDATA s me 7 ["seven, too"]',
    'RDATA s me 8 ["eight"]',
  ])
})

test('an ID without rows moves the position at once, one that failed makes readers look', (t) => {
  const { writer, lines, reserve, finish, fail } = write()
  t.after(writer.close)
  reserve(6, 7, 8)
  finish(6)
  assert.deepEqual(lines.splice(0), ['POSITION s me 5 6'])
  finish(8, 'eight')
  fail(7)
  assert.deepEqual(lines, ['POSITION s me 7 7', 'RDATA s me 8 ["eight"]'])
})

test('a writer that has nothing to say says how far others are, once in a while', async (t) => {
  const { writer, positions, lines } = write()
  t.after(writer.close)
  positions.advance('other', 9, true)
  positions.advance('other', 12, true)
  assert.deepEqual(lines, [])
  await until(() => lines.length > 0)
  assert.deepEqual(lines, ['POSITION s me 5 12'])
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.equal(lines.length, 1, 'and not again')
})

test('nobody cares how far the writers of caches are', async (t) => {
  const { writer, positions, lines, reserve, finish } = write({ announcesIdle: false })
  t.after(writer.close)
  positions.advance('other', 12, true)
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.deepEqual(lines, [])
  reserve(13)
  finish(13)
  assert.deepEqual(lines, ['POSITION s me 5 13'])
})

test('who asks is answered, several who ask at once are answered once', async (t) => {
  const { writer, lines } = write()
  t.after(writer.close)
  writer.asked()
  writer.asked()
  await until(() => lines.length > 0)
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.deepEqual(lines, ['POSITION s me 5 5'])
})

test('what was written without a connection is announced by a position, before anything else', (t) => {
  const { writer, lines, reserve, finish, connect } = write()
  t.after(writer.close)
  connect(false)
  reserve(6, 7, 8)
  finish(6, 'six')
  finish(7, 'seven')
  connect(true)
  writer.connected()
  finish(8, 'eight')
  assert.deepEqual(lines, ['POSITION s me 7 7', 'RDATA s me 8 ["eight"]'])
})

test('a stream that is not written here is a bug', (t) => {
  const { writer } = write()
  t.after(writer.close)
  assert.throws(() => writer.stage('other', 1, []), /me does not write other/)
})
