import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import { makeGuestTokens } from '../../../worker/users/guest-tokens.ts'

const guest = '@1:hs.test' as UserId
const tokens = makeGuestTokens(Buffer.from('secret'), 'hs.test')

test('a token is its guest’s', () => {
  assert.equal(tokens.verify(tokens.make(guest)), guest)
})

test('a token that pymacaroons made with the same secret is understood', () => {
  const made =
    'MDAxNWxvY2F0aW9uIGhzLnRlc3QKMDAxM2lkZW50aWZpZXIga2V5CjAwMTBjaWQgZ2VuID0gMQowMDE2Y2lkIHR5cGUgPSBhY2Nlc3MKMDAxZGNpZCB1c2VyX2lkID0gQDE6aHMudGVzdAowMDE3Y2lkIG5vbmNlID0gYWJjOyY9CjAwMTVjaWQgZ3Vlc3QgPSB0cnVlCjAwMmZzaWduYXR1cmUgphtATEYGz2jeU8Bz0ejTa0Add0Da_d4HlHKsQBG-WF4K'
  assert.equal(tokens.verify(made), guest)
})

test('another secret’s, an altered one, and what is no macaroon are nobody’s', () => {
  assert.equal(makeGuestTokens(Buffer.from('other'), 'hs.test').verify(tokens.make(guest)), undefined)
  const bytes = Buffer.from(tokens.make(guest), 'base64url')
  for (let i = 0; i < bytes.length; i++) {
    const altered = Buffer.from(bytes)
    altered[i]! ^= 1
    // The location is a hint, that nothing is derived from.
    const isInLocation = i >= 13 && i < 20
    if (!isInLocation) assert.equal(tokens.verify(altered.toString('base64url')), undefined, `byte ${i}`)
  }
  for (const text of ['', 'x', 'syt_YWxpY2U_x_y', 'MDAx', '!', 'A'.repeat(2000)])
    assert.equal(tokens.verify(text), undefined)
})
