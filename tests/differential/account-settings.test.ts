/** Addresses, passwords, tokens: what users change about their accounts, beside a real Synapse. */

import { test } from 'node:test'
import { startPostgres } from '../harness/postgres.ts'
import { compareAnswers, get, post, startBothServers } from '../harness/same-answers.ts'

const postgres = await startPostgres()

const UNLIMITED = { per_second: 10_000, burst_count: 10_000 }
const unlimited = {
  rc_registration: UNLIMITED,
  rc_login: { address: UNLIMITED, account: UNLIMITED, failed_attempts: UNLIMITED },
  rc_3pid_validation: UNLIMITED,
  rc_message: UNLIMITED,
  rc_room_creation: UNLIMITED,
  bcrypt_rounds: 4,
}
const email = (port: number) => ({
  email: { smtp_host: '127.0.0.1', smtp_port: port, enable_tls: false, notif_from: 'Server <noreply@hs.test>' },
})

const dummy = { auth: { type: 'm.login.dummy' } }
const password = (user: string, secret: string) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user },
  password: secret,
})
const register = (username: string, keep = username) =>
  post('/register', { username, password: 'secret', ...dummy }, { keep: { [keep]: 'access_token' } })
const request = (more: object = {}) => ({ client_secret: 'abc', email: 'alice@a.test', send_attempt: 1, ...more })

