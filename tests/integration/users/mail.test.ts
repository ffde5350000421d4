/** Mail over SMTP, to a mail server of the test. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alreadyInUseLetter, renewalLetter, validationLetter } from '../../../worker/mail/letters.ts'
import { type MailSettings, makeMailer } from '../../../worker/mail/mailer.ts'
import { startMailReceiver } from '../../harness/mail-receiver.ts'

const settings = (port: number, more: Partial<MailSettings> = {}): MailSettings => ({
  smtpHost: '127.0.0.1',
  smtpPort: port,
  smtpUser: undefined,
  smtpPass: undefined,
  forceTls: false,
  requireTransportSecurity: false,
  enableTls: false,
  tlsname: undefined,
  notifFrom: 'Your %(app)s <noreply@hs.test>',
  appName: 'Example',
  ...more,
})
const names = { serverName: 'hs.test', appName: 'Example', subjects: { password_reset: 'Reset at %(server_name)s' } }
const LINK = 'https://hs.test/a?b=1&c=<script>'

test('a mail has the link as text and as HTML, and says that nobody wrote it', async (t) => {
  const receiver = await startMailReceiver(t)
  await makeMailer(settings(receiver.port))('alice@a.test', validationLetter('password_reset', LINK, names))
  const mail = await receiver.next('alice@a.test')
  assert.equal(mail.from, 'noreply@hs.test')
  assert.equal(mail.headers.get('from'), 'Your Example <noreply@hs.test>')
  assert.equal(mail.headers.get('subject'), 'Reset at hs.test')
  assert.equal(mail.headers.get('auto-submitted'), 'auto-generated')
  assert.ok(mail.text.includes(LINK))
  assert.ok(mail.html.includes('href="https://hs.test/a?b=1&amp;c=&lt;script&gt;"') && !mail.html.includes('<script>'))
})

test('every letter says what it is about', () => {
  const subject = 'Renew your %(app)s account'
  const renewal = renewalLetter({ displayName: '<b>', expiresAtMs: Date.UTC(2030, 0, 2), link: LINK, subject }, names)
  assert.equal(renewal.subject, 'Renew your Example account')
  assert.ok(renewal.text.includes('2030-01-02') && renewal.html.includes('Hello &lt;b&gt;'))
  assert.match(alreadyInUseLetter(names).subject, /hs\.test/)
  for (const purpose of ['register', 'add_threepid'] as const) {
    const { subject: told, text } = validationLetter(purpose, LINK, names)
    assert.equal(told, '[hs.test] Validate your email')
    assert.ok(text.includes(LINK))
  }
})

test('whoever must log in does, and without TLS where it must be nothing is sent', async (t) => {
  const users: string[] = []
  const receiver = await startMailReceiver(t, {
    authOptional: false,
    allowInsecureAuth: true,
    hideSTARTTLS: true,
    onAuth({ username, password }, _session, callback) {
      users.push(`${username}:${password}`)
      if (password === 'right') callback(null, { user: username })
      else callback(new Error('no'))
    },
  })
  const letter = validationLetter('register', LINK, names)
  await makeMailer(settings(receiver.port, { smtpUser: 'me', smtpPass: 'right' }))('a@a.test', letter)
  assert.equal((await receiver.next('a@a.test')).user, 'me')
  await assert.rejects(makeMailer(settings(receiver.port, { smtpUser: 'me', smtpPass: 'wrong' }))('b@a.test', letter))
  await assert.rejects(makeMailer(settings(receiver.port))('b@a.test', letter))
  const secure = settings(receiver.port, {
    smtpUser: 'me',
    smtpPass: 'right',
    enableTls: true,
    requireTransportSecurity: true,
  })
  await assert.rejects(makeMailer(secure)('b@a.test', letter))
  assert.equal(receiver.mails.length, 1)
  assert.deepEqual(users, ['me:right', 'me:wrong'])
})

test('a certificate that nobody vouches for is not trusted', async (t) => {
  const receiver = await startMailReceiver(t, { secure: true })
  const letter = validationLetter('register', LINK, names)
  await assert.rejects(makeMailer(settings(receiver.port, { forceTls: true, enableTls: true }))('a@a.test', letter))
  assert.equal(receiver.mails.length, 0)
})
