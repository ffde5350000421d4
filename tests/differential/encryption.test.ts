/**
 * End-to-end encryption beside a real Synapse: two servers with the same users, devices and rooms are asked the same, right and
 * wrong, in the same order, and answer the same.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { publicKeyOf, readSigningKey, type SigningKey } from '../../shared/matrix/signing/ed25519.ts'
import { signJson } from '../../shared/matrix/signing/sign.ts'
import { homeserver } from '../harness/homeserver.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSynapse } from '../harness/synapse.ts'

const postgres = await startPostgres()
const UNLIMITED = { per_second: 10_000, burst_count: 10_000 }
const settings = {
  enable_registration: true,
  enable_registration_without_verification: true,
  rc_registration: UNLIMITED,
  rc_message: UNLIMITED,
  rc_joins: { local: UNLIMITED },
  rc_login: { address: UNLIMITED, account: UNLIMITED, failed_attempts: UNLIMITED },
  rc_room_creation: UNLIMITED,
  bcrypt_rounds: 4,
  experimental_features: { msc3814_enabled: true },
}

/** What was asked, and what was answered, without what differs from server to server. */
type Line = readonly [asked: string, status: number, body: unknown]

/** Where the answers differ, and why that is wanted. */
const UNLIKE: Readonly<Record<string, string>> = {
  'a version that is not the current one':
    'current_version is the current one here, as the specification says; the one asked for in Synapse',
  'backup without an algorithm': 'Synapse answers 500',
  'backup keys without rooms': 'Synapse answers 500',
  'claim of what is no object': 'Synapse answers 500',
  'two faults': 'the first fault is told here, of several Synapse says M_BAD_JSON',
  'one-time keys of another type': 'Synapse answers 500',
  'carol joined: alice/PHONE: changes':
    'of who was only invited no changes were told: here they come in once more when they join',
  'carol joined: bob/PHONE: changes': 'as for alice; Synapse says so in /sync too',
}

const key = (name: string, byte: number): SigningKey => {
  const made = readSigningKey(`ed25519:${name}` as KeyId, Buffer.alloc(32, byte).toString('base64'))
  if (!made.ok) throw new Error(made.reason)
  return made.value
}
/** A cross-signing key is named by its public part. */
const crossKey = (byte: number): SigningKey => {
  const made = key('x', byte)
  return { ...made, keyId: `ed25519:${publicKeyOf(made.verifyKey)}` as KeyId }
}
const publicOf = (made: SigningKey): string => publicKeyOf(made.verifyKey)

