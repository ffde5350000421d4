/**
 * Messages between devices and presence beside a real Synapse: the same script on both, right and wrong requests, the same
 * answers, and the same sections of `/sync`.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { homeserver } from '../harness/homeserver.ts'
import { register, type User } from '../harness/matrix-client.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSynapse } from '../harness/synapse.ts'

const V3 = '/_matrix/client/v3'
const plenty = { per_second: 1_000, burst_count: 1_000 }
const settings = {
  caches: { sync_response_cache_duration: '0s' },
  rc_message: plenty,
  rc_registration: plenty,
  rc_login: { address: plenty, account: plenty, failed_attempts: plenty },
  rc_joins: { local: plenty, remote: plenty },
  rc_invites: { per_room: plenty, per_user: plenty, per_issuer: plenty },
  rc_presence: { per_user: plenty },
  rc_key_requests: { per_second: 0.001, burst_count: 3 },
}

// biome-ignore lint/suspicious/noExplicitAny: answers of either server
type Json = any
type Seen = readonly (readonly [what: string, answer: Json])[]

async function play(url: string): Promise<Seen> {
  const seen: (readonly [string, Json])[] = []
  const [alice, bob, carol] = [await register(url, 'alice'), await register(url, 'bob'), await register(url, 'carol')]
  const laptop = await bob.login()
  const names = new Map<string, string>([
    [alice.deviceId, 'ALICE'],
    [bob.deviceId, 'PHONE'],
    [laptop.deviceId, 'LAPTOP'],
  ])
  const see = (what: string, answer: Json) => seen.push([what, plain(answer, names)])
  const tokens = new Map<User, string>()
  const sync = async (user: User, query: Readonly<Record<string, string>> = {}): Promise<Json> => {
    const answer = (await user.sync(tokens.get(user), query)) as Json
    tokens.set(user, answer.next_batch)
    return answer
  }
  const ask = async (what: string, user: User, method: string, path: string, body?: unknown) => {
    const { status, body: answer } = await user.tryTo(method, `${V3}/${path}`, body)
    see(what, { status, answer })
  }

  // Messages.
  const toDevice = (type: string, txn: string) => `sendToDevice/${type}/${txn}`
  const to = (user: User, devices: object) => ({ messages: { [user.userId]: devices } })
  const inbox = async (what: string, user: User) => see(what, (await sync(user)).to_device ?? null)
  for (const user of [alice, bob, laptop]) await inbox('nothing', user)
  await ask('to a device', alice, 'PUT', toDevice('m.x', '1'), to(bob, { [bob.deviceId]: { n: 1, ü: [1, null] } }))
  await ask('again', alice, 'PUT', toDevice('m.x', '1'), to(bob, { [bob.deviceId]: { n: 'another' } }))
  await ask('another type', alice, 'PUT', toDevice('m.y', '1'), to(bob, { [bob.deviceId]: { n: 2 } }))
  await ask('another user', carol, 'PUT', toDevice('m.x', '1'), to(bob, { [bob.deviceId]: { n: 3 } }))
  await ask('to all', alice, 'PUT', toDevice('m.x', '2'), to(bob, { '*': { n: 4 } }))
  await ask('to oneself', bob, 'PUT', toDevice('m.x', '1'), to(bob, { '*': {} }))
  await ask(
    'to all and one',
    alice,
    'PUT',
    toDevice('m.x', '3'),
    to(bob, { '*': { n: 5 }, [laptop.deviceId]: { n: 6 } }),
  )
  await ask('to no device', alice, 'PUT', toDevice('m.x', '4'), to(bob, { NONE: { n: 7 } }))
  await ask('to nobody', alice, 'PUT', toDevice('m.x', '5'), { messages: { '@nobody:hs.test': { '*': {} } } })
  await ask('to what is no user', alice, 'PUT', toDevice('m.x', '6'), { messages: { nobody: { '*': {} } } })
  await ask('to another server', alice, 'PUT', toDevice('m.x', '7'), { messages: { '@a:there.invalid': { '*': {} } } })
  await ask('none', alice, 'PUT', toDevice('m.x', '8'), { messages: {} })
  await ask('no messages', alice, 'PUT', toDevice('m.x', '9'), {})
  await ask('no object', alice, 'PUT', toDevice('m.x', '10'), [])
  await ask('no JSON', alice, 'PUT', toDevice('m.x', '11'), undefined)
  await ask('too large', alice, 'PUT', toDevice('m.x', '12'), to(bob, { [bob.deviceId]: { x: 'y'.repeat(66_000) } }))
  for (let i = 0; i < 5; i++) {
    await ask(`keys ${i}`, alice, 'PUT', toDevice('m.room_key_request', `${i}`), to(bob, { [bob.deviceId]: { i } }))
    await ask(
      `own keys ${i}`,
      bob,
      'PUT',
      toDevice('m.room_key_request', `${i}`),
      to(bob, { [laptop.deviceId]: { i } }),
    )
  }
  for (const [what, user] of [
    ['phone', bob],
    ['laptop', laptop],
    ['alice', alice],
  ] as const) {
    await inbox(what, user)
    await inbox(`${what}, again`, user)
  }

  // Presence.
  const status = (user: User) => `presence/${encodeURIComponent(user.userId)}/status`
  await ask('own', carol, 'GET', status(carol))
  await ask('of a stranger', alice, 'GET', status(bob))
  await ask('of nobody', alice, 'GET', 'presence/@nobody:hs.test/status')
  await ask('of what is no user', alice, 'GET', 'presence/nobody/status')
  await ask('set of another', alice, 'PUT', status(bob), { presence: 'online' })
  for (const [what, body] of [
    ['set', { presence: 'unavailable', status_msg: 'at tea' }],
    ['set, something more', { presence: 'online', more: 1 }],
    ['set, nothing', {}],
    ['set, unknown', { presence: 'asleep' }],
    ['set, no text', { presence: 5 }],
    ['set, busy', { presence: 'busy' }],
    ['set, a number for a message', { presence: 'online', status_msg: 5 }],
    ['set, null for a message', { presence: 'online', status_msg: null }],
  ] as const)
    await ask(what, alice, 'PUT', status(alice), body)
  await ask('after that', alice, 'GET', status(alice))

  /** What was told of presence, until the last of the user is so. */
  const presenceUntil = async (what: string, user: User, of: User, wanted: string, timeoutMs = 10_000) => {
    const told = new Map<string, Json>()
    const end = performance.now() + timeoutMs
    while (told.get(of.userId)?.presence !== wanted && performance.now() < end)
      for (const { sender, content, type, ...rest } of (await sync(user, { timeout: '500' })).presence?.events ?? []) {
        assert.deepEqual([type, rest], ['m.presence', {}])
        told.set(sender, content)
      }
    told.delete(user.userId)
    see(what, Object.fromEntries(told))
  }
  const room = await alice.createRoom({ members: [bob] })
  await presenceUntil('who came', alice, bob, 'online')
  await laptop.ask('PUT', `${V3}/${status(bob)}`, { presence: 'offline' })
  await bob.ask('PUT', `${V3}/${status(bob)}`, { presence: 'unavailable', status_msg: 'away' })
  await presenceUntil('away', alice, bob, 'unavailable')
  await ask('away, asked', alice, 'GET', status(bob))
  await bob.ask('PUT', `${V3}/${status(bob)}`, { presence: 'offline' })
  await ask('asked by a stranger', carol, 'GET', status(bob))
  await bob.ask('PUT', `${V3}/${status(bob)}`, { presence: 'online', status_msg: 'here' })
  await presenceUntil('here', alice, bob, 'online')
  await sync(bob, { set_presence: 'unavailable' })
  await presenceUntil('by a sync', alice, bob, 'unavailable')
  await sync(laptop)
  await presenceUntil('by a sync of another device', alice, bob, 'online')
  await ask('both', alice, 'GET', status(bob))
  const none = JSON.stringify({ presence: { not_types: ['*'] } })
  see('filtered', ((await alice.sync(undefined, { filter: none })) as Json).presence ?? null)
  const senders = JSON.stringify({ presence: { senders: [bob.userId] } })
  see('filtered by sender', ((await alice.sync(undefined, { filter: senders })) as Json).presence ?? null)
  see(
    'offline users in a first sync',
    ((await carol.sync(undefined, { set_presence: 'offline' })) as Json).presence ?? null,
  )
  await carol.ask('PUT', `${V3}/${status(carol)}`, { presence: 'online' })
  await carol.join((await alice.createRoom({ preset: 'public_chat' })) as string)
  await presenceUntil('carol came to a room', alice, carol, 'online')
  await carol.ask('POST', `${V3}/join/${encodeURIComponent(room)}`, {}).catch(() => undefined)
  await ask('a bad set_presence', alice, 'GET', 'sync?set_presence=asleep')
  return seen
}

