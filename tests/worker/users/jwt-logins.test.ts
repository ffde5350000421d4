import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import { type JwtSettings, makeJwtLogins } from '../../../worker/users/jwt-logins.ts'

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const hs256 = (claims: object, { alg = 'HS256', secret = 'secret' } = {}) => {
  const signed = `${part({ alg, typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
const settings: JwtSettings = {
  secret: 'secret',
  algorithm: 'HS256',
  subjectClaim: 'sub',
  displayNameClaim: 'name',
  issuer: undefined,
  audiences: undefined,
}
const NOW = 1_700_000_000
const logins = (more: Partial<JwtSettings> = {}) => makeJwtLogins({ ...settings, ...more }, 'a.test', () => NOW * 1000)
const refused = (token: unknown, more?: Partial<JwtSettings>) =>
  assert.throws(
    () => logins(more).userOf(token as string),
    (error) => error instanceof MatrixError && error.errcode === 'M_FORBIDDEN',
    JSON.stringify(token),
  )

test('a token says who logs in', () => {
  assert.deepEqual(logins().userOf(hs256({ sub: 'alice', name: 'Alice', exp: NOW + 1, nbf: NOW, iat: NOW })), {
    userId: '@alice:a.test',
    localpart: 'alice',
    displayName: 'Alice',
  })
  const mine = logins({ issuer: 'me', audiences: ['a', 'b'], subjectClaim: 'user' })
  assert.equal(mine.userOf(hs256({ user: 'bob', iss: 'me', aud: ['x', 'b'] })).userId, '@bob:a.test')
})

test('keys in PEM are taken too', () => {
  for (const [algorithm, pair, options] of [
    ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }), {}],
    ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }), { dsaEncoding: 'ieee-p1363' as const }],
  ] as const) {
    const signed = `${part({ alg: algorithm })}.${part({ sub: 'alice' })}`
    const signature = sign('sha256', Buffer.from(signed), { key: pair.privateKey, ...options }).toString('base64url')
    const secret = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string
    assert.equal(logins({ algorithm, secret }).userOf(`${signed}.${signature}`).localpart, 'alice')
    refused(`${signed}.${signature.slice(0, -4)}AAAA`, { algorithm, secret })
    // The public key as a shared secret: the token does not choose how it is checked.
    refused(hs256({ sub: 'alice' }, { secret }), { algorithm, secret })
  }
})

test('what is not signed, not for us, or not for now is refused', () => {
  const good = hs256({ sub: 'alice' })
  refused(undefined)
  refused(7)
  for (const token of [
    '',
    'a.b',
    'a.b.c',
    good.slice(0, -2),
    `${good}.x`,
    hs256({ sub: 'alice' }, { secret: 'other' }),
  ])
    refused(token)
  refused(`${part({ alg: 'none' })}.${part({ sub: 'alice' })}.`)
  refused(hs256({ sub: 'alice' }, { alg: 'HS512' }))
  for (const claims of [
    {},
    { sub: '' },
    { sub: 1 },
    { sub: 'alice', exp: NOW - 121 },
    { sub: 'alice', nbf: NOW + 121 },
    { sub: 'alice', iat: NOW + 121 },
    { sub: 'alice', exp: 'tomorrow' },
    { sub: 'alice', aud: 'somebody' },
  ])
    refused(hs256(claims))
  refused(good, { issuer: 'me' })
  refused(hs256({ sub: 'alice', iss: 'you' }), { issuer: 'me' })
  refused(good, { audiences: ['a'] })
  refused(hs256({ sub: 'alice', aud: ['b'] }), { audiences: ['a'] })
})
