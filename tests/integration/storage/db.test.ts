import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Db, makeDb } from '../../../worker/storage/db.ts'
import { makeStorageMetrics } from '../../../worker/storage/metrics.ts'
import { logSlow, type Observer } from '../../../worker/storage/observer.ts'
import { StorageError } from '../../../worker/storage/postgres/errors.ts'
import type { StorageSettings } from '../../../worker/storage/postgres/settings.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
// All tests have the one database: what they need in it they make.
const settings = await postgres.emptyDatabase()
const open = (t: TestContext, overrides: Partial<StorageSettings> = {}, observers: readonly Observer[] = []): Db => {
  const db = makeDb({ ...settings, ...overrides }, observers)
  t.after(() => db.close())
  return db
}

const thrownBy = async (work: Promise<unknown>): Promise<StorageError> => {
  const error = await work.then(
    () => assert.fail('nothing was thrown'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof StorageError, String(error))
  return error
}

/** A table of counters, of which `a` and `b` are 0. */
const withCounters = async (db: Db) => {
  await db.run('drop table if exists counters')
  await db.run('create table counters (name text primary key, n bigint not null)')
  await db.run("insert into counters values ('a', 0), ('b', 0)")
  return (name: string) => db.one<{ n: number }>('select n from counters where name = $1', [name])
}

/** Whoever calls waits until so many have called; those after them do not. */
const barrier = (count: number) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let waiting = 0
  return () => {
    if (++waiting === count) resolve()
    return promise
  }
}

test('values come back as what they are', async (t) => {
  const db = open(t)
  const text = 'Zoë \u{1F600} \\ " \' { } \n'
  const row = await db.one<Record<string, unknown>>(
    `select $1::bigint as number, $2::text as text, $3::bytea as bytes, $4::text[] as texts, $5::bigint[] as numbers,
       $6::boolean as flag, $7::text as nothing, $8::jsonb as json`,
    [
      2 ** 53 - 1,
      text,
      Buffer.from([0, 255, 92]),
      [text, null, '', 'NULL'],
      [1, -2, null],
      true,
      undefined,
      '{"a": 1}',
    ],
  )
  assert.deepEqual(row, {
    number: 2 ** 53 - 1,
    text,
    bytes: Buffer.from([0, 255, 92]),
    texts: [text, null, '', 'NULL'],
    numbers: [1, -2, null],
    flag: true,
    nothing: null,
    json: '{"a": 1}',
  })
})

test('a bigint that JavaScript cannot hold is an error, and the connection goes on', async (t) => {
  const db = open(t)
  const error = await thrownBy(db.rows('select $1::bigint as n', ['9007199254740993']))
  assert.match(error.message, /beyond 2\^53/)
  assert.deepEqual(await db.rows('select 1 as n'), [{ n: 1 }])
  assert.equal(db.numbers().open, 1)
})

test('one() of several rows is a mistake', async (t) => {
  const db = open(t)
  await assert.rejects(db.one('select generate_series(1, 2)'), /2 rows where one was expected/)
  assert.equal(await db.one('select 1 where false'), undefined)
})

test('statements that are sent one behind the other fail alone', async (t) => {
  const db = open(t, { connections: 1 })
  const results = await Promise.allSettled([
    db.one('select 1 as n'),
    db.one('select 1 / $1::int as n', [0]),
    db.one('select nonsense'),
    db.one('select 2 as n'),
  ])
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : (result.reason as StorageError).code)),
    [{ n: 1 }, '22012', '42703', { n: 2 }],
  )
})

test('an error tells where the caller was, and no values', async (t) => {
  const db = open(t)
  await db.run('create table secrets (secret text unique)')
  const insert = (secret: string) => db.run('insert into secrets values ($1)', [secret])
  async function issueAnother() {
    await insert('syt_secret')
  }
  await insert('syt_secret')
  const error = await thrownBy(issueAnother())
  assert.equal(error.kind, 'constraint')
  assert.equal(error.table, 'secrets')
  assert.match(error.stack!, /issueAnother/)
  assert.ok(!JSON.stringify([{ ...error }, error.message, error.stack]).includes('syt_secret'))
})

