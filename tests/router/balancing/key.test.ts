import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashString, keyHash, NO_KEY } from '../../../router/balancing/key.ts'
import type { Sticky } from '../../../shared/endpoints/types.ts'

/** The key's hash of a request with this target and Authorization header. */
const key = (sticky: Sticky, target: string, authorization = '', clientAddress = '192.0.2.1') => {
  const bytes = Buffer.from(target + authorization, 'latin1')
  const end = target.length
  return keyHash(sticky, {
    bytes,
    targetStart: 0,
    targetEnd: end,
    authorizationStart: authorization === '' ? 0 : end,
    authorizationEnd: authorization === '' ? 0 : bytes.length,
    clientAddress,
  })
}
const SYNC = '/_matrix/client/v3/sync'

test('a user is the localpart part of a syt_ token, whatever the device', () => {
  const user = key('user', SYNC, 'Bearer syt_bG9hZDA_HgfmjNAFbxKCxhTdXfws_3thMWz')
  assert.equal(user, hashString('bG9hZDA'))
  assert.equal(key('user', SYNC, 'Bearer syt_bG9hZDA_anotherDeviceToken_000000'), user)
  assert.notEqual(key('user', SYNC, 'Bearer syt_bG9hZDE_HgfmjNAFbxKCxhTdXfws_3thMWz'), user)
})

test('a user sticks alike by header and by query, however the query encodes the token', () => {
  const header = key('user', SYNC, 'Bearer syt_YS9iK2M_HgfmjNAFbxKC_3thMWz')
  const slashed = key('user', SYNC, 'Bearer syt_YS9i/+M_HgfmjNAFbxKC_3thMWz')
  assert.equal(key('user', `${SYNC}?since=a&access_token=syt_YS9iK2M_HgfmjNAFbxKC_3thMWz`), header)
  assert.equal(key('user', `${SYNC}?access_token=syt_YS9i%2F%2bM_HgfmjNAFbxKC_3thMWz&a=b`), slashed)
  assert.equal(key('user', `${SYNC}?access_token=syt_YS9i/+M_x`), slashed)
  for (const encoded of ['syt%5FYS9iK2M%5Fx%5fy', 'syt%5fYS9iK2M_x', '%73%79t_YS9iK2M_x', 'syt_%59S9iK2M%5Fx'])
    for (const name of ['access_token', 'access%5Ftoken', '%61ccess_token'])
      assert.equal(key('user', `${SYNC}?${name}=${encoded}`), header, `${name}=${encoded}`)
  assert.equal(key('user', `${SYNC}?access_token=syt%5F`), hashString('syt_'), 'no localpart: a token like any other')
})

test('the scheme of the header is matched in any case', () => {
  assert.equal(key('user', SYNC, 'bearer  syt_bG9hZDA_x_y'), hashString('bG9hZDA'))
})

test('the header wins over the query', () => {
  assert.equal(key('user', `${SYNC}?access_token=syt_other_x_y`, 'Bearer syt_bG9hZDA_x_y'), hashString('bG9hZDA'))
})

test('another token is a key as a whole, and none at all is no key', () => {
  assert.notEqual(key('user', SYNC, 'Bearer mct_abc_def'), key('user', SYNC, 'Bearer mct_abc_deg'))
  assert.equal(key('user', SYNC, 'Bearer mct_abc'), hashString('mct_abc'))
  assert.equal(key('user', SYNC), NO_KEY)
  assert.equal(key('user', `${SYNC}?access_token=`), NO_KEY)
  assert.equal(key('user', `${SYNC}?x_access_token=abc`), NO_KEY)
})

test('token: each device has its own', () => {
  assert.notEqual(key('token', SYNC, 'Bearer syt_a_x_y'), key('token', SYNC, 'Bearer syt_a_z_y'))
})

test('a room sticks alike in all encodings, for clients and servers', () => {
  const room = hashString('!abc:hs.org')
  for (const path of [
    '/_matrix/client/v3/rooms/!abc:hs.org/send/m.room.message/1',
    '/_matrix/client/v3/rooms/%21abc%3Ahs.org/messages?dir=b',
    '/_matrix/client/r0/rooms/%21abc:hs.org/state',
    '/_matrix/client/v3/join/!abc%3ahs.org?via=x',
    '/_matrix/client/v3/knock/!abc:hs.org',
    '/_matrix/federation/v1/state/!abc:hs.org?event_id=$x',
    '/_matrix/federation/v2/send_join/%21abc%3Ahs.org/$event',
    '/_matrix/client/v3/user/@a:b/rooms/!abc:hs.org/tags',
  ])
    assert.equal(key('room', path), room, path)
})

