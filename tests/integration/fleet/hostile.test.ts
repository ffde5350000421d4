/** What clients should never send, sent: it is refused with a reason, or means nothing, and no process stumbles over it. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { homeserver } from '../../harness/homeserver.ts'
import type { User } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const V3 = '/_matrix/client/v3'

interface Answered {
  readonly status: number
  /** `200`, `400 M_INVALID_PARAM` */
  readonly short: string
  // biome-ignore lint/suspicious/noExplicitAny: answers are read by tests, which say what they expect of them
  readonly json: any
}

/** A body as it stands: `JSON.stringify` has neither integers of any size nor keys like `__proto__`. */
const asking =
  (url: string) =>
  async (user: User, method: string, path: string, body?: string, agent = 'test'): Promise<Answered> => {
    const response = await fetch(url + V3 + path, {
      method,
      headers: { authorization: `Bearer ${user.token}`, 'user-agent': agent },
      ...(body !== undefined && { body }),
      signal: AbortSignal.timeout(30_000),
    })
    const json = JSON.parse(await response.text())
    return { status: response.status, short: [response.status, json.errcode].filter(Boolean).join(' '), json }
  }

test('what cannot be stored is asked for in vain, and others who ask at the same time are answered', async (t) => {
  const hs = await homeserver(t, postgres, { workers: ['client', 'sync'] })
  const [alice] = await hs.register('alice')
  const send = asking(hs.url)
  const room = encodeURIComponent(await alice.createRoom())
  const at = `/rooms/${room}`

  for (const path of ['state', 'members', 'joined_members', 'messages?dir=b', 'event/$x', 'context/$x', 'state/a/b'])
    assert.equal((await send(alice, 'GET', `/rooms/!a%00:x/${path}`)).short, '400 M_INVALID_PARAM', path)
  for (const path of ['event/$%00', 'context/$%00', 'state/a%00', 'state/a/%00'])
    assert.equal((await send(alice, 'GET', `${at}/${path}`)).short, '400 M_INVALID_PARAM', path)
  const mixed = await Promise.all(
    Array.from({ length: 20 }, (_, i) => send(alice, 'GET', i % 2 === 0 ? `${at}/state` : '/rooms/!%00:x/state')),
  )
  for (const [i, { status }] of mixed.entries()) assert.equal(status, i % 2 === 0 ? 200 : 400)
  assert.equal((await send(alice, 'POST', '/rooms/%00/read_markers', '{"m.fully_read":"$x"}')).status, 400)
  assert.equal((await send(alice, 'DELETE', '/pushrules/global/%00/x')).status, 400)

  for (const filter of ['{"types":["\\u0000"]}', '{"senders":["@\\u0000"]}', '{"not_types":["a\\u0000*"]}']) {
    const query = `filter=${encodeURIComponent(filter)}`
    assert.equal((await send(alice, 'GET', `${at}/messages?dir=b&${query}`)).status, 400, filter)
    assert.equal((await send(alice, 'GET', `${at}/context/$x?${query}`)).status, 400, filter)
    const whole = `{"room":{"timeline":${filter}}}`
    assert.equal((await send(alice, 'GET', `/sync?filter=${encodeURIComponent(whole)}`)).status, 400, filter)
    assert.equal((await send(alice, 'POST', `/user/${alice.userId}/filter`, whole)).status, 400, filter)
  }
})

test('log-ins and devices: numbers of any size, text that is none, a million names, guesses all at once', async (t) => {
  const hs = await homeserver(t, postgres, { workers: ['client'], settings: { ui_auth: { session_timeout: '0s' } } })
  const [alice] = await hs.register('alice')
  const send = asking(hs.url)
  const credentials = (password: string) =>
    `"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"${password}"`

  for (const name of ['device_id', 'initial_device_display_name'])
    for (const value of ['\\ud800', 'a\\u0000'])
      assert.equal(
        (await send(alice, 'POST', '/login', `{${credentials(alice.password)},"${name}":"${value}"}`)).short,
        '400 M_INVALID_PARAM',
      )
  const huge = `{${credentials('x'.repeat(300_000))}}`
  assert.equal((await send(alice, 'POST', '/login', huge)).short, '413 M_TOO_LARGE')

  const phone = await alice.login()
  const names = [
    '"a\\u0000"',
    '"\\ud800"',
    `"${phone.deviceId}"`,
    ...Array.from({ length: 200_000 }, (_, i) => `"D${i}"`),
  ]
  const first = await send(alice, 'POST', '/delete_devices', `{"devices":[${names}],"x":9007199254740993}`)
  assert.equal(first.status, 401, JSON.stringify(first.json))
  const { session } = first.json
  const auth = `"auth":{"session":"${session}",${credentials(alice.password)}}`
  const done = await send(alice, 'POST', '/delete_devices', `{"devices":[${names}],"x":9007199254740993,${auth}}`)
  assert.equal(done.status, 200, JSON.stringify(done.json))
  const { devices } = (await send(alice, 'GET', '/devices')).json
  assert.deepEqual(
    devices.map((device: { readonly device_id: string }) => device.device_id),
    [alice.deviceId],
  )
})