async function play(url: string): Promise<readonly Line[]> {
  const lines: Line[] = []
  const users = new Map<string, { readonly userId: string; readonly token: string }>()
  let server = ''
  const normal = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replaceAll(server, 'SERVER'))

  async function ask(who: string, method: string, path: string, body?: unknown) {
    const response = await fetch(`${url}/_matrix/client/${path.startsWith('unstable') ? path : `v3/${path}`}`, {
      method,
      headers: users.has(who) ? { authorization: `Bearer ${users.get(who)!.token}` } : {},
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const json = (await response.json()) as Record<string, never> & { errcode?: string }
    return { status: response.status, json }
  }
  /** The texts of errors are for people; their codes are compared. */
  async function step(label: string, who: string, method: string, path: string, body?: unknown) {
    const { status, json } = await ask(who, method, path, body)
    const { error: _, session: __, ...rest } = json as Record<string, unknown>
    lines.push([label, status, normal(rest)])
    return json
  }
  async function enter(name: string, device: string) {
    const known = [...users.keys()].some((who) => who.startsWith(`${name}/`))
    const body = known
      ? {
          type: 'm.login.password',
          identifier: { type: 'm.id.user', user: name },
          password: 'a password',
          device_id: device,
        }
      : { username: name, password: 'a password', device_id: device, auth: { type: 'm.login.dummy' } }
    const { status, json } = await ask('nobody', 'POST', known ? 'login' : 'register', body)
    assert.equal(status, 200, `${name} ${device}: ${JSON.stringify(json)}`)
    const answer = json as unknown as { user_id: string; access_token: string }
    users.set(`${name}/${device}`, { userId: answer.user_id, token: answer.access_token })
    server = answer.user_id.slice(answer.user_id.indexOf(':') + 1)
  }
  for (const [name, device] of [
    ['alice', 'PHONE'],
    ['alice', 'LAPTOP'],
    ['bob', 'PHONE'],
    ['carol', 'PHONE'],
  ] as const)
    await enter(name, device)
  const [ALICE, LAPTOP, BOB, CAROL] = ['alice/PHONE', 'alice/LAPTOP', 'bob/PHONE', 'carol/PHONE'] as const
  const [alice, bob, carol] = [ALICE, BOB, CAROL].map((who) => users.get(who)!.userId) as [string, string, string]

  const deviceKeys = (userId: string, deviceId: string, byte: number, more: JsonObject = {}): JsonObject =>
    signJson(
      {
        algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
        device_id: deviceId,
        user_id: userId,
        keys: { [`ed25519:${deviceId}`]: publicOf(key(deviceId, byte)), [`curve25519:${deviceId}`]: 'Y3VydmU' },
        ...more,
      },
      userId,
      key(deviceId, byte),
    )
  const oneTime = (id: string, signature = 'c2ln') => ({
    [`signed_curve25519:${id}`]: { key: `key${id}`, signatures: { [alice]: { 'ed25519:PHONE': signature } } },
  })
  const query = (who: string, label: string, wanted: object) =>
    step(label, who, 'POST', 'keys/query', { device_keys: wanted })
  const claim = (label: string, wanted: unknown, who: string = BOB) =>
    step(label, who, 'POST', 'keys/claim', { one_time_keys: wanted })

  // Keys of devices.
  const upload = (label: string, who: string, body: unknown) => step(label, who, 'POST', 'keys/upload', body)
  await upload('nothing', ALICE, {})
  await upload('device keys', ALICE, { device_keys: deviceKeys(alice, 'PHONE', 1) })
  await upload('the same again', ALICE, { device_keys: deviceKeys(alice, 'PHONE', 1) })
  await upload('keys of another device', ALICE, { device_keys: deviceKeys(alice, 'LAPTOP', 1) })
  await upload('keys of another user', ALICE, { device_keys: deviceKeys(bob, 'PHONE', 1) })
  await upload('null', ALICE, { device_keys: null })
  await upload('no object', ALICE, { device_keys: 'x' })
  await upload('without algorithms', ALICE, {
    device_keys: { ...deviceKeys(alice, 'PHONE', 1), algorithms: undefined },
  })
  await upload('algorithms of another type', ALICE, {
    device_keys: { ...deviceKeys(alice, 'PHONE', 1), algorithms: 'x' },
  })
  await upload('two faults', ALICE, { device_keys: { user_id: alice } })
  await upload('no JSON', ALICE, '{')
  await upload('no object at all', ALICE, '[]')
  await upload('one-time keys', ALICE, {
    one_time_keys: { ...oneTime('AAAA'), ...oneTime('AAAB'), 'curve25519:x': 'text' },
  })
  await upload('one of them again, with another signature', ALICE, { one_time_keys: oneTime('AAAA', 'b3RoZXI') })
  await upload('another key under that ID', ALICE, {
    one_time_keys: { 'signed_curve25519:AAAA': { key: 'z', signatures: {} } },
  })
  await upload('another text under that ID', ALICE, { one_time_keys: { 'curve25519:x': 'other' } })
  await upload('a name without a colon', ALICE, { one_time_keys: { x: 'y' } })
  await upload('a name with two', ALICE, { fallback_keys: { 'a:b:c': 'y' } })
  await upload('a key of another type', ALICE, { one_time_keys: { 'a:b': 5 } })
  await upload('one-time keys of another type', ALICE, { one_time_keys: [] })
  await upload('null is none', ALICE, { one_time_keys: null, fallback_keys: null })
  await upload('a fallback key', ALICE, {
    fallback_keys: { 'signed_curve25519:FALL': { key: 'f', fallback: true, signatures: {} } },
  })
  const many = Object.fromEntries(
    Array.from({ length: 500 }, (_, i) => [`signed_curve25519:M${i}`, { key: 'k', signatures: {} }]),
  )
  await upload('too many', ALICE, { one_time_keys: many })
  await upload('an upload that fails', LAPTOP, {
    device_keys: deviceKeys(alice, 'LAPTOP', 2),
    one_time_keys: many,
    fallback_keys: { 'signed_curve25519:F': { key: 'f', signatures: {} } },
  })
  await upload('device keys of the laptop', LAPTOP, { device_keys: deviceKeys(alice, 'LAPTOP', 2) })
  await upload('of another user', BOB, { device_keys: deviceKeys(bob, 'PHONE', 3) })

  await query(BOB, 'all devices', { [alice]: [] })
  await query(BOB, 'one device, none, and what is no user', {
    [alice]: ['PHONE', 'NONE'],
    [bob]: ['NONE'],
    [`@nobody:${server}`]: [],
    nobody: [],
  })
  await step('query of nothing', BOB, 'POST', 'keys/query', {})
  await query(BOB, 'devices that are no list', { [alice]: 'PHONE' })
  await query(BOB, 'devices that are no strings', { [alice]: [1] })
  await step('a device is renamed', ALICE, 'PUT', 'devices/PHONE', { display_name: 'my phone' })
  await query(BOB, 'its name', { [alice]: ['PHONE'] })

  // Each key once, the oldest first; then the fallback key.
  await claim('a text key', { [alice]: { PHONE: 'curve25519' } })
  const claimed = []
  for (let i = 0; i < 3; i++) {
    const { one_time_keys: keys } = (
      await ask(BOB, 'POST', 'keys/claim', {
        one_time_keys: { [alice]: { PHONE: 'signed_curve25519' } },
      })
    ).json as unknown as { one_time_keys: Record<string, Record<string, Record<string, unknown>>> }
    claimed.push(...Object.keys(keys[alice]!.PHONE!))
  }
  lines.push(['all keys were given once', 200, claimed.toSorted()])
  await claim('the fallback key again', { [alice]: { PHONE: 'signed_curve25519' } })
  await claim('nobody and nothing', {
    [alice]: { NONE: 'signed_curve25519', PHONE: 'other' },
    [`@nobody:${server}`]: { A: 'b' },
  })
  await claim('no user', { alice: { PHONE: 'signed_curve25519' } })
  await claim('claim of what is no object', [])
  const counts = async (label: string, who: string) => {
    const { json } = await ask(who, 'GET', 'sync?timeout=0')
    lines.push([label, 200, [json.device_one_time_keys_count, json.device_unused_fallback_key_types]])
  }
  await counts('counts after claims', ALICE)
  await upload('the fallback key that was used', ALICE, {
    fallback_keys: { 'signed_curve25519:FAL2': { key: 'g', fallback: true, signatures: {} } },
  })
  await counts('a new fallback key', ALICE)

  // Cross-signing.
  const [master, self, userKey, other] = [crossKey(11), crossKey(12), crossKey(13), crossKey(14)]
  const cross = (
    userId: string,
    usage: string,
    own: SigningKey,
    by?: SigningKey,
    more: JsonObject = {},
  ): JsonObject => {
    const json = { user_id: userId, usage: [usage], keys: { [own.keyId]: publicOf(own) }, ...more }
    return by === undefined ? json : signJson(json, userId, by)
  }
  const uploadCross = (label: string, who: string, body: object) =>
    step(label, who, 'POST', 'keys/device_signing/upload', body)
  await uploadCross('no keys', ALICE, {})
  await uploadCross('no master key', ALICE, { self_signing_key: cross(alice, 'self_signing', self, master) })
  await uploadCross('of another user', ALICE, { master_key: cross(bob, 'master', master) })
  await uploadCross('of another usage', ALICE, { master_key: cross(alice, 'self_signing', master) })
  await uploadCross('two keys', ALICE, {
    master_key: cross(alice, 'master', master, undefined, { keys: { 'ed25519:a': 'b', 'ed25519:c': 'd' } }),
  })
  await uploadCross('no key', ALICE, {
    master_key: cross(alice, 'master', master, undefined, { keys: { 'ed25519:a': 'b' } }),
  })
  await uploadCross('a signature of another', ALICE, {
    master_key: cross(alice, 'master', master),
    self_signing_key: cross(alice, 'self_signing', self, other),
  })
  await uploadCross('no signature', ALICE, {
    master_key: cross(alice, 'master', master),
    user_signing_key: cross(alice, 'user_signing', userKey),
  })
  const all = {
    master_key: cross(alice, 'master', master),
    self_signing_key: cross(alice, 'self_signing', self, master),
    user_signing_key: cross(alice, 'user_signing', userKey, master),
  }
  await uploadCross('all', ALICE, all)
  await uploadCross('all again', ALICE, all)
  await uploadCross('another one', ALICE, { master_key: cross(alice, 'master', other) })
  await uploadCross('another one, with a wrong auth', ALICE, { master_key: cross(alice, 'master', other), auth: 5 })
  await step('a login with the ID of a key', 'nobody', 'POST', 'login', {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: 'alice' },
    password: 'a password',
    device_id: publicOf(master),
  })
  const [bobMaster, bobSelf] = [crossKey(21), crossKey(22)]
  await uploadCross("bob's", BOB, {
    master_key: cross(bob, 'master', bobMaster),
    self_signing_key: cross(bob, 'self_signing', bobSelf, bobMaster),
  })
  await query(BOB, 'keys of both, read by bob', { [alice]: [], [bob]: [] })
  await query(ALICE, 'keys of both, read by alice', { [alice]: [], [bob]: [] })

  // Signatures.
  const sign = (label: string, who: string, body: unknown) => step(label, who, 'POST', 'keys/signatures/upload', body)
  await sign('nothing signed', ALICE, {})
  await sign('own device', ALICE, { [alice]: { PHONE: signJson(deviceKeys(alice, 'PHONE', 1), alice, self) } })
  await sign('own device again', ALICE, { [alice]: { PHONE: signJson(deviceKeys(alice, 'PHONE', 1), alice, self) } })
  await sign('by another key', ALICE, { [alice]: { LAPTOP: signJson(deviceKeys(alice, 'LAPTOP', 2), alice, other) } })
  await sign('without a signature', ALICE, {
    [alice]: { LAPTOP: { ...deviceKeys(alice, 'LAPTOP', 2), signatures: {} } },
  })
  await sign('other keys than are here', ALICE, {
    [alice]: { LAPTOP: signJson(deviceKeys(alice, 'LAPTOP', 5), alice, self) },
  })
  await sign('a wrong signature', ALICE, {
    [alice]: { LAPTOP: { ...deviceKeys(alice, 'LAPTOP', 2), signatures: { [alice]: { [self.keyId]: 'AAAA' } } } },
  })
  await sign('a device that is not there, and one that is', ALICE, {
    [alice]: {
      NONE: signJson(deviceKeys(alice, 'NONE', 2), alice, self),
      LAPTOP: signJson(deviceKeys(alice, 'LAPTOP', 2), alice, self),
    },
  })
  await sign('own master key, by a device', ALICE, {
    [alice]: { [publicOf(master)]: signJson(cross(alice, 'master', master), alice, key('PHONE', 1)) },
  })
  await sign('own master key, by a device that is not there', ALICE, {
    [alice]: { [publicOf(master)]: signJson(cross(alice, 'master', master), alice, key('NONE', 1)) },
  })
  const signedBob = signJson(cross(bob, 'master', bobMaster), alice, userKey)
  await sign('another user', ALICE, { [bob]: { [publicOf(bobMaster)]: signedBob } })
  await sign('another user again', ALICE, { [bob]: { [publicOf(bobMaster)]: signedBob } })
  await sign('another user, by the wrong key', ALICE, {
    [bob]: { [publicOf(bobMaster)]: signJson(cross(bob, 'master', bobMaster, undefined, { more: 1 }), alice, self) },
  })
  await sign("another user's device", ALICE, { [bob]: { PHONE: deviceKeys(bob, 'PHONE', 3) } })
  await sign('another user, and their device', ALICE, {
    [bob]: { PHONE: deviceKeys(bob, 'PHONE', 3), [publicOf(bobMaster)]: signedBob },
  })
  await sign('of who has no keys', ALICE, { [carol]: { X: {} } })
  await sign('without a user-signing key', BOB, { [alice]: { [publicOf(master)]: cross(alice, 'master', master) } })
  await sign('without any key', CAROL, { [carol]: { PHONE: {} } })
  await sign('signatures of what is no object', ALICE, { [alice]: 'x' })
  await query(BOB, 'signatures, read by bob', { [alice]: [], [bob]: [] })
  await query(ALICE, 'signatures, read by alice', { [alice]: [], [bob]: [] })
  await query(CAROL, 'signatures, read by carol', { [alice]: [], [bob]: [] })

  // Backups of room keys.
  const room = (more: object = {}) => ({
    first_message_index: 5,
    forwarded_count: 2,
    is_verified: false,
    session_data: { a: 'b' },
    ...more,
  })
  const backup = (label: string, method: string, path: string, body?: unknown) =>
    step(label, ALICE, method, `room_keys/${path}`, body)
  await backup('no backup', 'GET', 'version')
  await backup('no such backup', 'GET', 'version/7')
  await backup('no number', 'GET', 'version/x')
  await backup('keys without a backup', 'PUT', 'keys?version=1', { rooms: {} })
  await backup('read keys without a backup', 'GET', 'keys?version=1')
  await backup('without a version', 'GET', 'keys')
  await backup('backup without an algorithm', 'POST', 'version', { auth_data: {} })
  await backup('a backup', 'POST', 'version', { algorithm: 'm.a', auth_data: { public_key: 'x' } })
  await backup('it is there', 'GET', 'version')
  await backup('a key', 'PUT', 'keys/!r:x/s1?version=1', room())
  await backup('the same key', 'PUT', 'keys/!r:x/s1?version=1', room())
  await backup(
    'forwarded more often',
    'PUT',
    'keys/!r:x/s1?version=1',
    room({ forwarded_count: 3, session_data: { c: 1 } }),
  )
  await backup(
    'an earlier one',
    'PUT',
    'keys/!r:x/s1?version=1',
    room({ first_message_index: 4, session_data: { c: 2 } }),
  )
  await backup(
    'a later one that is verified',
    'PUT',
    'keys/!r:x/s1?version=1',
    room({ first_message_index: 9, is_verified: true, session_data: { c: 3 } }),
  )
  await backup('read it', 'GET', 'keys/!r:x/s1?version=1')
  await backup('of a room', 'PUT', 'keys/!r:x?version=1', { sessions: { s2: room(), s3: room() } })
  await backup('of all rooms', 'PUT', 'keys?version=1', {
    rooms: { '!q:x': { sessions: { s1: room() } }, '!r:x': { sessions: { s2: room() } } },
  })
  await backup('backup keys without rooms', 'PUT', 'keys?version=1', {})
  await backup('verified is no word', 'PUT', 'keys/!r:x/s1?version=1', room({ is_verified: 'yes' }))
  await backup('all of it', 'GET', 'keys?version=1')
  await backup('a room of it', 'GET', 'keys/!r:x?version=1')
  await backup('a room that is not there', 'GET', 'keys/!n:x?version=1')
  await backup('a session that is not there', 'GET', 'keys/!r:x/none?version=1')
  await backup('with counts', 'GET', 'version/1')
  await backup('one goes', 'DELETE', 'keys/!r:x/s1?version=1')
  await backup('a room goes', 'DELETE', 'keys/!r:x?version=1')
  await backup('other data', 'PUT', 'version/1', { algorithm: 'm.a', auth_data: { other: 1 }, version: '1' })
  await backup('another algorithm', 'PUT', 'version/1', { algorithm: 'm.b', auth_data: {} })
  await backup('another version in the body', 'PUT', 'version/1', { algorithm: 'm.a', auth_data: {}, version: '2' })
  await backup('a version that is not there', 'PUT', 'version/9', { algorithm: 'm.a', auth_data: {} })
  await backup('a second backup', 'POST', 'version', { algorithm: 'm.b', auth_data: [1] })
  await backup('a version that is not the current one', 'PUT', 'keys/!r:x/s1?version=1', room())
  await backup('a version that never was', 'PUT', 'keys/!r:x/s1?version=9', room())
  await backup('the old one can be read', 'GET', 'keys?version=1')
  await backup('the second goes', 'DELETE', 'version/2')
  await backup('again', 'DELETE', 'version/2')
  await backup('one that never was', 'DELETE', 'version/9')
  await backup('the first is current again', 'GET', 'version')
  await backup('all keys go', 'DELETE', 'keys?version=1')
  await backup('of a version that is gone', 'DELETE', 'keys?version=2')

  // A dehydrated device.
  const M = 'unstable/org.matrix.msc3814.v1/dehydrated_device'
  const dehydrated = (label: string, method: string, more = '', body?: unknown) =>
    step(label, ALICE, method, `${M}${more}`, body)
  await dehydrated('none', 'GET')
  await dehydrated('none to delete', 'DELETE')
  await dehydrated('events of none', 'GET', '/X/events')
  const dry = {
    device_id: 'DRY',
    device_data: { algorithm: 'm.dry', account: 'x' },
    initial_device_display_name: 'dry',
    device_keys: deviceKeys(alice, 'DRY', 7),
    one_time_keys: oneTime('D1'),
  }
  await dehydrated('without keys', 'PUT', '', { ...dry, device_keys: undefined })
  await dehydrated('without data', 'PUT', '', { ...dry, device_data: undefined })
  await dehydrated('one', 'PUT', '', dry)
  await dehydrated('it is there', 'GET')
  await query(BOB, 'its keys', { [alice]: ['DRY'] })
  await step('a message to it', BOB, 'PUT', 'sendToDevice/m.test/1', { messages: { [alice]: { DRY: { n: 1 } } } })
  const first = await dehydrated('its events', 'POST', '/DRY/events', {}).then(
    (json) => json as { next_batch?: string },
  )
  lines.pop()
  lines.push(['a token for its events', 200, typeof first.next_batch])
  await dehydrated('another’s events', 'GET', '/PHONE/events')
  await dehydrated('a wrong token', 'GET', '/DRY/events?from=x')
  await dehydrated('another', 'PUT', '', { ...dry, device_id: 'DRY2', device_keys: deviceKeys(alice, 'DRY2', 8) })
  await query(BOB, 'keys of the first are gone', { [alice]: ['DRY', 'DRY2'] })
  await dehydrated('it goes', 'DELETE')
  await query(BOB, 'its keys are gone', { [alice]: ['DRY2'] })

  // Device lists.
  const since = new Map<string, string>()
  const lists = async (label: string, who: string) => {
    const { json } = await ask(who, 'GET', `sync?timeout=0${since.has(who) ? `&since=${since.get(who)}` : ''}`)
    const answer = json as unknown as { next_batch: string; device_lists?: { changed?: string[]; left?: string[] } }
    const known = since.get(who)
    since.set(who, answer.next_batch)
    const sorted = (users: readonly string[] | undefined) => users?.toSorted()
    lines.push([label, 200, normal([sorted(answer.device_lists?.changed), sorted(answer.device_lists?.left)] as const)])
    if (known === undefined) return
    const changes = (await ask(who, 'GET', `keys/changes?from=${known}&to=${answer.next_batch}`)).json as unknown as {
      changed: string[]
      left: string[]
    }
    lines.push([`${label}: changes`, 200, normal([sorted(changes.changed), sorted(changes.left)])])
  }
  const everyone = async (label: string) => {
    for (const who of [ALICE, BOB, CAROL]) await lists(`${label}: ${who}`, who)
  }
  await everyone('at first')
  const { room_id: roomId } = (await ask(ALICE, 'POST', 'createRoom', { preset: 'public_chat' })).json as unknown as {
    room_id: string
  }
  await everyone('a room')
  await ask(BOB, 'POST', `join/${roomId}`, {})
  await everyone('bob joined')
  await upload('new keys', BOB, { device_keys: deviceKeys(bob, 'PHONE', 4) })
  await everyone("bob's new keys")
  await upload('keys of a stranger', CAROL, { device_keys: deviceKeys(carol, 'PHONE', 5) })
  await everyone("a stranger's keys")
  await enter('bob', 'TABLET')
  await everyone('a new device')
  await step('it goes', 'bob/TABLET', 'POST', 'logout', {})
  await everyone('a device less')
  await step('renamed', BOB, 'PUT', 'devices/PHONE', { display_name: 'x' })
  await everyone('renamed')
  await ask(ALICE, 'POST', `rooms/${roomId}/invite`, { user_id: carol })
  await everyone('carol is invited')
  await ask(CAROL, 'POST', `join/${roomId}`, {})
  await everyone('carol joined')
  await sign('bob is signed anew', ALICE, { [bob]: { [publicOf(bobMaster)]: signedBob } })
  await everyone('signed again: nothing new')
  await ask(BOB, 'POST', `rooms/${roomId}/leave`, {})
  await everyone('bob left')
  await upload('keys after leaving', BOB, { device_keys: deviceKeys(bob, 'PHONE', 6) })
  await everyone('bob has new keys elsewhere')
  await step('changes without a token', BOB, 'GET', 'keys/changes')
  await step('changes since what is no token', BOB, 'GET', 'keys/changes?from=x&to=y')
  await step('a new user knows nobody', BOB, 'POST', 'keys/query', { device_keys: { [carol]: [] } })
  return lines
}

test('keys, signatures, backups and device lists are answered as by Synapse', async (t) => {
  const ours = await homeserver(t, postgres, { settings })
  const [here, there] = await Promise.all([
    play(ours.url),
    startSynapse(t, { ...settings, caches: { sync_response_cache_duration: '0s' } }).then(({ url }) => play(url)),
  ])
  const differences: string[] = []
  const used = new Set<string>()
  assert.equal(here.length, there.length)
  for (const [i, [label, status, body]] of here.entries()) {
    const [, theirStatus, theirBody] = there[i]!
    try {
      assert.deepEqual([status, body], [theirStatus, theirBody])
    } catch {
      if (UNLIKE[label] === undefined)
        differences.push(
          `${label}\n  here ${status} ${JSON.stringify(body)}\n  there ${theirStatus} ${JSON.stringify(theirBody)}`,
        )
      used.add(label)
    }
  }
  t.diagnostic(`${here.length} answers, ${used.size} of them other than Synapse's`)
  assert.deepEqual(differences, [], differences.join('\n'))
  assert.deepEqual(
    Object.keys(UNLIKE).filter((label) => !used.has(label)),
    [],
    'explained, but not different',
  )
})
