import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { accepted, refused } from '../../../shared/matrix/result.ts'
import { makeReader } from '../../../worker/replication/reader.ts'
import type { Fetch } from '../../../worker/streams/updates.ts'
import { until } from '../../harness/until.ts'

type Told = readonly [instance: string, token: number, rows: readonly string[]]

/** A reader of one stream, whose rows are strings, and what became of it. */
function follow(
  given: {
    goesBackwards?: boolean
    at?: number
    fetch?: Fetch
    onRows?: (rows: readonly string[]) => void | Promise<void>
  } = {},
) {
  const told: Told[] = []
  const problems: string[] = []
  const fetched: (readonly [string, number, number])[] = []
  const resets: string[] = []
  const at = new Map<string, number>()
  let asked = 0
  const positionOf = (instance: string) => at.get(instance) ?? given.at ?? 0
  const reader = makeReader({
    instance: 'me',
    streams: [
      {
        name: 's',
        goesBackwards: given.goesBackwards ?? false,
        positions: {
          positionOf,
          advance: (instance, position) =>
            void at.set(instance, given.goesBackwards ? position : Math.max(position, positionOf(instance))),
        },
        async fetch(instance, from, upTo) {
          fetched.push([instance, from, upTo])
          return given.fetch ? given.fetch(instance, from, upTo) : { rows: [], upTo, limited: false }
        },
        decode: (row) => (typeof row === 'string' ? accepted(row) : refused('no string')),
        onRows(rows: readonly string[], token: number, instance: string) {
          told.push([instance, token, rows])
          return given.onRows?.(rows)
        },
        onReset: (instance) => resets.push(instance),
      },
    ],
    askPositions: () => asked++,
    onProblem: (problem) => problems.push(problem),
  })
  const row = (instance: string, token: number | null, value: unknown) =>
    reader.receive({ name: 'RDATA', stream: 's', instance, token, row: value })
  const position = (instance: string, from: number, to: number) =>
    reader.receive({ name: 'POSITION', stream: 's', instance, from, to })
  return { reader, row, position, told, problems, fetched, resets, positionOf, asked: () => asked }
}

test('rows count from when their writer has said where it is', () => {
  const { row, position, told, positionOf } = follow({ at: 5 })
  row('a', 6, 'lost')
  position('b', 5, 5)
  row('a', 7, 'lost too: b spoke, not a')
  assert.deepEqual(told, [])
  position('a', 5, 5)
  row('a', 8, 'x')
  assert.deepEqual(told, [['a', 8, ['x']]])
  assert.equal(positionOf('a'), 8)
})

test('rows with one token come together, also when writers speak in between', () => {
  const { row, position, told } = follow()
  position('a', 0, 0)
  position('b', 0, 0)
  row('a', null, '1')
  row('b', null, 'one')
  row('a', null, '2')
  row('b', 3, 'two')
  row('a', 2, '3')
  assert.deepEqual(told, [
    ['b', 3, ['one', 'two']],
    ['a', 2, ['1', '2', '3']],
  ])
})

test('rows that are known, or of this process, are dropped', () => {
  const { row, position, told } = follow({ at: 5 })
  position('a', 5, 5)
  position('me', 5, 5)
  row('a', 5, 'old')
  row('me', 6, 'own')
  row('a', 6, 'new')
  row('a', 6, 'again')
  assert.deepEqual(told, [['a', 6, ['new']]])
})

test('what was missed is fetched, in parts, before what came meanwhile', async () => {
  const parts = [
    {
      rows: [
        [6, 'six'],
        [6, 'six, too'],
        [7, 'seven'],
      ] as const,
      upTo: 7,
      limited: true,
    },
    { rows: [[9, 'nine']] as const, upTo: 10, limited: false },
  ]
  const { row, position, told, fetched, positionOf } = follow({ at: 5, fetch: async () => parts.shift()! })
  position('a', 10, 10)
  row('a', 11, 'eleven')
  row('a', null, 'twelve')
  row('a', 12, 'twelve, too')
  await until(() => positionOf('a') === 12)
  assert.deepEqual(fetched, [
    ['a', 5, 10],
    ['a', 7, 10],
  ])
  assert.deepEqual(told, [
    ['a', 6, ['six', 'six, too']],
    ['a', 7, ['seven']],
    ['a', 9, ['nine']],
    ['a', 11, ['eleven']],
    ['a', 12, ['twelve', 'twelve, too']],
  ])
})

