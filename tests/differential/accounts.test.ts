/** Accounts beside a real Synapse: the same requests in the same order to both, the same answers from both. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import type { UserId } from '../../shared/matrix/ids.ts'
import { type AccountsServer, serveAccounts } from '../harness/accounts-server.ts'
import { inReverse } from '../harness/in-reverse.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSynapse, type TestSynapse } from '../harness/synapse.ts'
import { synapsePython } from '../synapse/install.ts'

const postgres = await startPostgres()

const UNLIMITED = { per_second: 10_000, burst_count: 10_000 }
const unlimited = {
  rc_registration: UNLIMITED,
  rc_registration_token_validity: UNLIMITED,
  rc_login: { address: UNLIMITED, account: UNLIMITED, failed_attempts: UNLIMITED },
  rc_profile: UNLIMITED,
  rc_message: UNLIMITED,
  bcrypt_rounds: 4,
}

interface Step {
  readonly method: string
  readonly path: string
  /** An object is sent as JSON. `{name}` in its strings, in `path` and in `token` is what was kept under that name. */
  readonly body?: object | string
  readonly token?: string
  /** Kept from the answer: name → member. */
  readonly keep?: Readonly<Record<string, string>>
  /** What Synapse answers otherwise, and why that is not wanted. */
  readonly unlike?: string
}

const V3 = '/_matrix/client/v3'
const post = (path: string, body: object | string, more: Partial<Step> = {}): Step => ({
  method: 'POST',
  path: V3 + path,
  body,
  ...more,
})
const put = (path: string, body: object | string, more: Partial<Step> = {}): Step => ({
  method: 'PUT',
  path: V3 + path,
  body,
  ...more,
})
const del = (path: string, body: object | string, more: Partial<Step> = {}): Step => ({
  ...put(path, body, more),
  method: 'DELETE',
})
const get = (path: string, more: Partial<Step> = {}): Step => ({ method: 'GET', path: V3 + path, ...more })

const fill = (text: string, kept: ReadonlyMap<string, string>): string =>
  text.replace(/\{(\w+)\}/g, (_, name) => kept.get(name) ?? `{${name}}`)

interface Answer {
  readonly status: number
  readonly json: unknown
}

async function ask(port: number, step: Step, kept: Map<string, string>): Promise<Answer> {
  const { method, path, body, token } = step
  const response = await fetch(`http://127.0.0.1:${port}${fill(path, kept)}`, {
    method,
    headers: token === undefined ? {} : { Authorization: `Bearer ${fill(token, kept)}` },
    ...(body !== undefined && { body: fill(typeof body === 'string' ? body : JSON.stringify(body), kept) }),
  })
  const text = await response.text()
  let json: unknown = text
  try {
    json = JSON.parse(text)
  } catch {
    // compared as text
  }
  for (const [name, member] of Object.entries(step.keep ?? {}))
    kept.set(name, (json as Record<string, string>)[member]!)
  return { status: response.status, json }
}

/** What differs from one to the other by chance, by what it looks like. */
function shapeOf(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => shapeOf(item))
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, member]) => [name, shapeOf(member, name)] as const)
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  if (['expires_in_ms', 'retry_after_ms'].includes(key) && typeof value === 'number')
    return Math.round(value / 10_000) * 10_000
  if (key === 'last_seen_ts' || key === 'last_seen_ip') return 'as it is known so far'
  if (typeof value !== 'string') return value
  if (key === 'access_token' || key === 'refresh_token')
    return value
      .replace(/^(sy[tr]_[^_]+)_[a-zA-Z]{20}_[0-9A-Za-z]{6}$/, '$1_random_checksum')
      .replace(/^MDAx[\w-]+$/, 'a macaroon')
  if (key === 'session') return value.replace(/^[a-zA-Z]{24}$/, 'a session')
  if (key === 'device_id') return value.replace(/^[A-Z]{10}$/, 'A DEVICE')
  if (key === 'nonce') return value.replace(/^[0-9a-f]{128}$/, 'a nonce')
  return value
}

interface Both {
  readonly synapse: TestSynapse
  readonly ours: AccountsServer
}

