/** TLS as libpq does it, and PgBouncer between. */

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeDb } from '../../../worker/storage/db.ts'
import { StorageError } from '../../../worker/storage/postgres/errors.ts'
import { settingsFromLibpq } from '../../../worker/storage/postgres/libpq.ts'
import { freePort } from '../../harness/free-port.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { programPath } from '../../servers.ts'

const folder = mkdtempSync(join(tmpdir(), 'plexus-transport-'))
after(() => rmSync(folder, { recursive: true }))
/** A certificate for `localhost` that vouches for itself, and another. */
const [certificate, another] = ['localhost', 'elsewhere'].map((name) => {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)]
  execFileSync(
    'openssl',
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=${name} -addext subjectAltName=DNS:${name} -days 2 -keyout ${key} -out ${cert}`.split(
      ' ',
    ),
    { stdio: 'ignore' },
  )
  return { key, cert }
})
const port = await freePort()
const postgres = await startPostgres({
  settings: { listen_addresses: '127.0.0.1', port, ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' },
  prepareFolder(data) {
    execFileSync('install', ['-m', '600', certificate!.key, join(data, 'server.key')])
    execFileSync('install', ['-m', '600', certificate!.cert, join(data, 'server.crt')])
    // With TLS alice gets in; bob only without.
    const rules = [
      'local all all trust',
      'hostssl all alice 127.0.0.1/32 trust',
      'hostnossl all bob 127.0.0.1/32 trust',
    ]
    writeFileSync(join(data, 'pg_hba.conf'), `${rules.join('\n')}\n`)
  },
})
await postgres.admin.run('create role alice login')
await postgres.admin.run('create role bob login')

/** `tls`, `plain`, or why not. */
async function connection(args: Record<string, string>): Promise<string> {
  const { settings } = settingsFromLibpq(
    { port, user: 'alice', database: 'postgres', ...args },
    {},
    { acquireTimeoutMs: 500 },
  )
  const db = makeDb(settings!)
  try {
    const row = await db.one<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
    return row?.ssl ? 'tls' : 'plain'
  } catch (error) {
    assert.ok(error instanceof StorageError)
    return `${error.kind}: ${error.message}`
  } finally {
    await db.close()
  }
}

test('sslmode: how much is asked of the server', async () => {
  const byName = { host: 'localhost' }
  const byAddress = { host: '127.0.0.1' }
  assert.equal(await connection({ ...byName, sslmode: 'require' }), 'tls')
  assert.equal(await connection({ ...byName }), 'tls', 'prefer is the default')
  assert.equal(await connection({ ...byName, sslmode: 'verify-full', sslrootcert: certificate!.cert }), 'tls')
  assert.equal(await connection({ ...byAddress, sslmode: 'verify-ca', sslrootcert: certificate!.cert }), 'tls')
  assert.match(
    await connection({ ...byAddress, sslmode: 'verify-full', sslrootcert: certificate!.cert }),
    /does not match certificate's altnames/,
  )
  assert.match(
    await connection({ ...byName, sslmode: 'verify-ca', sslrootcert: another!.cert }),
    /^refused: .*certificate/,
  )
  assert.match(await connection({ ...byName, sslmode: 'disable' }), /^refused: .*no encryption/)
})

test('sslmode prefer and allow: the other way when the server refuses the first', async () => {
  assert.equal(await connection({ host: '127.0.0.1', user: 'bob', sslmode: 'prefer' }), 'plain')
  assert.equal(await connection({ host: '127.0.0.1', user: 'alice', sslmode: 'allow' }), 'tls')
  assert.match(await connection({ host: '127.0.0.1', user: 'bob', sslmode: 'require' }), /^refused: .*SSL encryption/)
  assert.equal(await connection({ host: postgres.socketFolder, user: 'alice', sslmode: 'require' }), 'plain')
})

const pgBouncer = process.env.TEST_PGBOUNCER || programPath('pgbouncer')
const skip = pgBouncer === undefined && 'pgbouncer is not installed'

test('through PgBouncer in transaction mode: nothing is kept in a session', { skip }, async (t) => {
  const bouncerPort = await freePort()
  const ini = join(folder, 'pgbouncer.ini')
  const config = [
    '[databases]',
    `* = host=${postgres.socketFolder} port=${port} user=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${bouncerPort}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 2',
    'server_reset_query_always = 0',
  ]
  writeFileSync(ini, `${config.join('\n')}\n`)
  execFileSync('chmod', ['755', folder])
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const child = spawn(pgBouncer!, [ini], { stdio: 'ignore', ...user })
  t.after(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  const { database } = await postgres.database()
  const args = { host: '127.0.0.1', port: bouncerPort, user: 'postgres', database, sslmode: 'disable' }
  const open = (pgBouncer: boolean) => {
    const db = makeDb(settingsFromLibpq(args, {}, { pgBouncer, connections: 5, acquireTimeoutMs: 5_000 }).settings!)
    t.after(() => db.close())
    return db
  }
  const db = open(true)
  const ids = Array.from({ length: 40 }, (_, index) => `!${index}:x`)
  await Promise.all([
    ...ids.map((id) => db.run('insert into rooms (room_id) values ($1)', [id])),
    ...ids.map((id) =>
      db.transaction('repeatable read', async (tx) => {
        await tx.rows('select room_id from rooms where room_id = $1', [id])
        await tx.run('insert into blocked_rooms (room_id, user_id) values ($1, $2)', [id, '@a:x'])
      }),
    ),
  ])
  assert.deepEqual(
    await db.one('select (select count(*) from rooms) as rooms, (select count(*) from blocked_rooms) as blocked'),
    { rooms: 40, blocked: 40 },
  )
  // Without the setting it says what is wrong.
  await assert.rejects(open(false).rows('select 1'), /unsupported startup parameter/)
})
