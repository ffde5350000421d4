import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { adminUsersHandlers } from '../../../worker/admin/users.ts'

const SECRET = 'the secret'

test('who knows the secret registers users, whose names a database has a place for', async () => {
  const registered: unknown[] = []
  const handlers = adminUsersHandlers({
    registration: {
      checkName: async () => {},
      registerFor: () => Promise.reject(new Error('not asked')),
      async register(account) {
        registered.push(account)
        return `@${account.localpart}:x` as UserId
      },
    },
    sessions: { begin: async ({ deviceId = 'D' }) => ({ deviceId, accessToken: 't' }) },
    passwords: { hash: async (password) => `hash of ${password}` },
    serverName: 'x',
    secret: SECRET,
    now: () => 0,
  })
  const register = async (more: JsonObject) => {
    const { nonce } = (await handlers.getRegisterNonce({} as never)) as { readonly nonce: string }
    const mac = createHmac('sha1', SECRET).update([nonce, 'alice', 'pw', 'notadmin'].join('\0')).digest('hex')
    const body = { nonce, username: 'alice', password: 'pw', mac, ...more }
    return await handlers.registerUser({ json: async () => body } as never)
  }
  assert.equal(((await register({ displayname: 'Alice', device_id: 'PHONE' })) as JsonObject).device_id, 'PHONE')
  assert.equal((registered[0] as JsonObject).displayName, 'Alice')
  await register({ displayname: 5, device_id: null })
  for (const name of ['displayname', 'device_id', 'initial_device_display_name'])
    for (const value of ['a\0', '\ud800', 'x'.repeat(600)])
      await assert.rejects(register({ [name]: value }), { errcode: 'M_UNKNOWN', message: `Invalid ${name}` })
  await assert.rejects(register({ mac: '00' }), { message: 'HMAC incorrect' })
  assert.equal(registered.length, 2)
})
