/** Who uses the server in whose name, and the end of accounts, beside a real Synapse. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startPostgres } from '../harness/postgres.ts'
import { compareAnswers, get, post, put, startBothServers } from '../harness/same-answers.ts'

const postgres = await startPostgres()

const UNLIMITED = { per_second: 10_000, burst_count: 10_000 }
const unlimited = {
  rc_registration: UNLIMITED,
  rc_login: { address: UNLIMITED, account: UNLIMITED, failed_attempts: UNLIMITED },
  rc_3pid_validation: UNLIMITED,
  rc_message: UNLIMITED,
  rc_room_creation: UNLIMITED,
  rc_joins: { local: UNLIMITED, remote: UNLIMITED },
  rc_invites: { per_room: UNLIMITED, per_user: UNLIMITED, per_issuer: UNLIMITED },
  bcrypt_rounds: 4,
}
const dummy = { auth: { type: 'm.login.dummy' } }
const password = (user: string, secret: string) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user },
  password: secret,
})
const register = (username: string, keep = username) =>
  post('/register', { username, password: 'secret', ...dummy }, { keep: { [keep]: 'access_token' } })

function fileOf(t: TestContext, content: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'as-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'as.yaml')
  writeFileSync(file, JSON.stringify(content))
  return file
}

const bridge = {
  id: 'bridge',
  url: null,
  as_token: 'as-secret',
  hs_token: 'hs-secret',
  sender_localpart: 'bridge',
  rate_limited: false,
  namespaces: {
    users: [
      { regex: '@_irc_.*:hs\\.test', exclusive: true },
      { regex: '@guest_.*', exclusive: false },
    ],
    aliases: [{ regex: '#_irc_.*', exclusive: true }],
    rooms: [],
  },
}

test('application services act as with Synapse', async (t) => {
  const other = {
    ...bridge,
    id: 'other',
    as_token: 'other-secret',
    hs_token: 'hs-other',
    sender_localpart: 'other',
    namespaces: { users: [{ regex: '@_xmpp_.*', exclusive: true }] },
    'io.element.msc4190': true,
  }
  const both = await startBothServers(t, postgres, {
    ...unlimited,
    app_service_config_files: [fileOf(t, bridge), fileOf(t, other)],
  })
  if (both === undefined) return
  const token = 'as-secret'
  const appservice = { type: 'm.login.application_service' }
  const as = (userId: string) => `user_id=${encodeURIComponent(userId)}`
  const login = (user: unknown, more: object = {}) =>
    post('/login', { ...appservice, identifier: { type: 'm.id.user', user }, ...more }, { token })
  await compareAnswers(t, both, [
    register('alice'),
    get('/account/whoami', { token }),
    get('/account/whoami', { token: 'wrong' }),
    get(`/account/whoami?access_token=${token}`),

    // Names that are theirs.
    ...['_irc_bob', 'bridge', 'guest_carl', '_xmpp_dora'].map((username) => register(username, 'nobody')),
    get('/register/available?username=_irc_x'),
    get('/register/available?username=guest_x'),
    post('/register', { ...appservice, username: '_irc_bob' }),
    post('/register', { ...appservice }, { token }),
    post('/register', { ...appservice, username: 'alice' }, { token }),
    post('/register', { ...appservice, username: 'zoe' }, { token }),
    post('/register', { ...appservice, username: '_irc_bob' }, { token: 'wrong' }),
    post('/register', { ...appservice, username: '_irc_bob' }, { token: '{alice}' }),
    post(
      '/register',
      { ...appservice, username: '_irc_bob', device_id: 'BRIDGE' },
      { token, keep: { bob: 'access_token' } },
    ),
    post('/register', { ...appservice, username: '_irc_bob' }, { token }),
    post('/register', { ...appservice, username: '_irc_Odd!', inhibit_login: true }, { token }),
    post('/register', { ...appservice, username: 'guest_eve', inhibit_login: true }, { token }),
    post('/register', { ...appservice, username: '_xmpp_fred' }, { token: 'other-secret' }),
    post('/register', { ...appservice, username: '_xmpp_fred2', inhibit_login: true }, { token: 'other-secret' }),
    get('/account/whoami', { token: '{bob}' }),

    // Acting as them.
    ...[
      '@_irc_bob:hs.test',
      '@_irc_nobody:hs.test',
      '@alice:hs.test',
      '@bridge:hs.test',
      '@guest_eve:hs.test',
      'x',
      '',
    ].map((userId) => get(`/account/whoami?${as(userId)}`, { token })),
    get(`/account/whoami?${as('@alice:hs.test')}`, { token: '{alice}' }),
    get(`/account/whoami?${as('@_irc_bob:hs.test')}&device_id=BRIDGE`, { token }),
    get(`/account/whoami?${as('@_irc_bob:hs.test')}&device_id=NONE`, { token }),
    get('/account/whoami?device_id=BRIDGE', { token, unlike: 'Synapse cannot look up a device of a sender: 500' }),
    put(`/profile/@_irc_bob:hs.test/displayname?${as('@_irc_bob:hs.test')}`, { displayname: 'Bob' }, { token }),
    get('/profile/@_irc_bob:hs.test'),
    post(
      `/createRoom?${as('@_irc_bob:hs.test')}`,
      { preset: 'public_chat' },
      { token, keep: { room: 'room_id' }, loose: true },
    ),
    put(
      `/rooms/{room}/send/m.room.message/1?${as('@_irc_bob:hs.test')}&ts=1000`,
      { body: 'old' },
      { token, keep: { event: 'event_id' }, loose: true },
    ),
    post(`/rooms/{room}/join`, {}, { token: '{alice}', loose: true }),

    // Logging in.
    get('/login'),
    login('_irc_bob'),
    login('@_irc_bob:hs.test', { device_id: 'D' }),
    post(
      '/login',
      { ...appservice, identifier: { type: 'm.id.user', user: '_irc_nobody' } },
      { token, unlike: 'Synapse says which row is not there' },
    ),
    login('alice'),
    login(1),
    login('bridge'),
    post('/login', { ...appservice }, { token }),
    post('/login', { ...appservice, identifier: { type: 'm.id.thirdparty' } }, { token }),
    post('/login', { ...appservice, identifier: { type: 'm.id.user', user: '_irc_bob' } }),
    post('/login', { ...appservice, identifier: { type: 'm.id.user', user: '_irc_bob' } }, { token: '{alice}' }),
    post(
      '/login',
      { ...appservice, identifier: { type: 'm.id.user', user: '_xmpp_fred2' } },
      { token: 'other-secret' },
    ),

    // Aliases.
    put('/directory/room/%23_irc_a:hs.test', { room_id: '{room}' }, { token: '{alice}' }),
    put('/directory/room/%23free:hs.test', { room_id: '{room}' }, { token }),

    // They need no password to leave.
    post(`/account/deactivate?${as('@guest_eve:hs.test')}`, {}, { token }),
    get(`/account/whoami?${as('@guest_eve:hs.test')}`, { token }),
  ])
})

test('accounts end as with Synapse', async (t) => {
  const both = await startBothServers(t, postgres, {
    ...unlimited,
    login_via_existing_session: { enabled: true, require_ui_auth: false, token_timeout: '30s' },
    experimental_features: { msc3720_enabled: true },
  })
  if (both === undefined) return
  const room = '/rooms/{room}'
  await compareAnswers(t, both, [
    ...['alice', 'bob', 'carol'].map((name) => register(name)),
    post('/createRoom', { preset: 'public_chat' }, { token: '{alice}', keep: { room: 'room_id' }, loose: true }),
    post(`${room}/join`, {}, { token: '{bob}', loose: true }),
    post(`${room}/invite`, { user_id: '@carol:hs.test' }, { token: '{alice}' }),
    put('/profile/@bob:hs.test/displayname', { displayname: 'Bob' }, { token: '{bob}' }),
    post('/account_status', { user_ids: ['@bob:hs.test'] }, { token: '{alice}' }),
    ...[{ user_ids: ['@bob:hs.test', '@nobody:hs.test', '@x:other.test'] }, { user_ids: ['bob'] }].map((body) =>
      post('/_matrix/client/unstable/org.matrix.msc3720/account_status', body, { token: '{alice}' }),
    ),

    // Tokens.
    get('/login'),
    post('/_matrix/client/v1/login/get_token', {}),
    post('/_matrix/client/v1/login/get_token', {}, { token: '{bob}', keep: { login: 'login_token' } }),
    post('/_matrix/client/v1/login/get_token', {}, { token: '{bob}', loose: true }),
    post('/login', { type: 'm.login.token' }),
    post('/login', { type: 'm.login.token', token: 'wrong' }),
    post('/login', { type: 'm.login.token', token: '{login}' }),
    post('/login', { type: 'm.login.token', token: '{login}' }),
    post('/user/@bob:hs.test/openid/request_token', {}, { token: '{alice}' }),
    post('/user/@alice:hs.test/openid/request_token', {}, { token: '{alice}' }),
    post('/user/@alice:hs.test/openid/request_token', {}),
    get('/admin/whois/@bob:hs.test', { token: '{alice}' }),
    get('/admin/whois/bob', { token: '{alice}' }),
    get('/admin/whois/@alice:other.test', { token: '{alice}' }),
    get('/_matrix/client/v1/auth_metadata'),
    post('/account_validity/send_mail', {}, { token: '{alice}' }),
    get('/account_validity/renew'),
    get('/account_validity/renew?token=abc', { loose: true }),
    get('/_matrix/consent', { loose: true }),

    // The end.
    post('/account/deactivate', {}),
    post('/account/deactivate', { erase: 'yes' }, { token: '{bob}', loose: true }),
    post('/account/deactivate', {}, { token: '{bob}', keep: { session: 'session' } }),
    post('/account/deactivate', { auth: { ...password('bob', 'wrong'), session: '{session}' } }, { token: '{bob}' }),
    post(
      '/account/deactivate',
      { erase: true, auth: { ...password('bob', 'secret'), session: '{session}' } },
      { token: '{bob}' },
    ),
    { pauseMs: 1500 },
    get('/account/whoami', { token: '{bob}' }),
    post('/login', password('bob', 'secret')),
    register('bob', 'again'),
    get('/register/available?username=bob'),
    get('/profile/@bob:hs.test', { unlike: 'Synapse says which row is not there' }),
    get(`${room}/joined_members`, { token: '{alice}' }),
    post(
      '/_matrix/client/unstable/org.matrix.msc3720/account_status',
      { user_ids: ['@bob:hs.test'] },
      { token: '{alice}' },
    ),
    post('/account/deactivate', { auth: password('carol', 'secret') }, { token: '{carol}' }),
    { pauseMs: 1000 },
    get(`${room}/members?membership=invite`, { token: '{alice}' }),
    get('/profile/@carol:hs.test'),
  ])
})
