import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import {
  checksum,
  isRefreshTokenForm,
  makeAccessToken,
  makeDeviceId,
  makeRefreshToken,
} from '../../../worker/users/session-tokens.ts'

const alice = '@alice:example.org' as UserId

test('a token says whose it is, and no two are alike', () => {
  const tokens = Array.from({ length: 100 }, () => makeAccessToken(alice))
  for (const token of tokens) assert.match(token, /^syt_YWxpY2U_[a-zA-Z]{20}_[0-9A-Za-z]{6}$/)
  assert.equal(new Set(tokens).size, 100)
  assert.match(makeAccessToken('@ä/_=:example.org' as UserId), /^syt_w6QvXz0_/)
  assert.match(makeDeviceId(), /^[A-Z]{10}$/)
})

test('the checksum is Synapse’s', () => {
  // A token that Synapse 1.163 made.
  assert.equal(checksum('syt_YTdhMjJmYQ_WgNAmfFGYxcuROMEVDav'), '44WgiU')
  for (let i = 0; i < 100; i++) assert.ok(isRefreshTokenForm(makeRefreshToken(alice)))
})

test('what was altered is no refresh token', () => {
  const token = makeRefreshToken(alice)
  for (const other of [`${token}x`, token.replace('syr', 'syt'), `x${token}`, token.slice(0, -1), '', '___'])
    assert.equal(isRefreshTokenForm(other), false, other)
})