async function startBoth(t: TestContext, settings: Record<string, unknown>): Promise<Both | undefined> {
  try {
    const synapse = await startSynapse(t, settings)
    const scope = inReverse(t)
    return { synapse, ours: await serveAccounts(scope, await postgres.db(scope), settings) }
  } catch (error) {
    t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
    return undefined
  }
}

async function compare(t: TestContext, { synapse, ours }: Both, steps: readonly Step[]): Promise<void> {
  const kept = [new Map<string, string>(), new Map<string, string>()] as const
  const differences: string[] = []
  let explained = 0
  for (const step of steps) {
    const theirs = await ask(synapse.port, step, kept[0])
    const own = await ask(ours.port, step, kept[1])
    const [a, b] = [theirs, own].map(({ status, json }) => `${status} ${JSON.stringify(shapeOf(json))}`)
    if (step.unlike !== undefined) {
      explained++
      if (a === b)
        differences.push(`${step.method} ${step.path} ${JSON.stringify(step.body)}\n  is alike, though: ${step.unlike}`)
    } else if (a !== b)
      differences.push(`${step.method} ${step.path} ${JSON.stringify(step.body ?? '')}\n  Synapse ${a}\n  ours    ${b}`)
  }
  assert.equal(differences.join('\n'), '')
  t.diagnostic(`${steps.length - explained} answers alike, ${explained} differences explained`)
}

const dummy = { auth: { type: 'm.login.dummy' } }
const login = (more: object) => post('/login', { type: 'm.login.password', ...more })
const user = (name: string) => ({ identifier: { type: 'm.id.user', user: name } })

