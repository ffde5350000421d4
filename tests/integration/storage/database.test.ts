/** What a process does with its database at start: make it, bring it up to date, or leave it. */

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Db, makeDb } from '../../../worker/storage/db.ts'
import { type Migration, readMigrations } from '../../../worker/storage/migrations.ts'
import { StorageError } from '../../../worker/storage/postgres/errors.ts'
import type { StorageSettings } from '../../../worker/storage/postgres/settings.ts'
import { prepareDatabase } from '../../../worker/storage/prepare-database.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { schemaFile, schemaText } from '../../harness/schema.ts'

const postgres = await startPostgres()
const latest = readMigrations().length

const open = (t: TestContext, settings: StorageSettings): Db => {
  const db = makeDb(settings)
  t.after(() => db.close())
  return db
}
const refusal = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof StorageError && error.kind === 'refused', String(error))
  return error.message
}

test('several processes that start at once on an empty database make its tables once', async (t) => {
  const settings = await postgres.emptyDatabase()
  const said: string[] = []
  const prepared = await Promise.all(
    Array.from({ length: 4 }, () => prepareDatabase(open(t, settings), { say: (message) => said.push(message) })),
  )
  for (const one of prepared) assert.deepEqual(one, { madeBy: 'plexus', version: latest, warnings: [] })
  assert.deepEqual(
    said,
    readMigrations().map(({ version, name }) => `database: version ${version} of ${latest}, ${name}`),
  )
  const db = open(t, settings)
  assert.equal(
    await schemaText(db),
    readFileSync(schemaFile, 'utf8'),
    'worker/storage/schema.sql is out of date: npm run schema',
  )
  assert.deepEqual(await db.rows('select * from schema_version'), [], 'it does not pose as Synapse’s')
  said.length = 0
  assert.equal((await prepareDatabase(db, { say: (message) => said.push(message) })).version, latest)
  assert.deepEqual(said, [], 'the second time there is nothing to do')
})

test('a migration that fails leaves nothing of itself, and what was done before', async (t) => {
  const db = open(t, await postgres.emptyDatabase())
  const migration = (version: number, sql: string): Migration => ({
    version,
    name: `m${version}`,
    sql,
    compatibleWith: version,
  })
  const good = [
    migration(1, 'create table one (a int)'),
    migration(2, 'create table two (a int); create table three (b int)'),
  ]
  const bad = migration(3, 'create table four (a int); insert into nowhere values (1)')
  await assert.rejects(
    prepareDatabase(db, { migrations: [...good, bad] }),
    /migration 3, m3: .*"nowhere" does not exist/,
  )
  const tables = async () =>
    (await db.rows<{ name: string }>("select tablename as name from pg_tables where schemaname = 'public' order by 1"))
      .map(({ name }) => name)
      .join()
  assert.equal(await tables(), 'one,plexus_schema_version,three,two')
  await prepareDatabase(db, { migrations: [...good, migration(3, 'create table four (a int)')] })
  assert.equal(await tables(), 'four,one,plexus_schema_version,three,two')
})

test('a database of a newer release is refused, unless it says that this one can use it', async (t) => {
  const db = open(t, await postgres.database())
  const add = (version: number, compatibleWith: number) =>
    db.run("insert into plexus_schema_version values ($1, 'future', $2, 0)", [version, compatibleWith])
  await add(latest + 1, latest)
  assert.equal((await prepareDatabase(db)).version, latest + 1)
  await add(latest + 2, latest + 2)
  assert.match(await refusal(prepareDatabase(db)), new RegExp(`at version ${latest + 2}, made by a newer release`))
})

test('a database of something else is refused', async (t) => {
  const db = open(t, await postgres.emptyDatabase())
  await db.run('create table invoices (id int)')
  assert.match(await refusal(prepareDatabase(db)), /neither of Plexus nor of Synapse/)
})

test('a database of Synapse’s is looked at and not touched', async (t) => {
  const db = open(t, await postgres.database())
  await db.run('drop table plexus_schema_version')
  assert.match(await refusal(prepareDatabase(db)), /schema_version is empty/)
  await db.run('insert into schema_version (version, upgraded) values (94, true)')
  await db.run('insert into schema_compat_version (compat_version) values (84)')
  const before = await schemaText(db)
  assert.deepEqual(await prepareDatabase(db), { madeBy: 'synapse', version: 94, warnings: [] })
  assert.equal(await schemaText(db), before)

  await db.run('update schema_version set version = 90')
  await db.run("insert into background_updates (update_name, progress_json) values ('x', '{}')")
  const { warnings } = await prepareDatabase(db)
  assert.match(warnings[0]!, /version 90: .* \(to 94\) will fail/)
  assert.match(warnings[1]!, /1 background updates/)

  await db.run('update schema_version set version = 83')
  assert.match(await refusal(prepareDatabase(db)), /schema is version 83; 84 or newer is needed/)
  await db.run('update schema_version set version = 99')
  await db.run('update schema_compat_version set compat_version = 95')
  assert.match(await refusal(prepareDatabase(db)), /programs that know version 95; this one knows 94/)
})

