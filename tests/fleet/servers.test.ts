import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databaseArgs, redisSettings, tryPostgres, tryRedis } from '../../fleet/servers.ts'

test("an address of Postgres in Synapse's words", () => {
  assert.deepEqual(databaseArgs('postgres://me:p%40ss@db.example.org:5433/matrix?sslmode=require'), {
    user: 'me',
    password: 'p@ss',
    host: 'db.example.org',
    port: 5433,
    dbname: 'matrix',
    sslmode: 'require',
  })
  assert.deepEqual(databaseArgs('postgresql:///matrix?host=/run/postgresql'), {
    dbname: 'matrix',
    host: '/run/postgresql',
  })
  assert.deepEqual(databaseArgs('postgres://[::1]/matrix'), { host: '::1', dbname: 'matrix' })
})

test("an address of Redis in Synapse's words", () => {
  assert.deepEqual(redisSettings('redis://localhost'), { host: 'localhost', port: 6379 })
  assert.deepEqual(redisSettings('rediss://:secret@redis.example.org:7000/2'), {
    host: 'redis.example.org',
    port: 7000,
    password: 'secret',
    dbid: 2,
    use_tls: true,
  })
})

test('what is no such address is refused, and not repeated: there may be a password in it', () => {
  for (const text of ['me:secret@db/matrix', 'mysql://me:secret@db/matrix', ''])
    assert.throws(
      () => databaseArgs(text),
      (error: Error) => !error.message.includes('secret'),
    )
  assert.throws(() => databaseArgs('postgres://me:secret@db'), {
    message: '--postgres: the address names no database: postgres://me:***@db',
  })
  assert.throws(() => redisSettings('redis://host/x'), /expected the number of a database/)
})

test('who is not there is named without the password', async () => {
  await assert.rejects(tryPostgres('postgres://me:secret@127.0.0.1:1/matrix'), {
    message: '--postgres postgres://me:***@127.0.0.1:1/matrix: connect ECONNREFUSED 127.0.0.1:1',
  })
  await assert.rejects(tryRedis('redis://:secret@127.0.0.1:1'), {
    message: '--redis redis://:***@127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1',
  })
})