test('addresses and passwords are changed as with Synapse', async (t) => {
  const both = await startBothServers(t, postgres, unlimited, ({ mail }) => email(mail.port))
  if (both === undefined) return
  const token = '{alice}'
  await compareAnswers(t, both, [
    register('alice'),
    register('bob'),
    get('/account/3pid', { token }),
    get('/account/3pid'),

    // Asking for a mail.
    ...[{}, { client_secret: 'abc' }].map((body) =>
      post('/account/3pid/email/requestToken', body, { loose: true, unlike: SEVERAL }),
    ),
    ...[
      request({ client_secret: 'not allowed' }),
      request({ client_secret: '' }),
      request({ client_secret: 1 }),
      request({ send_attempt: '1' }),
      request({ email: 'nobody' }),
      request({ email: 1 }),
    ].map((body) => post('/account/3pid/email/requestToken', body, { loose: true })),
    post('/account/3pid/email/requestToken', request({ next_link: 'file:///etc/passwd' })),
    post('/account/3pid/email/requestToken', request({ email: 'Alice@A.test', next_link: 'https://next.test/a?b=c' }), {
      keep: { sid: 'sid' },
    }),
    { mailTo: 'alice@a.test' },
    // The same attempt sends nothing.
    post('/account/3pid/email/requestToken', request({ next_link: 'https://next.test/' })),
    // Not confirmed yet.
    post('/account/3pid/add', { client_secret: 'abc', sid: '{sid}' }, { token, keep: { session: 'session' } }),
    post(
      '/account/3pid/add',
      { client_secret: 'abc', sid: '{sid}', auth: { ...password('alice', 'secret'), session: '{session}' } },
      { token },
    ),
    get('/_matrix/client/unstable/add_threepid/email/submit_token?sid={sid}&client_secret=abc&token=wrong', {
      loose: true,
    }),
    get('/_matrix/client/unstable/add_threepid/email/submit_token?sid=wrong&client_secret=abc&token={token}', {
      loose: true,
    }),
    get('/_matrix/client/unstable/add_threepid/email/submit_token?sid={sid}&client_secret=ab&token={token}', {
      loose: true,
    }),
    get('/_matrix/client/unstable/add_threepid/email/submit_token?sid={sid}&token={token}'),
    get('{link}'),
    get('{link}'),
    ...[{}, { threePidCreds: { sid: '{sid}' } }, { three_pid_creds: { sid: '{sid}', client_secret: 'other' } }].map(
      (body) => post('/account/3pid', body, { token }),
    ),
    post('/account/3pid/add', { client_secret: 'abc', sid: '{sid}' }, { token, keep: { session: 'session' } }),
    post(
      '/account/3pid/add',
      { client_secret: 'abc', sid: '{sid}', auth: { ...password('alice', 'wrong'), session: '{session}' } },
      { token },
    ),
    post(
      '/account/3pid/add',
      { client_secret: 'abc', sid: '{sid}', auth: { ...password('alice', 'secret'), session: '{session}' } },
      { token },
    ),
    get('/account/3pid', { token }),
    // Nobody else may have it.
    post('/account/3pid/email/requestToken', request({ client_secret: 'other' })),
    post('/register/email/requestToken', request({ client_secret: 'other' })),

    // Phone numbers.
    post('/account/3pid/msisdn/requestToken', {}),
    post('/_matrix/client/unstable/add_threepid/msisdn/submit_token', {}),
    post('/register/msisdn/requestToken', {}),
    post('/register/msisdn/requestToken', {
      client_secret: 'abc',
      country: 'GB',
      phone_number: '07700900001',
      send_attempt: 1,
    }),
    post('/account/password/msisdn/requestToken', {}),

    // Identity servers.
    post('/account/3pid/bind', {}, { token, loose: true, unlike: SEVERAL }),
    post(
      '/account/3pid/bind',
      { client_secret: 'abc', sid: '{sid}', id_server: 'no host', id_access_token: 'a' },
      { token },
    ),
    post('/account/3pid/unbind', { medium: 'email', address: 'alice@a.test' }, { token }),
    post(
      '/account/3pid/unbind',
      { medium: 'pigeon', address: 'alice@a.test' },
      { token, loose: true, unlike: LITERAL },
    ),

    // Logging in with the address.
    ...['alice@a.test', 'ALICE@a.test', 'carol@a.test'].map((address) =>
      post('/login', {
        type: 'm.login.password',
        identifier: { type: 'm.id.thirdparty', medium: 'email', address },
        password: 'secret',
      }),
    ),

    // A new password, knowing the old one.
    post('/login', password('alice', 'secret'), { keep: { other: 'access_token' } }),
    post('/account/password', { new_password: 'newer' }, { token, keep: { session: 'session' } }),
    post('/account/password', { new_password: 1 }, { token, loose: true }),
    post('/account/password', { logout_devices: 'no' }, { token, loose: true }),
    post('/account/password', { auth: { ...password('alice', 'wrong'), session: '{session}' } }, { token }),
    post(
      '/account/password',
      { new_password: 'newer', auth: { ...password('alice', 'secret'), session: '{session}' } },
      { token },
    ),
    get('/account/whoami', { token }),
    get('/account/whoami', { token: '{other}' }),
    post('/login', password('alice', 'secret')),
    post('/login', password('alice', 'newer'), { keep: { other: 'access_token' } }),
    post('/account/password', {}, { token, keep: { session: 'session' } }),
    post(
      '/account/password',
      { auth: { ...password('alice', 'newer'), session: '{session}' } },
      { token, unlike: 'Synapse looks for a hash in a variable that is not there: 500' },
    ),
    post(
      '/account/password',
      { logout_devices: false, new_password: 'newest' },
      { token, keep: { session: 'session' } },
    ),
    post(
      '/account/password',
      {
        logout_devices: false,
        new_password: 'newest',
        auth: { ...password('alice', 'newer'), session: '{session}' },
      },
      { token },
    ),
    get('/account/whoami', { token: '{other}' }),

    // A new password, having forgotten the old one.
    post('/account/password/email/requestToken', request({ email: 'nobody@a.test' })),
    post('/account/password/email/requestToken', request({ client_secret: 'reset', email: 'ALICE@a.test' }), {
      keep: { sid: 'sid' },
    }),
    { mailTo: 'alice@a.test' },
    post('/account/password', { new_password: 'reset' }, { keep: { session: 'session' } }),
    ...[{}, { threepid_creds: { client_secret: 'reset', sid: '{sid}' } }].map((more) =>
      post('/account/password', { auth: { type: 'm.login.email.identity', session: '{session}', ...more } }),
    ),
    get('{link}', { loose: true }),
    post('{link}', '', { loose: true }),
    post('/account/password', {
      new_password: 'reset',
      auth: {
        type: 'm.login.email.identity',
        session: '{session}',
        threepid_creds: { client_secret: 'reset', sid: '{sid}' },
      },
    }),
    get('/account/whoami', { token }),
    get('/account/whoami', { token: '{other}' }),
    post('/login', password('alice', 'newest')),
    post('/login', password('alice', 'reset'), { keep: { alice: 'access_token' } }),

    // Removing the address.
    post('/account/3pid/delete', { medium: 'email' }, { token, loose: true }),
    post('/account/3pid/delete', { medium: 'email', address: 'alice@a.test' }, { token: '{bob}' }),
    get('/account/3pid', { token }),
    post('/account/3pid/delete', { medium: 'email', address: 'Alice@a.test' }, { token }),
    get('/account/3pid', { token }),

    // The password was given before.
    post('/account/password', { new_password: 'last' }, { token, keep: { session: 'session' } }),
    post(
      '/account/password',
      { auth: { ...password('alice', 'reset'), session: '{session}' } },
      { token, unlike: 'Synapse looks for the hash in a variable that is not there: 500' },
    ),
  ])
})

const SEVERAL = 'what is missing is told one by one'
const LITERAL = 'pydantic calls another word a value of the wrong type'
