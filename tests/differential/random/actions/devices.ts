import type { Random } from '../../../harness/random.ts'
import type { Action, MakeAction, Weighted } from '../action.ts'
import { anyRoom, type Model, type ModelDevice, words } from '../model.ts'

type Request = Pick<Action, 'method' | 'path' | 'body' | 'binds'>

const by =
  (name: string, make: (by: ModelDevice, random: Random, model: Model) => Request | undefined): MakeAction =>
  (model, random) => {
    const device = random.pick(model.devices)
    const request = make(device, random, model)
    return request && { name, by: device.label, ...request }
  }

/** Looks like a key, and is the same on both servers. */
const key = (of: string): string => Buffer.from(of.padEnd(32, '.')).toString('base64').replace(/=+$/, '').slice(0, 43)

const devices = by('devices', ({ deviceId }, random) =>
  random.pick<Request>([
    { method: 'GET', path: '/v3/devices' },
    { method: 'GET', path: `/v3/devices/${random.oneIn(4) ? 'none' : deviceId}` },
    { method: 'PUT', path: `/v3/devices/${deviceId}`, body: { display_name: words(random) } },
  ]),
)

const uploadKeys = by('upload keys', ({ userId, deviceId }, random, model) => {
  const ed25519 = `ed25519:${deviceId}`
  const n = model.count()
  return {
    method: 'POST',
    path: '/v3/keys/upload',
    body: {
      ...(random.oneIn(2) && {
        device_keys: {
          user_id: userId,
          device_id: deviceId,
          algorithms: ['m.olm.v1.curve25519-aes-sha2'],
          keys: { [`curve25519:${deviceId}`]: key(`c${userId}${deviceId}`), [ed25519]: key(`e${userId}${deviceId}`) },
          signatures: { [userId]: { [ed25519]: key('signature') } },
        },
      }),
      one_time_keys: { [`signed_curve25519:K${n}`]: { key: key(`k${n}`), signatures: {} } },
      ...(random.oneIn(3) && {
        fallback_keys: { [`signed_curve25519:F${n}`]: { key: key(`f${n}`), fallback: true, signatures: {} } },
      }),
    },
  }
})

const queryKeys = by('query keys', (_device, random, model) => ({
  method: 'POST',
  path: '/v3/keys/query',
  body: { device_keys: { [random.pick(model.users)]: [], [random.pick(model.users)]: [] } },
}))

const claimKeys = by('claim keys', (_device, random, model) => {
  const { userId, deviceId } = random.pick(model.devices)
  return {
    method: 'POST',
    path: '/v3/keys/claim',
    body: { one_time_keys: { [userId]: { [deviceId]: 'signed_curve25519' } } },
  }
})

const keyChanges = by('key changes', (device) =>
  device.hasSince
    ? { method: 'GET', path: `/v3/keys/changes?from=<since.${device.label}>&to=<since.${device.label}>` }
    : undefined,
)

const sendToDevice = by('send to a device', (_device, random, model) => {
  const { userId, deviceId } = random.pick(model.devices)
  return {
    method: 'PUT',
    path: `/v3/sendToDevice/com.example.message/d${model.count()}`,
    body: { messages: { [userId]: { [random.oneIn(3) ? '*' : deviceId]: { text: words(random) } } } },
  }
})

const crossSigning = by('cross-signing', ({ userId }) => ({
  method: 'POST',
  path: '/v3/keys/device_signing/upload',
  body: {
    master_key: { user_id: userId, usage: ['master'], keys: { [`ed25519:${key(`m${userId}`)}`]: key(`m${userId}`) } },
  },
}))

const backup = by('key backup', (device, random, model) => {
  const room = anyRoom(model, random)
  const label = `<backup.${device.userId.slice(1).split(':')[0]}>`
  const data = {
    first_message_index: random.int(5),
    forwarded_count: random.int(3),
    is_verified: random.oneIn(2),
    session_data: { a: 1 },
  }
  const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2'
  const at = room === undefined ? '' : `/${room.label}/session${random.int(2)}`
  return random.pick<Request>([
    {
      method: 'POST',
      path: '/v3/room_keys/version',
      body: { algorithm, auth_data: { public_key: key('b') } },
      binds: { [label]: 'version' },
    },
    { method: 'GET', path: '/v3/room_keys/version' },
    { method: 'GET', path: `/v3/room_keys/keys?version=${label}` },
    ...(at === '' ? [] : [{ method: 'PUT', path: `/v3/room_keys/keys${at}?version=${label}`, body: data } as const]),
    { method: 'GET', path: `/v3/room_keys/keys${at}?version=${label}` },
    { method: 'DELETE', path: `/v3/room_keys/keys${at}?version=${label}` },
  ])
})

export const deviceActions: Weighted = [
  [4, devices],
  [6, uploadKeys],
  [4, queryKeys],
  [4, claimKeys],
  [1, keyChanges],
  [5, sendToDevice],
  [1, crossSigning],
  [4, backup],
]
