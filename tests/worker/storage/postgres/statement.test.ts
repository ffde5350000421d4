import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe, makeStatements } from '../../../../worker/storage/postgres/statement.ts'

test('statements are described by verb and table, never by a value', () => {
  const descriptions: Readonly<Record<string, string>> = {
    "select a from users where name = 'secret'": 'select users',
    'insert into events (a) select x from unnest($1::text[]) as t (x)': 'insert events',
    'update only devices set a = 1': 'update devices',
    'delete from device_inbox where a = $1 returning b': 'delete device_inbox',
    'with recursive t(a) as (select 1 from rooms) select * from t join users using (a)': 'select t',
    'with gone as (delete from a returning x) insert into b select x from gone': 'insert b',
    "select nextval('x')": 'select',
    'begin isolation level serializable': 'begin',
    '  -- a comment\n  select 1\n from events': 'select events',
    vacuum: 'other',
  }
  for (const [text, description] of Object.entries(descriptions)) assert.equal(describe(text).description, description)
  assert.equal(describe('insert into a values (1)').verb, 'INSERT')
})

test('a text has one name, another after the tables were altered, and none behind PgBouncer', () => {
  const statements = makeStatements(true)
  const { name } = statements.of('select 1')
  assert.equal(statements.of('select 1').name, name)
  assert.notEqual(statements.of('select 2').name, name)
  assert.ok(name!.length < 64, 'Postgres cuts longer names')
  statements.renew()
  assert.notEqual(statements.of('select 1').name, name)
  assert.equal(makeStatements(false).of('select 1').name, undefined)
})

test('texts that are put together at run time do not fill the memory', () => {
  const statements = makeStatements(true)
  const names = Array.from({ length: 5_000 }, (_, index) => statements.of(`select ${index}`).name)
  assert.equal(names.filter((name) => name !== undefined).length, 2_000)
})
