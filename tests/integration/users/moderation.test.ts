/** Admins, accounts that end, and who leaves when they have: over HTTP and in the database. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import { selectPendingDeactivations } from '../../../worker/storage/deactivation.ts'
import { insertUser, selectUser, updateAdmin } from '../../../worker/storage/users.ts'
import { makeDeactivation } from '../../../worker/users/deactivation.ts'
import { serveAccounts } from '../../harness/accounts-server.ts'
import { inReverse } from '../../harness/in-reverse.ts'
import { openStreams } from '../../harness/live-streams.ts'
import { startMailReceiver } from '../../harness/mail-receiver.ts'
import { ask } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const V3 = '/_matrix/client/v3'
const V1 = '/_matrix/client/v1'

async function serve(test: TestContext, settings: object = {}) {
  const t = inReverse(test)
  const db = await postgres.db(t)
  const { port, accounts } = await serveAccounts(t, db, {
    rc_registration: { per_second: 1000, burst_count: 1000 },
    bcrypt_rounds: 4,
    ...settings,
  })
  const url = `http://127.0.0.1:${port}`
  const register = async (username: string): Promise<string> => {
    const body = { username, password: 'secret', auth: { type: 'm.login.dummy' } }
    return (await ask(url, 'POST', `${V3}/register`, { body })).body.access_token as string
  }
  return { db, url, register, accounts }
}

test('admins suspend and lock others, and nobody else does', async (t) => {
  const { db, url, register } = await serve(t)
  const [root, other, bob] = [await register('root'), await register('other'), await register('bob')]
  for (const name of ['root', 'other']) await updateAdmin(db, `@${name}:hs.test` as UserId, true)
  const outcome = async (token: string, method: string, what: string, user: string, body?: object) => {
    const answer = await ask(url, method, `${V1}/admin/${what}/${user}`, { token, ...(body && { body }) })
    return [answer.status, answer.body.errcode ?? answer.body[what === 'lock' ? 'locked' : 'suspended']]
  }
  for (const [what, member] of [
    ['suspend', 'suspended'],
    ['lock', 'locked'],
  ] as const) {
    const yes = { [member]: true }
    assert.deepEqual(await outcome(bob, 'GET', what, '@nobody:hs.test'), [403, 'M_FORBIDDEN'])
    assert.deepEqual(await outcome(bob, 'PUT', what, '@bob:hs.test', yes), [403, 'M_FORBIDDEN'])
    assert.deepEqual(await outcome(root, 'GET', what, '@nobody:hs.test'), [404, 'M_NOT_FOUND'])
    assert.deepEqual(await outcome(root, 'GET', what, '@bob:other.test'), [400, 'M_INVALID_PARAM'])
    assert.deepEqual(await outcome(root, 'PUT', what, '@other:hs.test', yes), [403, 'M_FORBIDDEN'])
    assert.deepEqual(await outcome(root, 'PUT', what, '@root:hs.test', yes), [403, 'M_FORBIDDEN'])
    assert.deepEqual(await outcome(root, 'PUT', what, '@bob:hs.test', {}), [400, 'M_MISSING_PARAM'])
    assert.deepEqual(await outcome(root, 'GET', what, '@bob:hs.test'), [200, false])
    assert.deepEqual(await outcome(root, 'PUT', what, '@bob:hs.test', yes), [200, true])
    assert.deepEqual(await outcome(root, 'GET', what, '@bob:hs.test'), [200, true])
  }
  // What was in memory is not any more.
  const whoami = await ask(url, 'GET', `${V3}/account/whoami`, { token: bob })
  assert.deepEqual([whoami.status, whoami.body.errcode, whoami.body.soft_logout], [401, 'M_USER_LOCKED', true])
  await outcome(root, 'PUT', 'lock', '@bob:hs.test', { locked: false })
  assert.equal((await ask(url, 'GET', `${V3}/account/whoami`, { token: bob })).status, 200)
  const renamed = await ask(url, 'PUT', `${V3}/profile/@bob:hs.test/displayname`, {
    token: bob,
    body: { displayname: 'x' },
  })
  assert.deepEqual([renamed.status, renamed.body.errcode], [403, 'M_USER_SUSPENDED'])
  assert.ok(other)
})

test('an account that has ended can be renewed, and nothing else', async (t) => {
  const mail = await startMailReceiver(t)
  const { db, url, register } = await serve(t, {
    email: { smtp_host: '127.0.0.1', smtp_port: mail.port, enable_tls: false, notif_from: 'noreply@hs.test' },
    account_validity: { enabled: true, period: '10d', renew_at: '1d' },
  })
  const token = await register('alice')
  const send = () => ask(url, 'POST', `${V3}/account_validity/send_mail`, { token, body: {} })
  const whoami = async () => (await ask(url, 'GET', `${V3}/account/whoami`, { token })).body
  assert.equal((await whoami()).user_id, '@alice:hs.test')
  await db.run(
    `insert into user_threepids (user_id, medium, address, validated_at, added_at) values ('@alice:hs.test', 'email', 'alice@a.test', 0, 0)`,
  )
  assert.equal((await send()).status, 200)
  const link = /https:\/\/hs\.test(\S+)/.exec((await mail.next('alice@a.test')).text)![1]!
  await db.run('update account_validity set expiration_ts_ms = $1', [Date.now() - 1])
  const token2 = (
    await ask(url, 'POST', `${V3}/login`, {
      body: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: 'secret' },
    })
  ).body.access_token as string
  const expired = await ask(url, 'GET', `${V3}/account/whoami`, { token: token2 })
  assert.deepEqual([expired.status, expired.body.errcode], [403, 'ORG_MATRIX_EXPIRED_ACCOUNT'])
  const sent = await ask(url, 'POST', `${V3}/account_validity/send_mail`, { token: token2, body: {} })
  assert.equal(sent.status, 200, JSON.stringify(sent.body))
  // The newest link counts.
  assert.equal((await ask(url, 'GET', link)).status, 404)
  const newest = /https:\/\/hs\.test(\S+)/.exec((await mail.next('alice@a.test')).text)![1]!
  assert.match((await ask(url, 'GET', newest)).body, /is renewed, and is valid until/)
  assert.match((await ask(url, 'GET', newest)).body, /was renewed before/)
  assert.equal((await ask(url, 'GET', `${V3}/account/whoami`, { token: token2 })).status, 200)
})

test('who is deactivated leaves all rooms, whoever dies meanwhile', async (test) => {
  const t = inReverse(test)
  const db = await postgres.db(t)
  const { caches } = await openStreams(t, db)
  const alice = '@alice:hs.test' as UserId
  await insertUser(db, { userId: alice, passwordHash: 'x', createdAtMs: 0 })
  const rooms = new Map<string, string>([
    ['!a:x', 'join'],
    ['!b:x', 'join'],
    ['!c:x', 'join'],
    ['!d:x', 'join'],
    ['!i:x', 'invite'],
    ['!k:x', 'knock'],
    ['!l:x', 'leave'],
  ])
  const stuck = Promise.withResolvers<void>()
  const make = (leave: (roomId: RoomId) => Promise<void>) =>
    makeDeactivation({
      db,
      caches,
      sessions: { endAll: async () => undefined },
      memberships: {
        ofUser: async () =>
          new Map([...rooms].map(([roomId, membership]) => [roomId, { roomId, membership }])) as never,
      },
      async leave(_, roomId) {
        await leave(roomId)
        rooms.set(roomId, 'leave')
      },
      forget: async (_, roomId) => void rooms.delete(roomId),
      onProblem: () => undefined,
    })
  // The first process is in the middle of it.
  const first = make((roomId) => (roomId === '!b:x' ? stuck.promise : Promise.resolve()))
  await first.deactivate(alice, { erase: true })
  const user = await selectUser(db, alice)
  assert.deepEqual([user?.isDeactivated, user?.passwordHash], [true, null])
  assert.deepEqual([rooms.get('!i:x'), rooms.get('!k:x')], ['leave', 'leave'])
  await until(() => !rooms.has('!a:x'))
  const closing = first.close()
  stuck.resolve()
  await closing
  assert.ok(rooms.has('!c:x'))
  assert.deepEqual(await selectPendingDeactivations(db, 10), [{ userId: alice }])

  // Another looks twice before it goes on; a room that cannot be left does not keep it from the others.
  let refusal: Error = new Error('Postgres is away')
  const second = make((roomId) => (roomId === '!c:x' ? Promise.reject(refusal) : Promise.resolve()))
  await second.takeOver()
  assert.ok(rooms.has('!c:x'))
  await second.takeOver()
  await until(() => !rooms.has('!d:x'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  // It may be left in a minute; what is refused is refused for ever.
  assert.deepEqual(await selectPendingDeactivations(db, 10), [{ userId: alice }])
  refusal = new MatrixError('M_FORBIDDEN', 'no')
  await second.takeOver()
  await until(async () => (await selectPendingDeactivations(db, 10)).length === 0)
  assert.ok(rooms.has('!c:x'))
  await second.close()
  await second.deactivate(alice, { erase: true })
  await second.close()
})