test('a transaction is all or nothing, also of what was not awaited', async (t) => {
  const db = open(t)
  const counter = await withCounters(db)
  const add = (n: number) => [`update counters set n = n + ${n} where name = 'a'`] as const
  const result = await db.transaction('repeatable read', async (tx) => {
    void tx.run(...add(1))
    void tx.run(...add(2))
    return 'done'
  })
  assert.equal(result, 'done')
  assert.deepEqual(await counter('a'), { n: 3 })

  const failed = await thrownBy(
    db.transaction('repeatable read', async (tx) => {
      void tx.run(...add(1))
      void tx.run("insert into counters values ('a', 0)")
      void tx.run(...add(1))
    }),
  )
  assert.equal(failed.code, '23505', 'the cause, not what followed from it')
  await assert.rejects(
    db.transaction('repeatable read', async (tx) => {
      await tx.run(...add(1))
      throw new Error('thought better of it')
    }),
    /thought better of it/,
  )
  await assert.rejects(
    db.transaction('repeatable read', async (tx) => {
      await tx.run('select nonsense').catch(() => undefined)
      return 'nobody noticed'
    }),
    /nonsense/,
    'a failure that was swallowed is no success',
  )
  assert.deepEqual(await counter('a'), { n: 3 })
})

test('a statement after its transaction ended is refused', async (t) => {
  const db = open(t)
  const tx = await db.transaction('read committed', async (inside) => inside)
  await assert.rejects(tx.rows('select 1'), /after the end of its transaction/)
})

test('transactions that are in each other’s way run again, and nothing is lost', async (t) => {
  const metrics = makeStorageMetrics('example.com')
  const db = open(t, { connections: 6 }, [metrics])
  const counter = await withCounters(db)
  let runs = 0
  const allHaveRead = barrier(4)
  await Promise.all(
    Array.from({ length: 4 }, () =>
      db.transaction('repeatable read', async function addOne(tx) {
        runs++
        const { n } = (await tx.one<{ n: number }>("select n from counters where name = 'a'"))!
        await allHaveRead()
        await tx.run("update counters set n = $1 where name = 'a'", [n + 1])
      }),
    ),
  )
  assert.deepEqual(await counter('a'), { n: 4 })
  assert.ok(runs > 4, 'they were in each other’s way')
  const page = metrics.print(db.numbers())
  assert.match(page, /synapse_storage_transaction_time_count_total\{desc="addOne",server_name="example.com"\} 4\n/)
  assert.match(page, new RegExp(`plexus_storage_transaction_retries_total\\{desc="addOne",.*\\} ${runs - 4}\n`))
  assert.match(page, /synapse_storage_query_time_count\{server_name="example.com",verb="UPDATE"\} [1-9]/)
})

test('a deadlock is another attempt for one of the two at least', async (t) => {
  const db = open(t, { options: '-c deadlock_timeout=20ms' })
  const counter = await withCounters(db)
  let runs = 0
  const bothHaveOne = barrier(2)
  const touch = (first: string, second: string) =>
    db.transaction('read committed', async function touchBoth(tx) {
      runs++
      await tx.run('update counters set n = n + 1 where name = $1', [first])
      await bothHaveOne()
      await tx.run('update counters set n = n + 1 where name = $1', [second])
    })
  await Promise.all([touch('a', 'b'), touch('b', 'a')])
  assert.deepEqual([await counter('a'), await counter('b')], [{ n: 2 }, { n: 2 }])
  // On a busy machine Postgres may end both before it sees that one is enough.
  assert.ok(runs >= 3)
})