test('nothing is fetched where nothing was written', () => {
  const { position, fetched, positionOf } = follow({ at: 5 })
  position('a', 4, 9)
  assert.equal(positionOf('a'), 9)
  position('a', 2, 3)
  position('a', 9, 12)
  assert.equal(positionOf('a'), 12)
  assert.deepEqual(fetched, [])
})

test('after a lost connection the writer has to say again where it is', async () => {
  const { reader, row, position, told, fetched } = follow()
  position('a', 0, 0)
  row('a', null, 'half')
  reader.disconnected()
  row('a', 2, 'dropped: what came before it may be missing')
  position('a', 2, 2)
  await until(() => fetched.length === 1)
  row('a', 3, 'x')
  await until(() => told.length === 1)
  assert.deepEqual(told, [['a', 3, ['x']]])
})

test('a fetch that began before the connection was lost connects nobody', async () => {
  const gate = Promise.withResolvers<void>()
  const { reader, row, position, told, positionOf } = follow({
    fetch: async (_instance, _from, upTo) => {
      await gate.promise
      return { rows: [[upTo, 'fetched']], upTo, limited: false }
    },
  })
  position('a', 5, 5)
  reader.disconnected()
  row('a', 7, 'of the new connection, with a gap before it')
  gate.resolve()
  await until(() => positionOf('a') === 5)
  row('a', 8, 'also')
  assert.deepEqual(told, [['a', 5, ['fetched']]])
})

test('what came over an older connection, and waited, says nothing of the new one', async () => {
  const gate = Promise.withResolvers<void>()
  const { reader, row, position, told, positionOf } = follow({
    fetch: async (instance, _from, upTo) => {
      if (instance === 'b') await gate.promise
      return { rows: [], upTo, limited: false }
    },
  })
  position('a', 5, 5)
  position('b', 5, 5)
  position('a', 5, 5)
  await until(() => positionOf('a') === 5)
  reader.disconnected()
  row('a', 9, 'of the new connection: 6, 7 and 8 are missing')
  gate.resolve()
  await until(() => positionOf('b') === 5)
  await after(5)
  assert.deepEqual([told, positionOf('a')], [[], 5])
})

test('a fetch that fails is told once, and repeated', async () => {
  let attempts = 0
  const { position, told, problems } = follow({
    fetch: async (_instance, _from, upTo) => {
      if (++attempts < 3) throw new Error('database is down')
      return { rows: [[upTo, 'at last']], upTo, limited: false }
    },
  })
  position('a', 5, 5)
  await until(() => told.length === 1)
  assert.equal(attempts, 3)
  assert.deepEqual(problems, ['s: catching up with a to 5 failed'])
})

test('a stream in memory goes back when its writer starts anew', async () => {
  const { row, position, resets, fetched, told, positionOf } = follow({
    goesBackwards: true,
    fetch: async (_instance, _from, upTo) => ({
      rows: [
        [1, 'anew'],
        [upTo, 'all'],
      ],
      upTo,
      limited: false,
    }),
  })
  position('a', 0, 0)
  row('a', 40, 'before')
  position('a', 3, 3)
  await until(() => positionOf('a') === 3)
  assert.deepEqual([resets, fetched], [['a'], [['a', 0, 3]]])
  row('a', 4, 'after')
  assert.deepEqual(
    told.map(([, , rows]) => rows.join()),
    ['before', 'anew', 'all', 'after'],
  )
})

test('of a writer that began anew, higher, what it said before is forgotten, before its rows are told', async () => {
  const { row, position, resets, told } = follow({
    goesBackwards: true,
    fetch: async (_instance, from, upTo) => {
      if (from === 40) assert.equal(told.length, 1)
      return { rows: from === 40 ? [[1_001, 'anew']] : [], upTo, limited: false, beganAt: 1_000 }
    },
  })
  position('a', 5, 5)
  await new Promise(setImmediate)
  assert.deepEqual(resets, [], 'who knows nothing forgets nothing')
  row('a', 40, 'before')
  position('a', 1_001, 1_001)
  await until(() => told.length === 2)
  assert.deepEqual(resets, ['a'])
  position('a', 2_000, 2_000)
  await new Promise(setImmediate)
  assert.deepEqual(resets, ['a'])
})

