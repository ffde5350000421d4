import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type IdGeneratorOptions, makeIdGenerator } from '../../../worker/streams/id-generator.ts'

const ids = {
  positions: 'numbers',
  sequence: 'numbers_seq',
  columns: [{ table: 'numbers', id: 'stream_id', instance: 'instance_name' }],
  negative: false,
}

/** Answers like a database with one sequence and no rows; `nextval` waits until it is let go. */
function fakeDatabase() {
  let sequence = 1
  const statements: string[] = []
  const gate = { held: undefined as PromiseWithResolvers<void> | undefined, failing: undefined as Error | undefined }
  const saved: unknown[] = []
  const rows = async (sql: string, params: readonly unknown[] = []): Promise<readonly unknown[]> => {
    statements.push(sql)
    if (sql.startsWith('select nextval')) {
      const given = Array.from({ length: params[0] as number }, () => ({ id: String(++sequence) }))
      await gate.held?.promise
      if (gate.failing) throw gate.failing
      return given
    }
    if (sql.startsWith('select last_value')) return [{ last_value: String(sequence), is_called: true }]
    if (sql.includes('max(')) return [{ id: null }]
    if (sql.includes('insert into stream_positions')) saved.push(params)
    return []
  }
  return { statements, gate, saved, db: { rows: rows as IdGeneratorOptions['db']['rows'] } }
}

const generator = (fake: ReturnType<typeof fakeDatabase>, more: Partial<IdGeneratorOptions> = {}) =>
  makeIdGenerator({ db: fake.db, ids, instance: 'a', writers: ['a'], ...more })

test('requests of one turn, and those that come while one is under way, share a statement', async () => {
  const fake = fakeDatabase()
  const { write } = await generator(fake)
  fake.gate.held = Promise.withResolvers()
  const first = [write(1, async (given) => given), write(2, async (given) => given)]
  await turn()
  const second = [write(1, async (given) => given), write(3, async (given) => given)]
  await turn()
  fake.gate.held.resolve()
  assert.deepEqual(await Promise.all([...first, ...second]), [[2], [3, 4], [5], [6, 7, 8]])
  assert.equal(fake.statements.filter((sql) => sql.startsWith('select nextval')).length, 2)
})

test('work that throws gives its IDs up, and saves no position', async () => {
  const fake = fakeDatabase()
  const finished: unknown[] = []
  const onFinished = (...args: unknown[]) => finished.push(args)
  const { write, positions, saved } = await generator(fake, { onFinished })
  await assert.rejects(
    write(2, async () => {
      throw new Error('no room')
    }),
    /no room/,
  )
  await saved()
  assert.equal(positions.positionOf('a'), 3)
  assert.deepEqual([fake.saved, finished], [[], [[[2, 3], false]]])
})

test('a failing sequence fails the writes that waited for it, and no others', async () => {
  const fake = fakeDatabase()
  const { write, positions } = await generator(fake)
  fake.gate.failing = new Error('connection lost')
  const results = await Promise.allSettled([write(1, async () => 1), write(1, async () => 2)])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  fake.gate.failing = undefined
  const given = await write(1, async ([id]) => id)
  assert.equal(positions.positionOf('a'), given, 'the numbers that were lost hold up nothing')
})

test('positions are saved one at a time, the newest last', async () => {
  const fake = fakeDatabase()
  const { write, saved } = await generator(fake)
  await Promise.all(Array.from({ length: 50 }, () => write(1, async () => {})))
  await saved()
  assert.deepEqual(fake.saved.at(-1), ['numbers', 'a', 51])
  assert.ok(fake.saved.length < 10, `${fake.saved.length} statements for 50 writes`)
})

test('a database that does not take positions is told of, not thrown at writers', async () => {
  const fake = fakeDatabase()
  const errors: unknown[] = []
  const rows: typeof fake.db.rows = (sql, params) =>
    sql.includes('insert into stream_positions') ? Promise.reject(new Error('down')) : fake.db.rows(sql, params)
  const { write, saved } = await generator({ ...fake, db: { rows } }, { onSaveFailed: (error) => errors.push(error) })
  await write(1, async () => {})
  await saved()
  assert.match(String(errors[0]), /down/)
})

test('who is no writer may not write', async () => {
  const { write, positions } = await generator(fakeDatabase(), { instance: 'reader' })
  await assert.rejects(
    write(1, async () => {}),
    /reader is no writer of numbers: that is a/,
  )
  assert.equal(positions.persistedUpTo(), 1)
})