test('accounts are served as by Synapse', async (t) => {
  const settings = { ...unlimited, allow_guest_access: true, registration_shared_secret: 'shared' }
  const both = await startBoth(t, settings)
  if (both === undefined) return
  await compare(t, both, [
    // What is refused before anything is asked.
    ...['', '{', '[]', '"x"', 'null'].map((body) => post('/register', body)),
    post('/register?kind=nobody', {}),
    post('/register', { auth: 'x' }, { unlike: 'Synapse prints its validation library’s report' }),
    post('/register', { auth: null }),
    post('/register', { username: 5 }),
    post('/register', { username: 'x'.repeat(513) }),
    post('/register', { username: 'a', password: 5 }),
    post('/register', { username: 'a', password: 'x'.repeat(513) }),
    post('/register', { refresh_token: 'x' }),
    post('/register', { username: 'a' }, { token: 'anything' }),
    post('/register', { type: 'm.login.application_service', username: 'a' }),
    post('/register', { type: 'm.login.application_service' }, { token: 'anything' }),
    post('/register', { type: 'm.login.application_service', username: 'a' }, { token: 'anything' }),
    ...['', 'UPPER', 'sp ace', '_under', '123', 'é', 'a:b', 'a@b', 'x'.repeat(300), "=_-./+'", 'a\u0000b'].map(
      (username) => post('/register', { username, password: 'secret', ...dummy }),
    ),
    post('/register', { username: 'nobody', password: 'x', auth: { type: 'm.login.dummy', session: 'unknown' } }),
    post('/register', { username: 'nobody', password: 'x', auth: { type: 'm.login.unknown' } }),
    post(
      '/register',
      { username: 'nobody', password: 'x', auth: { type: 'm.login.password' } },
      { unlike: 'ours has no such stage' },
    ),
    post(
      '/register',
      { username: 'nobody', password: 'x', auth: { type: 5 } },
      { unlike: 'Synapse fails on it, with 500' },
    ),
    post('/register', { username: 'nobody', ...dummy }),
    // In one step, in two, and again.
    post('/register', { username: 'alice', password: 'secret', ...dummy }, { keep: { alice: 'access_token' } }),
    get('/account/whoami', { token: '{alice}' }),
    post('/register', { username: 'alice', password: 'secret', ...dummy }),
    post('/register', { username: 'ALICE', password: 'secret' }),
    post(
      '/register',
      { username: 'bob', password: 'secret', device_id: 'PHONE', initial_device_display_name: 'phone' },
      { keep: { session: 'session' } },
    ),
    post(
      '/register',
      { username: 'bob', auth: { type: 'm.login.dummy', session: '{session}' }, device_id: 'PHONE' },
      { keep: { bob: 'access_token' } },
    ),
    get('/account/whoami', { token: '{bob}' }),
    post('/register', { username: 'bob', auth: { type: 'm.login.dummy', session: '{session}' } }),
    post('/register', { username: 'carol', auth: { type: 'm.login.dummy', session: '{session}' } }),
    post('/register', { username: 'carol', password: 'secret', inhibit_login: true, ...dummy }),
    post('/register', { username: 'dave', password: 'secret', refresh_token: true, ...dummy }),
    ...['alice', 'Alice', 'free', '', 'UPPER', '_a', '123'].map((name) => get(`/register/available?username=${name}`)),
    get('/register/available'),
    get('/register/m.login.registration_token/validity?token=x'),
    { method: 'GET', path: '/_matrix/client/v1/register/m.login.registration_token/validity?token=x' },
    { method: 'GET', path: '/_matrix/client/v1/register/m.login.registration_token/validity' },
    get('/password_policy'),

    // Log-in.
    get('/login'),
    ...['', '{', '[]'].map((body) => post('/login', body)),
    post('/login', {}),
    post('/login', { type: 5 }),
    post('/login', { type: 'm.login.unknown' }),
    post('/login', { type: 'm.login.unknown', ...user('alice') }),
    post('/login', { type: 'm.login.application_service' }),
    post('/login', { type: 'm.login.application_service' }, { token: '{alice}' }),
    post('/login', { type: 'm.login.application_service' }, { token: 'nobodys' }),
    login({}),
    login({ password: 5 }),
    login({ password: 'secret' }),
    login({ password: 'secret', identifier: {} }),
    login({ password: 'secret', identifier: { user: 'alice' } }),
    login({ password: 'secret', identifier: { type: 'm.id.unknown' } }),
    login({ password: 'secret', identifier: { type: 'm.id.user' } }),
    login({ password: 'secret', identifier: { type: 'm.id.thirdparty' } }),
    login({ password: 'secret', identifier: { type: 'm.id.thirdparty', medium: 'email', address: 'a@b.test' } }),
    login({ password: 'secret', medium: 'email', address: 'a@b.test' }),
    login({ password: 'secret', identifier: { type: 'm.id.phone' } }),
    login({ password: 'wrong', ...user('alice') }),
    login({ password: '', ...user('alice') }),
    login({ password: 'secret', ...user('nobody') }),
    login({ password: 'secret', ...user('@alice:elsewhere.test') }),
    login({ password: 'secret', refresh_token: 'x', ...user('alice') }),
    login({ password: 'secret', ...user('alice') }),
    login({ password: 'secret', ...user('ALICE') }),
    login({ password: 'secret', ...user('@alice:hs.test') }),
    login({ password: 'secret', user: 'alice' }),
    login({ password: 'secret', device_id: 'x'.repeat(513), ...user('alice') }),
    login({ password: 'secret', initial_device_display_name: 'x'.repeat(101), ...user('alice') }),
    { ...login({ password: 'secret', device_id: 'TAB', ...user('alice') }), keep: { first: 'access_token' } },
    { ...login({ password: 'secret', device_id: 'TAB', ...user('alice') }), keep: { second: 'access_token' } },
    get('/account/whoami', {
      token: '{first}',
      unlike: 'the specification: “the server will invalidate any access token previously assigned to that device”',
    }),
    get('/account/whoami', { token: '{second}' }),
    {
      ...login({ password: 'secret', refresh_token: true, ...user('alice') }),
      keep: { r1: 'refresh_token', a1: 'access_token' },
    },
    get('/account/whoami', { token: '{a1}' }),

    // Refreshing.
    ...['', '{}', '{"refresh_token":5}', '{"refresh_token":"x"}'].map((body) => post('/refresh', body)),
    post('/refresh', { refresh_token: 'syr_YWxpY2U_aaaaaaaaaaaaaaaaaaaa_000000' }),
    post('/refresh', { refresh_token: '{r1}' }, { keep: { r2: 'refresh_token', a2: 'access_token' } }),
    get('/account/whoami', { token: '{a1}' }),
    post('/refresh', { refresh_token: '{r1}' }, { keep: { r3: 'refresh_token', a3: 'access_token' } }),
    get('/account/whoami', { token: '{a2}' }),
    post('/refresh', { refresh_token: '{r2}' }),
    get('/account/whoami', { token: '{a3}' }),
    post('/refresh', { refresh_token: '{r1}' }),
    post('/refresh', { refresh_token: '{r3}' }, { keep: { r4: 'refresh_token', a4: 'access_token' } }),
    get('/account/whoami', { token: '{a1}', unlike: 'its row is gone there too, but Synapse has it in its cache' }),
    get('/account/whoami', { token: '{a4}' }),

    // Ends.
    post('/logout', {}, { token: '{a4}' }),
    get('/account/whoami', { token: '{a4}' }),
    post('/refresh', { refresh_token: '{r4}' }),
    post('/logout', '', { token: '{second}' }),
    get('/account/whoami', { token: '{second}' }),
    get('/account/whoami', { token: '{alice}' }),
    post('/logout/all', {}, { token: '{alice}' }),
    get('/account/whoami', { token: '{alice}' }),
    post('/logout', {}, { token: '{alice}' }),
    post('/logout', {}),
    // Guests.
    post('/register?kind=guest', {}, { keep: { guest: 'access_token', guestId: 'user_id' } }),
    get('/account/whoami', { token: '{guest}' }),
    post('/register?kind=guest', { username: 'x', device_id: 'PHONE', initial_device_display_name: 'phone' }),
    post('/register', { username: '1', password: 'secret', guest_access_token: 'unknown', ...dummy }),
    post(
      '/register',
      { username: '9', password: 'secret', guest_access_token: '{guest}', ...dummy },
      { unlike: 'Synapse says 404: No row found (users)' },
    ),
    post(
      '/register',
      { username: '1', password: 'secret', guest_access_token: '{guest}', ...dummy },
      { keep: { user: 'access_token' } },
    ),
    get('/account/whoami', { token: '{user}' }),
    get('/account/whoami', { token: '{guest}', unlike: 'Synapse says what is wrong with the token' }),
    login({ password: 'secret', ...user('1') }),
    // Profiles.
    post('/register', { username: 'erin', password: 'secret', ...dummy }, { keep: { erin: 'access_token' } }),
    post('/register?kind=guest', {}, { keep: { visitor: 'access_token', visitorId: 'user_id' } }),
    ...['@nobody:hs.test', '@:hs.test'].map((id) =>
      get(`/profile/${id}`, { unlike: 'Synapse says: No row found (profiles)' }),
    ),
    ...['@erin:hs.test', 'erin', '@erin'].map((id) => get(`/profile/${id}`)),
    ...['@erin:hs.test', '@nobody:hs.test', 'erin', '@erin', '@:hs.test'].flatMap((id) => [
      get(`/profile/${id}/displayname`),
      get(`/profile/${id}/avatar_url`),
      get(`/profile/${id}/org.example.x`),
    ]),
    ...['', 'Upper', '1a', 'a%20b', 'a'.repeat(256), 'constructor'].map((name) =>
      get(`/profile/@erin:hs.test/${name}`),
    ),
    ...[{}, { displayname: 5 }, { displayname: null }, { displayname: 'x'.repeat(257) }, { other: 'x' }].map((body) =>
      put('/profile/@erin:hs.test/displayname', body, { token: '{erin}' }),
    ),
    ...['', '[]', '{'].map((body) => put('/profile/@erin:hs.test/displayname', body, { token: '{erin}' })),
    put('/profile/@erin:hs.test/displayname', { displayname: 'x' }),
    put('/profile/@alice:hs.test/displayname', { displayname: 'x' }, { token: '{erin}' }),
    put('/profile/@alice:hs.test/avatar_url', { avatar_url: 'x' }, { token: '{erin}' }),
    put('/profile/@alice:hs.test/org.example.x', { 'org.example.x': 'x' }, { token: '{erin}' }),
    put('/profile/@a:elsewhere.test/displayname', { displayname: 'x' }, { token: '{erin}' }),
    put('/profile/erin/displayname', { displayname: 'x' }, { token: '{erin}' }),
    put('/profile/@erin:hs.test/displayname', { displayname: '  Erin ☃ ' }, { token: '{erin}' }),
    put('/profile/@erin:hs.test/avatar_url', { avatar_url: 'x'.repeat(1001) }, { token: '{erin}' }),
    put('/profile/@erin:hs.test/avatar_url', { avatar_url: 'mxc://hs.test/a' }, { token: '{erin}' }),
    put('/profile/@erin:hs.test/org.example.x', { 'org.example.x': { a: [1, null, 'ü'] } }, { token: '{erin}' }),
    put('/profile/@erin:hs.test/m.tz', { 'm.tz': null }, { token: '{erin}' }),
    put('/profile/@erin:hs.test/constructor', { constructor: 'x' }, { token: '{erin}' }),
    put('/profile/@erin:hs.test/org.example.big', { 'org.example.big': 'x'.repeat(70_000) }, { token: '{erin}' }),
    put('/profile/@erin:hs.test/Upper', { Upper: 'x' }, { token: '{erin}' }),
    get('/profile/@erin:hs.test'),
    get('/profile/@erin:hs.test/displayname'),
    get('/profile/@erin:hs.test/org.example.x'),
    get('/profile/@erin:hs.test/m.tz'),
    { method: 'GET', path: '/_matrix/client/r0/profile/@erin:hs.test/avatar_url' },
    { method: 'GET', path: '/_matrix/client/r0/profile/@erin:hs.test/org.example.x' },
    ...['org.example.x', 'org.example.x', 'displayname', 'avatar_url', 'Upper'].map((name) => ({
      method: 'DELETE',
      path: `${V3}/profile/@erin:hs.test/${name}`,
      token: '{erin}',
    })),
    { method: 'DELETE', path: `${V3}/profile/@alice:hs.test/org.example.x`, token: '{erin}' },
    get('/profile/@erin:hs.test'),
    get('/profile/@erin:hs.test/displayname'),
    put('/profile/@erin:hs.test/displayname', { displayname: '' }, { token: '{erin}' }),
    put('/profile/{visitorId}/displayname', { displayname: 'A guest' }, { token: '{visitor}' }),
    put('/profile/{visitorId}/avatar_url', { avatar_url: 'x' }, { token: '{visitor}' }),
    get('/profile/{visitorId}'),

    // Devices.
    {
      ...login({ password: 'secret', device_id: 'TV', initial_device_display_name: 'tv', ...user('erin') }),
      keep: { tv: 'access_token' },
    },
    get('/devices/TV', { token: '{tv}' }),
    get('/devices/RADIO', { token: '{tv}' }),
    ...[{}, { display_name: 'television' }, { display_name: null }].map((body) =>
      put('/devices/TV', body, { token: '{tv}' }),
    ),
    put('/devices/TV', { display_name: 'x'.repeat(101) }, { token: '{tv}' }),
    put(
      '/devices/TV',
      { display_name: 5 },
      { token: '{tv}', unlike: 'Synapse prints its validation library’s report' },
    ),
    put('/devices/RADIO', { display_name: 'radio' }, { token: '{tv}' }),
    get('/devices/TV', { token: '{tv}' }),
    ...['', '{}'].map((body) => del('/devices/TV', body, { token: '{tv}' })),
    del('/devices/TV', {}, { token: '{tv}', keep: { deletion: 'session' } }),
    ...[
      {},
      { type: 'm.login.password' },
      { type: 'm.login.password', password: 'secret' },
      { type: 'm.login.password', password: 'wrong', ...user('erin') },
      { type: 'm.login.password', password: 'secret', session: 'unknown', ...user('erin') },
    ].map((auth) => del('/devices/TV', { auth: { session: '{deletion}', ...auth } }, { token: '{tv}' })),
    del(
      '/devices/TV',
      { auth: { session: '{deletion}', type: 'm.login.password', password: 'secret', ...user('alice') } },
      { token: '{tv}' },
    ),
    del('/devices/TV', {}, { token: '{tv}', keep: { deletion: 'session' } }),
    del(
      '/devices/RADIO',
      { auth: { session: '{deletion}', type: 'm.login.password', password: 'secret', ...user('erin') } },
      { token: '{tv}' },
    ),
    del(
      '/devices/TV',
      { auth: { session: '{deletion}', type: 'm.login.password', password: 'secret', ...user('erin') } },
      { token: '{tv}' },
    ),
    get('/account/whoami', { token: '{tv}' }),
    post('/delete_devices', {}, { token: '{erin}', unlike: 'Synapse prints its validation library’s report' }),
    post('/delete_devices', { devices: ['A'] }, { token: '{erin}', keep: { deletion: 'session' } }),
    post(
      '/delete_devices',
      { devices: ['A'], auth: { session: '{deletion}', type: 'm.login.password', password: 'secret', user: 'erin' } },
      { token: '{erin}' },
    ),

    // Without a name.
    post('/register', { password: 'secret', ...dummy }),
  ])
  await t.test('register_new_matrix_user makes users here', () => registerWithScript(both))
})