test('a room of version 12 has no domain, and sticks', () => {
  const id = '!x8gWnVrgzSQyKLvSKlZLB9yCmmmUqaWAVKLwUaOTO2g'
  assert.equal(key('room', `/_matrix/client/v3/rooms/${id}/messages`), hashString(id))
  assert.equal(key('room', `/_matrix/client/v3/rooms/%21${id.slice(1)}/messages`), hashString(id))
})

test('an alias is a key, in all encodings', () => {
  const alias = hashString('#room:hs.org')
  assert.equal(key('room', '/_matrix/client/v3/join/%23room:hs.org'), alias)
  assert.equal(key('room', '/_matrix/client/v3/directory/room/%23room%3Ahs.org'), alias)
})

test('a path without a room has no room key', () => {
  assert.equal(key('room', '/_matrix/client/v3/createRoom'), NO_KEY)
  assert.equal(key('room', '/_matrix/client/v3/rooms/'), NO_KEY)
  assert.equal(key('room', '/_matrix/client/v3/createRoom?x=/rooms/!a:b'), NO_KEY)
})

test('origin: the server that signed, in any spelling of the header', () => {
  const origin = hashString('example.org')
  for (const header of [
    'X-Matrix origin=example.org,key="ed25519:1",sig="abc"',
    'X-Matrix origin="example.org",destination="hs",key="ed25519:1",sig="abc"',
    'x-matrix key="a,origin=evil",origin="EXAMPLE.org",sig="abc"',
    'X-Matrix  destination="hs", origin="example.org"',
    'X-Matrix destination = hs , origin = example.org',
    'X-Matrix key\t=\t"k", origin =\t"example.org" ,sig=abc',
  ])
    assert.equal(key('origin', '/_matrix/federation/v1/send/1', header), origin, header)
  assert.equal(key('origin', '/_matrix/federation/v1/send/1', '', '192.0.2.7'), hashString('192.0.2.7'))
})

test('media: server name and media ID, for downloads and thumbnails of every API', () => {
  const media = key('media', '/_matrix/media/v3/download/hs.org/abcd')
  assert.equal(key('media', '/_matrix/client/v1/media/download/hs.org/abcd/name.png?allow_redirect=true'), media)
  assert.equal(key('media', '/_matrix/client/v1/media/thumbnail/hs.org/abcd?width=5'), media)
  assert.notEqual(key('media', '/_matrix/media/v3/download/hs.org/abce'), media)
})

test('media: a preview sticks by its URL, an upload goes where there is room', () => {
  const preview = key('media', '/_matrix/client/v1/media/preview_url?url=https%3A%2F%2Fa%2Fb&ts=1')
  assert.equal(key('media', '/_matrix/media/v3/preview_url?ts=2&access_token=x&url=https://a/b'), preview)
  assert.notEqual(key('media', '/_matrix/media/v3/preview_url?url=https://a/c'), preview)
  assert.equal(key('media', '/_matrix/media/v3/preview_url'), NO_KEY)
  assert.equal(key('media', '/_matrix/media/v3/upload?filename=a'), NO_KEY)
  assert.equal(key('media', '/_matrix/media/v1/create'), NO_KEY)
})

test('no bytes make it throw', () => {
  for (let seed = 1; seed < 5000; seed++) {
    let x = seed
    const random = () => (x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff)
    const target = Array.from({ length: random() % 40 }, () => '/%?&=!#_ras:2'[random() % 13]).join('')
    const header = Array.from({ length: random() % 30 }, () => 'X-Matrix origin="=, Bearer syt_'[random() % 31]).join(
      '',
    )
    for (const sticky of ['user', 'token', 'room', 'source_ip', 'origin', 'media', 'uri'] as const) {
      const hash = key(sticky, target, header)
      assert.ok(hash === NO_KEY || (Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32))
    }
  }
})