test('the position moves after the rows were handled', async () => {
  const gate = Promise.withResolvers<void>()
  const seen: number[] = []
  const all = follow({
    onRows: () => {
      seen.push(all.positionOf('a'))
      return gate.promise
    },
  })
  all.position('a', 0, 0)
  all.row('a', 1, 'x')
  all.row('a', 2, 'y')
  assert.deepEqual([seen, all.positionOf('a')], [[0], 0])
  gate.resolve()
  await until(() => all.positionOf('a') === 2)
  assert.deepEqual(seen, [0, 1])
})

test('rows that cannot be read or handled are told, and the stream goes on', async () => {
  const { row, position, problems, told, positionOf } = follow({
    onRows: (rows) => {
      if (rows.includes('bad')) throw new Error('a bug')
      return rows.includes('worse') ? Promise.reject(new Error('a bug')) : undefined
    },
  })
  position('a', 0, 0)
  row('a', null, 7)
  row('a', 1, 'good')
  row('a', 2, 'bad')
  row('a', 3, 'worse')
  row('a', 4, 'good')
  await until(() => positionOf('a') === 4)
  assert.deepEqual(
    told.map(([, , rows]) => rows.join()),
    ['good', 'bad', 'worse', 'good'],
  )
  assert.deepEqual(problems, [
    's: a row of a at 1 cannot be read: no string',
    's: rows of a at 2 failed',
    's: rows of a at 3 failed',
  ])
})

test('what piles up behind a fetch is dropped, and asked for afterwards', async () => {
  const gate = Promise.withResolvers<void>()
  const { row, position, asked, positionOf, told } = follow({
    fetch: async (_instance, _from, upTo) => {
      await gate.promise
      return { rows: [], upTo, limited: false }
    },
  })
  position('a', 1, 1)
  for (let token = 2; token < 10_100; token++) row('a', token, 'x')
  gate.resolve()
  await until(() => asked() === 1)
  const there = positionOf('a')
  row('a', 20_000, 'not before a has answered')
  assert.equal(positionOf('a'), there)
  assert.ok(told.length < 200)
})

test('who waits for a position is woken by it, or after a time', async () => {
  const { reader, row, position } = follow({ at: 5 })
  position('a', 5, 5)
  assert.equal(await reader.waitFor('s', 'a', 5, 10), true)
  assert.equal(await reader.waitFor('s', 'me', 500, 10), true)
  assert.equal(await reader.waitFor('not followed', 'a', 500, 10), true)
  assert.equal(await reader.waitFor('s', 'a', 6, 10), false)
  const waits = [reader.waitFor('s', 'a', 7, 1_000), reader.waitFor('s', 'a', 9, 100)]
  row('a', 8, 'x')
  assert.deepEqual(await Promise.all(waits), [true, false])
  const moved = reader.waitFor('s', 'a', 9, 1_000)
  position('a', 8, 9)
  assert.equal(await moved, true)
  await after(1)
})

test('who waits for a writer that is not heard has its rows fetched, once', async () => {
  const { reader, row, position, told, fetched } = follow({
    at: 5,
    fetch: async (_instance, from, upTo) => {
      await after(5)
      return { rows: from < 7 ? [[7, 'seven']] : [], upTo, limited: false }
    },
  })
  const waits = [reader.waitFor('s', 'a', 7, 1_000), reader.waitFor('s', 'a', 7, 1_000)]
  position('a', 7, 8)
  row('a', 9, 'nine')
  assert.deepEqual(await Promise.all(waits), [true, true])
  await until(() => told.length === 2)
  assert.deepEqual(told, [
    ['a', 7, ['seven']],
    ['a', 9, ['nine']],
  ])
  assert.deepEqual(fetched, [['a', 5, 7]])
  assert.equal(await reader.waitFor('s', 'a', 10, 20), false, 'who is heard is waited for')
  assert.deepEqual(fetched.length, 1)
})

test('what cannot be fetched is waited for in vain, and told', async () => {
  const { reader, problems } = follow({ fetch: () => Promise.reject(new Error('away')) })
  assert.equal(await reader.waitFor('s', 'a', 7, 20), false)
  assert.equal(problems.length, 1)
})