test('limits, tokens and rules for passwords are those of Synapse', async (t) => {
  const slow = { per_second: 0.001, burst_count: 2 }
  const settings = {
    ...unlimited,
    rc_login: { ...unlimited.rc_login, failed_attempts: slow, account: slow },
    registration_requires_token: true,
    enable_registration_without_verification: false,
    registration_shared_secret: 'shared',
    password_config: {
      policy: {
        enabled: true,
        minimum_length: 6,
        require_digit: true,
        require_uppercase: true,
        require_lowercase: true,
        require_symbol: true,
      },
    },
  }
  const both = await startBoth(t, settings)
  if (both === undefined) return
  await registerWithScript(both)
  const token = (auth: object) =>
    post('/register', {
      username: 'alice',
      password: 'Secret1!',
      auth: { type: 'm.login.registration_token', session: '{session}', ...auth },
    })
  await compare(t, both, [
    get('/password_policy'),
    ...['', 'Aa1!', 'secret', 'secret1', 'Secret1', 'SECRET1!', 'secret1!'].map((password) =>
      post('/register', { username: 'alice', password }),
    ),
    post('/register', { username: 'alice', password: 'Secret1!' }, { keep: { session: 'session' } }),
    ...[{}, { token: 5 }, { token: 'wrong' }].map(token),
    post('/register', {
      username: 'alice',
      password: 'Secret1!',
      auth: { type: 'm.login.dummy', session: '{session}' },
    }),
    { method: 'GET', path: '/_matrix/client/v1/register/m.login.registration_token/validity?token=wrong' },
    ...['root', 'ROOT', '@root:hs.test'].map((name) => login({ password: 'pä sswörd', ...user(name) })),
    ...['nobody', 'NOBODY', '@nobody:hs.test', 'root'].map((name) => login({ password: 'wrong', ...user(name) })),
  ])
})

/** By Synapse's own script, to both. */
async function registerWithScript({ synapse, ours }: Both): Promise<void> {
  const script = join(dirname(await synapsePython()), 'register_new_matrix_user')
  const said = [synapse.port, ours.port].map(async (port) => {
    const args = ['-k', 'shared', '-u', 'Root', '-p', 'pä sswörd', '-a', `http://127.0.0.1:${port}`]
    return (await promisify(execFile)(script, args)).stdout
  })
  const [theirs, own] = await Promise.all(said)
  assert.equal(own, theirs)
  for (const { port } of [synapse, ours]) {
    const answer = await ask(port, login({ password: 'pä sswörd', ...user('root') }), new Map())
    assert.equal(answer.status, 200, JSON.stringify(answer.json))
  }
  assert.equal(await ours.accounts.requesters.isAdmin('@root:hs.test' as UserId), true)
}