test('a statement that is stopped for another runs again by itself', async (t) => {
  const codes = new Set<string | undefined>()
  const ignore = () => undefined
  const observer: Observer = {
    statement: (_statement, _ms, _rows, error) => void codes.add(error?.code),
    transaction: ignore,
    scheduled: ignore,
  }
  const options = '-c deadlock_timeout=20ms'
  const [db, other] = [open(t, { options }, [observer]), open(t, { options }, [observer])]
  const counter = await withCounters(db)
  // Takes one, waits until someone has the other (a second at most), and wants that too.
  await db.transaction('read committed', (tx) =>
    tx.script(`create function touch(one text, two text) returns void language plpgsql as $$
      begin
        perform pg_advisory_xact_lock(ascii(one));
        update counters set n = n + 1 where name = one;
        for attempt in 1..100 loop
          exit when exists (select from pg_locks where locktype = 'advisory' and objid = ascii(two));
          perform pg_sleep(0.01);
        end loop;
        update counters set n = n + 1 where name = two;
      end $$`),
  )
  const touch = (through: Db, one: string, two: string) => through.rows('select touch($1, $2)', [one, two])
  await Promise.all([touch(db, 'a', 'b'), touch(other, 'b', 'a')])
  assert.ok(codes.has('40P01'), 'they were in each other’s way')
  assert.deepEqual([await counter('a'), await counter('b')], [{ n: 2 }, { n: 2 }])
})

test('a table that is altered under prepared statements disturbs nobody', async (t) => {
  const db = open(t, { connections: 1 })
  await withCounters(db)
  const all = () => db.rows("select * from counters where name = 'a'")
  const inTransaction = () =>
    db.transaction('read committed', (tx) => tx.rows("select * from counters where name = 'b'"))
  await all()
  await inTransaction()
  await db.run("alter table counters add column more text not null default 'x'")
  assert.deepEqual(await inTransaction(), [{ name: 'b', n: 0, more: 'x' }])
  await db.run('alter table counters drop column more')
  assert.deepEqual(await all(), [{ name: 'a', n: 0 }])
})

test('a statement that takes too long is ended, and said to be too slow before', async (t) => {
  const lines: { message: string; sql?: string; ms?: number; error?: string }[] = []
  const log = { warn: (about: object, message: string) => lines.push({ message, ...about }) }
  const db = open(t, { statementTimeoutMs: 100 }, [logSlow(log, 50)])
  const error = await thrownBy(db.rows('select pg_sleep($1), $2::text', [5, 'a secret']))
  assert.equal(error.kind, 'timeout')
  assert.equal(error.tryAgain, false)
  const line = lines.find(({ message }) => message === 'slow: select')
  assert.equal(line?.sql, 'select pg_sleep($1), $2::text')
  assert.equal(line.error, '57014')
  assert.ok(line.ms! >= 100)
  assert.ok(!JSON.stringify(lines).includes('a secret'))
})

test('more statements at once than there are connections', async (t) => {
  const db = open(t, { connections: 3 })
  const answers = await Promise.all(
    Array.from({ length: 500 }, async (_, n) => (await db.one<{ n: number }>('select $1::int as n', [n]))?.n),
  )
  assert.deepEqual(
    answers,
    Array.from({ length: 500 }, (_, n) => n),
  )
  assert.ok(db.numbers().open <= 3)
})

test('transactions leave a connection to the statements that run inside of them', async (t) => {
  const db = open(t, { connections: 2, acquireTimeoutMs: 2_000 })
  const nested = () => db.transaction('read committed', async () => db.one('select 1 as n'))
  assert.deepEqual(await Promise.all([nested(), nested(), nested()]), [{ n: 1 }, { n: 1 }, { n: 1 }])
})

test('after it was closed there are no connections, and no answers', async (t) => {
  const db = open(t)
  await db.rows('select 1')
  await db.close()
  const error = await thrownBy(db.rows('select 1'))
  assert.equal(error.kind, 'unavailable')
  assert.equal(db.numbers().open, 0)
})