test('text must be UTF8 and sort by bytes', async (t) => {
  const ascii = open(
    t,
    await postgres.emptyDatabase("encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0"),
  )
  assert.match(await refusal(prepareDatabase(ascii)), /encoding is SQL_ASCII, and must be UTF8/)
  const settings = await postgres.emptyDatabase(
    "encoding 'UTF8' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8' template template0",
  )
  const db = open(t, settings)
  assert.match(await refusal(prepareDatabase(db)), /collation is C.UTF-8, and should be C .*ctype is C.UTF-8/)
  const { warnings } = await prepareDatabase(db, { allowUnsafeLocale: true })
  assert.equal(warnings.length, 2)
})

const facts = join(import.meta.dirname, '../../../../shared/synapse')
const skip = !existsSync(join(facts, 'schema.tsv')) && `${facts} is not there`

test('every table, column, constraint, index and sequence of Synapse’s schema 94 is there, and no other', {
  skip,
}, async (t) => {
  const db = await postgres.db(t)
  const theirs = (file: string) =>
    readFileSync(join(facts, file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('\t'))
      .filter(([table]) => table !== 'table' && table !== 'sequence')
  const ours = async (sql: string) => (await db.rows<{ line: string }>(sql)).map(({ line }) => line)
  const compare = (name: string, expected: readonly string[], found: readonly string[]) =>
    assert.deepEqual([...found].sort(), [...expected].sort(), name)

  compare(
    'columns',
    theirs('schema.tsv').map(([table, place, column, type, nullable, value = '']) =>
      [table, place, column, type === '_text' ? 'text[]' : type, nullable, value].join(' '),
    ),
    await ours(`select concat_ws(' ', c.table_name, c.ordinal_position, c.column_name,
        format_type(a.atttypid, a.atttypmod), c.is_nullable, coalesce(c.column_default, '')) as line
      from information_schema.columns c
      join pg_attribute a on a.attrelid = c.table_name::regclass and a.attname = c.column_name
      where c.table_schema = 'public' and c.table_name <> 'plexus_schema_version'`),
  )
  compare(
    'constraints',
    theirs('constraints.tsv').map(([table, name, , definition]) => [table, name, definition].join(' ')),
    await ours(`select concat_ws(' ', c.relname, n.conname, pg_get_constraintdef(n.oid)) as line
      from pg_constraint n join pg_class c on c.oid = n.conrelid
      where n.connamespace = 'public'::regnamespace and n.contype <> 'n' and c.relname <> 'plexus_schema_version'`),
  )
  compare(
    'indexes',
    theirs('indexes.tsv').map(([, , definition]) => definition!),
    await ours(
      "select indexdef as line from pg_indexes where schemaname = 'public' and tablename <> 'plexus_schema_version'",
    ),
  )
  compare(
    'sequences',
    theirs('sequences.tsv').map(([name, type, start, increment]) => [name, type, start, increment].join(' ')),
    await ours(`select concat_ws(' ', sequencename, data_type, start_value, increment_by) as line
      from pg_sequences where schemaname = 'public'`),
  )
})

test('read locks are shared, a write lock is alone, and both go away', async (t) => {
  const db = await postgres.db(t)
  const lock = (token: string, isWrite: boolean) =>
    db
      .run('insert into worker_read_write_locks values ($1, $2, $3, $4, $5, 0)', [
        'purge',
        '!a:x',
        'worker1',
        isWrite,
        token,
      ])
      .then(
        () => 'taken',
        (error: StorageError) => error.kind,
      )
  const unlock = (token: string) => db.run('delete from worker_read_write_locks where token = $1', [token])
  assert.equal(await lock('r1', false), 'taken')
  assert.equal(await lock('r2', false), 'taken')
  assert.equal(await lock('w1', true), 'constraint')
  await unlock('r1')
  assert.equal(await lock('w1', true), 'constraint', 'r2 has it')
  await unlock('r2')
  assert.deepEqual(await db.rows('select * from worker_read_write_locks_mode'), [])
  assert.equal(await lock('w1', true), 'taken')
  assert.equal(await lock('w2', true), 'constraint')
  assert.equal(await lock('r3', false), 'constraint')
  await unlock('w1')
  assert.equal(await lock('r3', false), 'taken')
})

test('many processes that take and leave locks at once leave nothing behind', async (t) => {
  const db = await postgres.db(t, { connections: 8 })
  let shared = 0
  let alone = 0
  const use = async (token: string, isWrite: boolean) => {
    const take = () =>
      db.run('insert into worker_read_write_locks values ($1, $2, $3, $4, $5, 0)', ['l', 'k', 'w', isWrite, token])
    if (
      !(await take().then(
        () => true,
        () => false,
      ))
    )
      return
    assert.equal(alone, 0)
    if (isWrite) assert.equal(shared, 0)
    if (isWrite) alone++
    else shared++
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
    if (isWrite) alone--
    else shared--
    // Those who leave and those who take wait for each other's rows now and then: a transaction is run again.
    await db.transaction('read committed', (tx) =>
      tx.run('delete from worker_read_write_locks where token = $1', [token]),
    )
  }
  await Promise.all(
    Array.from({ length: 12 }, async (_, lane) => {
      for (let round = 0; round < 15; round++) await use(`${lane}-${round}`, Math.random() < 0.2)
    }),
  )
  assert.deepEqual(await db.rows('select token from worker_read_write_locks'), [])
  assert.deepEqual(await db.rows('select token from worker_read_write_locks_mode'), [])
})
