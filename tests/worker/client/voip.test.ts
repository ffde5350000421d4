import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import { type VoipSettings, voipHandlers } from '../../../worker/client/voip.ts'

const settings: VoipSettings = {
  turnUris: ['turn:turn.example.org'],
  turnSharedSecret: 'n0t4ctuAllymatr1Xd0TorgSshar3d5ecret4obvIousreAsons',
  turnUsername: undefined,
  turnPassword: undefined,
  turnUserLifetimeMs: 3_600_000,
  turnAllowGuests: true,
}
const ask = (more: Partial<VoipSettings>, isGuest = false) =>
  voipHandlers({ settings: { ...settings, ...more }, now: () => 1_443_775_390_500 }).getTurnServer({
    requester: { userId: '@alice:a.org', isGuest },
  } as never)

test('a shared secret makes a login that ends', () => {
  assert.deepEqual(ask({}), {
    username: '1443778990:@alice:a.org',
    // openssl dgst -sha1 -hmac … -binary | base64
    password: 'PGwFRSpem2coHFgzMMmTWicsV4U=',
    ttl: 3600,
    uris: ['turn:turn.example.org'],
  })
})

test('without servers, a secret or a login there is nothing to tell', () => {
  assert.deepEqual(ask({ turnUris: [] }), {})
  assert.deepEqual(ask({ turnUserLifetimeMs: 0 }), {})
  assert.deepEqual(ask({ turnSharedSecret: undefined }), {})
  assert.deepEqual(ask({ turnSharedSecret: undefined, turnUsername: 'a' }), {})
})

test('guests are told if they may be', () => {
  assert.ok('username' in ask({}, true))
  assert.throws(
    () => ask({ turnAllowGuests: false }, true),
    ({ errcode }: MatrixError) => errcode === 'M_GUEST_ACCESS_FORBIDDEN',
  )
})
