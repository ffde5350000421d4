import { generateKeyPairSync, sign } from 'node:crypto'
import { pathOf, type Rooms, servedOnlyBy, type Users, type World, writersOf } from '../world.ts'

const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')

/** An Ed25519 key as Matrix writes it, and what it signs. `value` must have its keys in order already. */
const signingKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    id: unpadded(publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)),
    sign: (value: object) => unpadded(sign(null, Buffer.from(JSON.stringify(value)), privateKey)),
  }
}

export const keys = async (world: World, { alice, tablet, bob, password }: Users, { study }: Rooms): Promise<void> => {
  const { report, traffic } = world
  const from = traffic.sent.length

  await report.group('device keys: upload, query, claim; the other side is told', async (t) => {
    const before: string = (await traffic.ask('GET', '/_matrix/client/v3/sync?timeout=0', { token: bob.token })).json
      .next_batch
    const key = signingKey()
    const device = {
      algorithms: ['m.megolm.v1.aes-sha2'],
      device_id: tablet.deviceId,
      keys: { [`ed25519:${tablet.deviceId}`]: key.id },
      user_id: alice.userId,
    }
    const uploaded = await traffic.ask('POST', '/_matrix/client/v3/keys/upload', {
      token: tablet.token,
      body: {
        device_keys: {
          ...device,
          signatures: { [alice.userId]: { [`ed25519:${tablet.deviceId}`]: key.sign(device) } },
        },
        one_time_keys: {
          'signed_curve25519:AAAA': { key: 'one', signatures: {} },
          'signed_curve25519:AAAB': { key: 'two', signatures: {} },
        },
        fallback_keys: { 'signed_curve25519:FFFF': { key: 'last', fallback: true, signatures: {} } },
      },
    })
    t.equal(uploaded.json?.one_time_key_counts?.signed_curve25519, 2, `the count of one-time keys (${uploaded.text})`)
    const query = await traffic.ask('POST', '/_matrix/client/v3/keys/query', {
      token: bob.token,
      body: { device_keys: { [alice.userId]: [] } },
    })
    t.equal(
      query.json?.device_keys?.[alice.userId]?.[tablet.deviceId]?.keys,
      device.keys,
      "alice's keys as bob sees them",
    )
    const claim = async () =>
      (
        await traffic.ask('POST', '/_matrix/client/v3/keys/claim', {
          token: bob.token,
          body: { one_time_keys: { [alice.userId]: { [tablet.deviceId]: 'signed_curve25519' } } },
        })
      ).json?.one_time_keys?.[alice.userId]?.[tablet.deviceId]
    const claimed = [await claim(), await claim(), await claim()].map(
      (one) => Object.values(one ?? {})[0] as { key?: string } | undefined,
    )
    t.equal(
      claimed.map((one) => one?.key).sort(),
      ['last', 'one', 'two'],
      'three claims: each key once, then the fallback',
    )
    await t.until('bob is told by /keys/changes', async () => {
      const now: string = (await traffic.ask('GET', '/_matrix/client/v3/sync?timeout=0', { token: bob.token })).json
        .next_batch
      const { json } = await traffic.ask('GET', `/_matrix/client/v3/keys/changes?from=${before}&to=${now}`, {
        token: bob.token,
      })
      return json?.changed?.includes(alice.userId)
    })
    await t.until('bob is told by /sync', async () =>
      (
        await traffic.ask('GET', `/_matrix/client/v3/sync?timeout=0&since=${before}`, { token: bob.token })
      ).json?.device_lists?.changed?.includes(alice.userId),
    )
  })

  await report.group('cross-signing keys and signatures', async (t) => {
    const master = signingKey()
    const self = signingKey()
    const masterKey = { keys: { [`ed25519:${master.id}`]: master.id }, usage: ['master'], user_id: alice.userId }
    const selfKey = { keys: { [`ed25519:${self.id}`]: self.id }, usage: ['self_signing'], user_id: alice.userId }
    const upload = await traffic.ask('POST', '/_matrix/client/v3/keys/device_signing/upload', {
      token: alice.token,
      body: {
        auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password },
        master_key: masterKey,
        self_signing_key: {
          ...selfKey,
          signatures: { [alice.userId]: { [`ed25519:${master.id}`]: master.sign(selfKey) } },
        },
      },
    })
    t.equal(upload.status, 200, `POST device_signing/upload (${upload.text})`)
    const query = async () =>
      (
        await traffic.ask('POST', '/_matrix/client/v3/keys/query', {
          token: bob.token,
          body: { device_keys: { [alice.userId]: [] } },
        })
      ).json
    t.equal((await query()).master_keys?.[alice.userId]?.keys, masterKey.keys, "alice's master key as bob sees it")
    const { signatures, unsigned, ...device } = (await query()).device_keys[alice.userId][tablet.deviceId]
    const ordered = Object.fromEntries(Object.entries(device).sort(([a], [b]) => (a < b ? -1 : 1)))
    const signed = await traffic.ask('POST', '/_matrix/client/v3/keys/signatures/upload', {
      token: alice.token,
      body: {
        [alice.userId]: {
          [tablet.deviceId]: {
            ...device,
            signatures: { [alice.userId]: { [`ed25519:${self.id}`]: self.sign(ordered) } },
          },
        },
      },
    })
    t.equal([signed.status, signed.json?.failures], [200, {}], `POST signatures/upload (${signed.text})`)
    await servedOnlyBy(
      t,
      world,
      'uploads of keys',
      writersOf(world, 'device_lists'),
      (sent) =>
        sent.method === 'POST' && /\/keys\/(upload|device_signing\/upload|signatures\/upload)$/.test(pathOf(sent)),
      from,
    )
  })

  await report.group('key backup', async (t) => {
    const ask = (method: string, path: string, body?: unknown) =>
      traffic.ask(method, `/_matrix/client/v3/room_keys/${path}`, { token: alice.token, body })
    const { json } = await ask('POST', 'version', {
      algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2',
      auth_data: { public_key: 'abc', signatures: {} },
    })
    t.ok(json?.version, 'a version')
    const session = {
      first_message_index: 1,
      forwarded_count: 0,
      is_verified: true,
      session_data: { ciphertext: 'x', ephemeral: 'y', mac: 'z' },
    }
    const path = `keys/${encodeURIComponent(study)}/${encodeURIComponent('a+b/c')}?version=${json.version}`
    t.equal((await ask('PUT', path, session)).json?.count, 1, 'the count after PUT')
    t.equal((await ask('GET', path)).json, session, 'the session as the server has it')
    t.equal(
      (await ask('GET', `keys?version=${json.version}`)).json?.rooms?.[study]?.sessions?.['a+b/c'],
      session,
      'the session among all',
    )
    t.equal((await ask('DELETE', path)).json?.count, 0, 'the count after DELETE')
    t.equal((await ask('DELETE', `version/${json.version}`)).status, 200, 'DELETE version')
  })
}