test('of many wrong passwords at once no more are looked at than one after the other', async (t) => {
  const many = { per_second: 1000, burst_count: 1000 }
  const settings = {
    rc_login: { address: many, account: many, failed_attempts: { per_second: 0.001, burst_count: 3 } },
  }
  const hs = await homeserver(t, postgres, { settings })
  const [alice] = await hs.register('alice')
  const send = asking(hs.url)
  const guess = (password: string) =>
    send(
      alice,
      'POST',
      '/login',
      JSON.stringify({ type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password }),
    )
  for (let i = 0; i < 5; i++) assert.equal((await guess(alice.password)).status, 200)
  const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => guess(`wrong ${i}`)))
  assert.equal(answers.filter(({ status }) => status === 403).length, 3)
  assert.equal(answers.filter(({ status }) => status === 429).length, 9)
})

test('profiles are text that others can read, and a hundred thousand ignored users are one change', async (t) => {
  const hs = await homeserver(t, postgres, { workers: ['client'] })
  const [alice, bob] = await hs.register('alice', 'bob')
  const send = asking(hs.url)
  const profile = `/profile/${alice.userId}`
  assert.equal(
    (await send(alice, 'PUT', `${profile}/displayname`, '{"displayname":"\\ud800"}')).short,
    '400 M_BAD_JSON',
  )
  for (const value of ['"\\ud800"', '{"\\udc00":1}', '[["\\ud800"]]'])
    assert.equal((await send(alice, 'PUT', `${profile}/m.x`, `{"m.x":${value}}`)).short, '400 M_BAD_JSON', value)
  assert.equal((await send(alice, 'GET', profile)).json.displayname, 'alice')

  const room = await alice.createRoom({ members: [bob] })
  const list = `/user/${alice.userId}/account_data/m.ignored_user_list`
  const many = Array.from({ length: 100_000 }, (_, i) => `"@u${i}:x":{}`)
  const since = await alice.since()
  const start = performance.now()
  assert.equal((await send(alice, 'PUT', list, `{"ignored_users":{"${bob.userId}":{},${many}}}`)).status, 200)
  // With a row for each it took ten seconds.
  assert.ok(performance.now() - start < 5000)
  await bob.send(room, 'from whom she ignores')
  const last = await alice.send(room, 'the last')
  await alice.syncUntil(since, ({ rooms }) => {
    const events = rooms?.join?.[room]?.timeline.events ?? []
    assert.ok(events.every(({ sender }) => sender !== bob.userId))
    return events.some(({ event_id: eventId }) => eventId === last)
  })
})

test('keys are as long as a database has room for, and a room’s rules may name no room', async (t) => {
  const hs = await homeserver(t, postgres, { workers: ['client'], settings: { ui_auth: { session_timeout: '0s' } } })
  const [alice, bob] = await hs.register('alice', 'bob')
  const send = asking(hs.url)
  // Postgres makes repetitions short.
  const long = randomBytes(6000).toString('hex')
  for (const path of ['account_data', 'rooms/!r:x/account_data'])
    assert.equal((await send(alice, 'PUT', `/user/${alice.userId}/${path}/${long}`, '{}')).short, '400 M_INVALID_PARAM')
  assert.equal(
    (await send(alice, 'PUT', `/user/${alice.userId}/account_data/${long.slice(0, 1024)}`, '{}')).status,
    200,
  )
  assert.equal((await send(alice, 'POST', '/delete_devices', '{"devices":[]}', long)).status, 401)

  const space = await alice.createRoom()
  const allow = ['\0', '', '!', `!${long}:x`, 5, space].map((room_id) => ({ type: 'm.room_membership', room_id }))
  const room = await alice.createRoom({
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }],
  })
  assert.equal((await send(bob, 'POST', `/join/${encodeURIComponent(room)}`, '{}')).short, '403 M_FORBIDDEN')
  await alice.ask('POST', `${V3}/rooms/${encodeURIComponent(space)}/invite`, { user_id: bob.userId })
  await bob.join(space)
  await bob.join(room)
})
