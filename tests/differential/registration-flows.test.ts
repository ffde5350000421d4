/** What who registers must prove, by configuration, beside a real Synapse. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startPostgres } from '../harness/postgres.ts'
import { compareAnswers, get, post, startBothServers } from '../harness/same-answers.ts'

const postgres = await startPostgres()

const UNLIMITED = { per_second: 10_000, burst_count: 10_000 }
const unlimited = {
  rc_registration: UNLIMITED,
  rc_registration_token_validity: UNLIMITED,
  rc_login: { address: UNLIMITED, account: UNLIMITED, failed_attempts: UNLIMITED },
  rc_3pid_validation: UNLIMITED,
  bcrypt_rounds: 4,
}
const email = (port: number) => ({
  email: { smtp_host: '127.0.0.1', smtp_port: port, enable_tls: false, notif_from: 'noreply@hs.test' },
})

/** Who says whether a reCAPTCHA was solved: `right` was. */
async function startVerifier(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      const form = new URLSearchParams(body)
      const success = form.get('response') === 'right' && form.get('secret') === 'private'
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify({ success, hostname: 'hs.test' }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/siteverify`
}

function policyFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'policy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'en'))
  writeFileSync(
    join(folder, 'en', '1.0.html'),
    '<p>{% if has_consented %}Thanks{% else %}Please{% if not public_version %}<input name="h" value="{{userhmac}}">{{ user }}{% endif %}{% endif %}</p>',
  )
  writeFileSync(join(folder, 'en', 'success.html'), '<p>Done</p>')
  return folder
}

const flows = (username: string) =>
  post('/register', { username, password: 'secret' }, { keep: { session: 'session' } })
const attempt = (auth: object, more: object = {}) =>
  post('/register', { auth: { session: '{session}', ...auth }, ...more })

test('all that can be asked for, at once', async (t) => {
  const both = await startBothServers(
    t,
    postgres,
    {
      ...unlimited,
      registrations_require_3pid: ['email'],
      allowed_local_3pids: [{ medium: 'email', pattern: '^[^@]+@a\\.test$' }],
      enable_registration_captcha: true,
      recaptcha_public_key: 'public',
      recaptcha_private_key: 'private',
      recaptcha_siteverify_api: await startVerifier(t),
      user_consent: {
        version: '1.0',
        template_dir: policyFolder(t),
        require_at_registration: true,
        policy_name: 'Our policy',
        block_events_error: 'Agree at %(consent_uri)s',
      },
    },
    ({ mail }) => email(mail.port),
  )
  if (both === undefined) return
  const creds = { threepid_creds: { sid: '{sid}', client_secret: 'abc' } }
  const ask = (more: object = {}) =>
    post(
      '/register/email/requestToken',
      { client_secret: 'abc', email: 'alice@a.test', send_attempt: 1, ...more },
      {
        keep: { sid: 'sid' },
      },
    )
  const fallback = (stage: string, query = '') => `/auth/${stage}/fallback/web${query}`
  const form = (path: string, body: string) =>
    post(path, body, { headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, loose: true })
  await compareAnswers(t, both, [
    flows('alice'),
    attempt({ type: 'm.login.recaptcha' }, {}),
    attempt({ type: 'm.login.recaptcha', response: 'wrong' }),
    attempt({ type: 'm.login.recaptcha', response: 'right' }),
    attempt({ type: 'm.login.terms' }),
    ask({ email: 'alice@b.test' }),
    ask({ email: 'nobody' }),
    post('/register/email/requestToken', { email: 'alice@a.test' }),
    post('/register/email/requestToken', { client_secret: 'a b', email: 'alice@a.test', send_attempt: 1 }),
    ask(),
    attempt({ type: 'm.login.email.identity', ...creds }),
    { mailTo: 'alice@a.test' },
    get('{link}', { loose: true }),
    attempt({ type: 'm.login.email.identity' }),
    post(
      '/register',
      {
        username: 'alice',
        password: 'secret',
        auth: { session: '{session}', type: 'm.login.email.identity', ...creds },
      },
      { keep: { alice: 'access_token' } },
    ),
    get('/account/3pid', { token: '{alice}' }),
    ask({ client_secret: 'other' }),
    post('/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.thirdparty', medium: 'email', address: 'alice@a.test' },
      password: 'secret',
    }),
    // Terms were agreed to: nothing is refused.
    post('/createRoom', {}, { token: '{alice}', loose: true }),

    // In a browser.
    flows('bob'),
    get(fallback('m.login.recaptcha')),
    get(fallback('m.login.nothing', '?session={session}')),
    ...['m.login.recaptcha', 'm.login.terms'].map((stage) =>
      get(fallback(stage, '?session={session}'), { loose: true }),
    ),
    form(fallback('m.login.recaptcha'), 'session={session}'),
    form(fallback('m.login.recaptcha'), 'session={session}&g-recaptcha-response=wrong'),
    form(fallback('m.login.recaptcha'), 'session={session}&g-recaptcha-response=right'),
    form(fallback('m.login.terms'), 'session={session}'),
    form(fallback('m.login.terms'), ''),
    attempt({}),

    // The policy.
    get('/_matrix/consent', { loose: true }),
    get('/_matrix/consent?v=2.0', { loose: true }),
    get('/_matrix/consent?v=..%2F..%2Fx', { loose: true }),
    get('/_matrix/consent?u=alice', { loose: true }),
    get('/_matrix/consent?u=alice&h=wrong', { loose: true }),
    form('/_matrix/consent', 'u=alice&h=wrong&v=1.0'),
    form('/_matrix/consent', 'u=alice&v=1.0'),
  ])
})

test('each thing that can be asked for', async (t) => {
  for (const settings of [
    { registration_requires_token: true },
    { registration_requires_token: true, enable_registration_token_3pid_bypass: true },
  ]) {
    const both = await startBothServers(t, postgres, { ...unlimited, ...settings }, ({ mail }) => email(mail.port))
    if (both === undefined) return
    await compareAnswers(t, both, [
      flows('alice'),
      get('/auth/m.login.registration_token/fallback/web?session={session}', { loose: true }),
      attempt({ type: 'm.login.registration_token', token: 'none' }),
      attempt({ type: 'm.login.msisdn' }),
    ])
  }
})