const LEFT_OUT = new Set(['last_active_ago', 'retry_after_ms'])

function plain(answer: Json, names: ReadonlyMap<string, string>): Json {
  let text = JSON.stringify(answer, (key, value) => (LEFT_OUT.has(key) ? undefined : value))
  for (const [id, as] of names) text = text.replaceAll(id, as)
  const result = JSON.parse(text)
  if (Array.isArray(result?.events))
    result.events.sort((a: Json, b: Json) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  return result
}

/** Wanted differences, by what was asked. */
const EXPLAINED: Readonly<Record<string, string>> = {
  'of what is no user': 'why it is none is said in other words',
  'a bad set_presence': 'Synapse names those that there are in no order',
}

test('messages and presence are answered alike', async (t: TestContext) => {
  const postgres = await startPostgres({ atEnd: (work) => t.after(work) })
  const [ours, synapse] = await Promise.all([
    homeserver(t, postgres, { settings: { ...settings, enable_registration: true } }),
    startSynapse(t, settings),
  ])
  const [here, there] = [await play(ours.url), await play(synapse.url)]
  assert.deepEqual(
    here.map(([what]) => what),
    there.map(([what]) => what),
  )
  const different: string[] = []
  for (const [i, [what, answer]] of here.entries()) {
    const expected = there[i]![1]
    if (isSame(answer, expected)) continue
    if (what in EXPLAINED) t.diagnostic(`${what}: ${EXPLAINED[what]}`)
    else different.push(what)
    if (process.env.SHOW_DIFFERENCES !== undefined)
      console.log(what, '\nhere ', JSON.stringify(answer), '\nthere', JSON.stringify(expected))
  }
  assert.deepEqual(different, [])
})

function isSame(a: Json, b: Json): boolean {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}
