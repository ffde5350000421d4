import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { canonicalJson } from '../../../shared/matrix/json/canonical.ts'
import { register, type User } from '../../harness/matrix-client.ts'
import { withPassword } from './accounts.ts'
import { type Calls, e, V3 } from './world.ts'

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')

/** An Ed25519 key and what signs JSON with it. */
const makeKey = () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const text = base64(Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url'))
  return { text, sign: (object: object) => base64(sign(null, Buffer.from(canonicalJson(object as never)), privateKey)) }
}

const deviceKeysOf = ({ userId, deviceId }: User) => {
  const key = makeKey()
  const keys = {
    user_id: userId,
    device_id: deviceId,
    algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
    keys: { [`curve25519:${deviceId}`]: base64(randomBytes(32)), [`ed25519:${deviceId}`]: key.text },
  }
  return { ...keys, signatures: { [userId]: { [`ed25519:${deviceId}`]: key.sign(keys) } } }
}

/** Devices, their keys, messages to them, and the backup of keys. */
export const devicesAndKeys: Calls = async ({ url, alice, bob, room, step }) => {
  const since = await alice.since()
  await step('uploadKeys', () =>
    bob.ask('POST', `${V3}/keys/upload`, {
      device_keys: deviceKeysOf(bob),
      one_time_keys: { 'signed_curve25519:AAAAAQ': { key: base64(randomBytes(32)), signatures: {} } },
      fallback_keys: { 'signed_curve25519:AAAAAg': { key: base64(randomBytes(32)), fallback: true, signatures: {} } },
    }),
  )
  await step('queryKeys', () => alice.ask('POST', `${V3}/keys/query`, { device_keys: { [bob.userId]: [] } }))
  await step('claimKeys', () =>
    alice.ask('POST', `${V3}/keys/claim`, { one_time_keys: { [bob.userId]: { [bob.deviceId]: 'signed_curve25519' } } }),
  )
  await step('getKeysChanges', async () => {
    const { next_batch: to } = await alice.sync(since)
    return alice.ask('GET', `${V3}/keys/changes?from=${e(since)}&to=${e(to)}`)
  })
  await step('uploadCrossSigningKeys', async () => {
    const master = makeKey()
    const own = makeKey()
    const masterKey = { user_id: bob.userId, usage: ['master'], keys: { [`ed25519:${master.text}`]: master.text } }
    const selfSigning = { user_id: bob.userId, usage: ['self_signing'], keys: { [`ed25519:${own.text}`]: own.text } }
    await withPassword(bob, 'POST', `${V3}/keys/device_signing/upload`, {
      master_key: masterKey,
      self_signing_key: {
        ...selfSigning,
        signatures: { [bob.userId]: { [`ed25519:${master.text}`]: master.sign(selfSigning) } },
      },
    })
    await step('uploadCrossSigningSignatures', async () => {
      const answer = await bob.ask('POST', `${V3}/keys/query`, { device_keys: { [bob.userId]: [bob.deviceId] } })
      const { signatures: _, unsigned: __, ...device } = answer.device_keys[bob.userId][bob.deviceId]
      const signatures = { [bob.userId]: { [`ed25519:${own.text}`]: own.sign(device) } }
      const sent = { [bob.userId]: { [bob.deviceId]: { ...device, signatures } } }
      const { failures } = await bob.ask('POST', `${V3}/keys/signatures/upload`, sent)
      if (Object.keys(failures).length > 0) throw new Error(JSON.stringify(failures))
    })
  })
  await step('sendToDevice', () =>
    alice.ask('PUT', `${V3}/sendToDevice/m.test/1`, { messages: { [bob.userId]: { [bob.deviceId]: { to: 'one' } } } }),
  )

  await step('getDevices', () => bob.ask('GET', `${V3}/devices`))
  await step('getDevice', () => bob.ask('GET', `${V3}/devices/${e(bob.deviceId)}`))
  await step('updateDevice', () => bob.ask('PUT', `${V3}/devices/${e(bob.deviceId)}`, { display_name: 'a phone' }))
  const fred = await register(url, 'fred')
  await step('deleteDevice', async () => {
    const { deviceId } = await fred.login()
    return withPassword(fred, 'DELETE', `${V3}/devices/${e(deviceId)}`)
  })
  await step('deleteDevices', async () => {
    const devices = [(await fred.login()).deviceId, (await fred.login()).deviceId]
    return withPassword(fred, 'POST', `${V3}/delete_devices`, { devices })
  })

  const auth = { public_key: base64(randomBytes(32)), signatures: {} }
  const backup = { algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2', auth_data: auth }
  const versions = `${V3}/room_keys/version`
  const version = await step('postRoomKeysVersion', async () => (await alice.ask('POST', versions, backup)).version)
  await step('getRoomKeysVersionCurrent', () => alice.ask('GET', versions))
  await step('getRoomKeysVersion', () => alice.ask('GET', `${versions}/${version}`))
  await step('putRoomKeysVersion', () => alice.ask('PUT', `${versions}/${version}`, { ...backup, version }))
  const keyData = {
    first_message_index: 1,
    forwarded_count: 0,
    is_verified: true,
    session_data: { ciphertext: 'aa', ephemeral: 'bb', mac: 'cc' },
  }
  const session = { sessions: { one: keyData } }
  for (const [suffix, path, body] of [
    ['RoomKeyBySessionId', `/${e(room)}/one`, keyData],
    ['RoomKeysByRoomId', `/${e(room)}`, session],
    ['RoomKeys', '', { rooms: { [room]: session } }],
  ] as const) {
    const keys = `${V3}/room_keys/keys${path}?version=${version}`
    await step(`put${suffix}`, () => alice.ask('PUT', keys, body))
    await step(`get${suffix}`, () => alice.ask('GET', keys))
    await step(`delete${suffix}`, () => alice.ask('DELETE', keys))
  }
  await step('deleteRoomKeysVersion', () => alice.ask('DELETE', `${versions}/${version}`))
}
