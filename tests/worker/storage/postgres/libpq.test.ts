import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { argsFromUrl, settingsFromLibpq } from '../../../../worker/storage/postgres/libpq.ts'
import { tlsAttempts } from '../../../../worker/storage/postgres/tls.ts'

const base = { host: 'db.example.com', user: 'synapse', password: 'secret', database: 'matrix' }
const told = (args: Parameters<typeof settingsFromLibpq>[0], environment = {}) =>
  settingsFromLibpq(args, environment).problems.map(({ key, fatal }) => `${key}${fatal ? '!' : ''}`)

test('what a homeserver.yaml has: the arguments of psycopg2 and the pool', () => {
  const { settings, problems } = settingsFromLibpq({
    ...base,
    port: 5433,
    cp_min: 2,
    cp_max: 7,
    sslmode: 'require',
    keepalives_idle: 10,
    connect_timeout: 1,
    application_name: 'matrix',
    options: '-c jit=off',
  })
  assert.deepEqual(problems, [])
  assert.deepEqual(settings!.hosts, [{ host: 'db.example.com', port: 5433 }])
  const { user, password, database, connections, keepAliveIdleMs, connectTimeoutMs, applicationName, options } =
    settings!
  assert.deepEqual(
    { user, password, database, connections, keepAliveIdleMs, connectTimeoutMs, applicationName, options },
    {
      user: 'synapse',
      password: 'secret',
      database: 'matrix',
      connections: 7,
      keepAliveIdleMs: 10_000,
      connectTimeoutMs: 2_000, // libpq takes 1 as 2
      applicationName: 'matrix',
      options: '-c jit=off',
    },
  )
})

test('libpq: the environment stands in for what is missing, the user name for the database', () => {
  const environment = { PGHOST: '/run/pg', PGPORT: '5555', PGUSER: 'alice', PGPASSWORD: 'p', PGSSLMODE: 'disable' }
  const { settings } = settingsFromLibpq({}, environment)
  assert.deepEqual(settings!.hosts, [{ host: '/run/pg', port: 5555 }])
  assert.equal(settings!.database, 'alice')
  assert.equal(settings!.password, 'p')
  assert.equal(settingsFromLibpq({ user: 'bob' }, environment).settings!.user, 'bob')
})

test('several hosts, with a port each or one for all', () => {
  const hosts = (host: string, port?: string) => settingsFromLibpq({ ...base, host, port }).settings?.hosts
  assert.deepEqual(hosts('a,b', '1,2'), [
    { host: 'a', port: 1 },
    { host: 'b', port: 2 },
  ])
  assert.deepEqual(hosts('a,b', '7')?.at(1), { host: 'b', port: 7 })
  assert.deepEqual(hosts('a,b')?.at(1), { host: 'b', port: 5432 })
  assert.equal(hosts('a,b,c', '1,2'), undefined)
  assert.equal(settingsFromLibpq({ ...base, target_session_attrs: 'primary' }).settings?.targetSession, 'read-write')
})

test('what cannot be done is refused, what is unknown is told once', () => {
  assert.deepEqual(told({ ...base, host: 'h', service: 'x', sslcrl: '/x', gssencmode: 'disable' }), [
    'service!',
    'sslcrl!',
    'gssencmode',
  ])
  assert.deepEqual(told({ ...base, dsn: 'host=x' }), ['dsn!'])
  assert.deepEqual(told({ ...base, port: 'x' }), ['port!'])
  assert.deepEqual(told({ ...base, cp_max: 0 }), ['cp_max!'])
  assert.deepEqual(told({ ...base, sslmode: 'sometimes' }), ['sslmode!'])
  assert.deepEqual(told({ ...base, target_session_attrs: 'standby' }), ['target_session_attrs!'])
  assert.deepEqual(told({ ...base, sslmode: 'verify-full' }), ['sslrootcert!'])
  assert.deepEqual(told({ ...base, sslmode: 'verify-full', sslrootcert: 'system' }), [])
  assert.deepEqual(told({ ...base, sslmode: 'verify-full', sslrootcert: '/not/there' }), ['sslrootcert!'])
  assert.deepEqual(told({ ...base, sslmode: 'verify-ca', sslrootcert: 'system' }), ['sslmode!'])
  assert.deepEqual(told({ ...base, sslnegotiation: 'direct' }), ['sslnegotiation!'])
})

test('a URL means the same, and a wrong one is not repeated in the error', () => {
  assert.deepEqual(argsFromUrl('postgres://al%40ice:p%2Fw@[::1]:5433/ma%20trix?sslmode=require'), {
    host: '::1',
    port: '5433',
    user: 'al@ice',
    password: 'p/w',
    dbname: 'ma trix',
    sslmode: 'require',
  })
  assert.equal(argsFromUrl('postgresql:///db?host=/run/pg').host, '/run/pg')
  assert.equal(argsFromUrl('postgres://%2Frun%2Fpg/db').host, '/run/pg')
  for (const url of ['mysql://root:hunter2@x/y', 'hunter2'])
    assert.throws(
      () => argsFromUrl(url),
      (error: Error) => error instanceof TypeError && !error.message.includes('hunter2'),
    )
})

test('sslmode is what it is with libpq', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-tls-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const rootCert = join(folder, 'ca.crt')
  writeFileSync(rootCert, 'PEM')
  const attempts = (mode: string, more = {}, host = 'db') =>
    tlsAttempts(settingsFromLibpq({ ...base, sslmode: mode, ...more }).settings!.tls, host).map((attempt) =>
      attempt === false
        ? 'plain'
        : `${attempt.rejectUnauthorized ? 'checked' : 'unchecked'}${attempt.checkServerIdentity === undefined ? ' name' : ''}`,
    )
  assert.deepEqual(attempts('disable'), ['plain'])
  assert.deepEqual(attempts('allow'), ['plain', 'unchecked'])
  assert.deepEqual(attempts('prefer'), ['unchecked', 'plain'])
  assert.deepEqual(attempts('require'), ['unchecked'])
  assert.deepEqual(attempts('require', { sslrootcert: rootCert }), ['checked'])
  assert.deepEqual(attempts('verify-ca', { sslrootcert: rootCert }), ['checked'])
  assert.deepEqual(attempts('verify-full', { sslrootcert: rootCert }), ['checked name'])
  assert.deepEqual(attempts('require', {}, '/run/pg'), ['plain'], 'a Unix socket is never encrypted')
})
