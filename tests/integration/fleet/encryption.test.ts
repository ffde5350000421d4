/**
 * Two users on two devices each, who encrypt with a client library's own cryptography: messages both ways, cross-signing, a device that
 * is verified by another, a backup that a new device restores. Through the router, with two processes that sync and two that persist,
 * and writers of their own for device lists and messages between devices.
 */

import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { ClientEvent, createClient, type MatrixClient } from 'matrix-js-sdk'
import { CryptoEvent } from 'matrix-js-sdk/lib/crypto-api/CryptoEvent.js'
import { type VerificationRequest, VerifierEvent } from 'matrix-js-sdk/lib/crypto-api/verification.js'
import { logger } from 'matrix-js-sdk/lib/logger.js'
import { homeserver } from '../../harness/homeserver.ts'
import type { User } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const WAIT_MS = 30_000

const silent = {
  ...logger,
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  getChild: () => silent,
} as unknown as typeof logger
// The library's cryptography writes there itself.
for (const name of ['debug', 'info', 'warn', 'log', 'error'] as const) console[name] = () => {}

// Timers of the library's verification would keep the process for ten minutes.
after(() => void setTimeout(() => process.exit(), 2_000).unref())

/** A device with its cryptography, in step with the server. `secretKey`: what opens its owner's secret storage. */
async function startDevice(
  t: TestContext,
  url: string,
  user: User,
  secretKey: () => Uint8Array | undefined,
): Promise<MatrixClient> {
  const client = createClient({
    baseUrl: url,
    userId: user.userId,
    deviceId: user.deviceId,
    accessToken: user.token,
    logger: silent,
    disableVoip: true,
    cryptoCallbacks: {
      async getSecretStorageKey({ keys }) {
        const key = secretKey()
        const [keyId] = Object.keys(keys)
        return key === undefined || keyId === undefined ? null : [keyId, key as Uint8Array<ArrayBuffer>]
      },
    },
  })
  t.after(() => client.stopClient())
  await client.initRustCrypto({ useIndexedDB: false })
  const prepared = new Promise<void>((resolve) => {
    client.on(ClientEvent.Sync, (state) => {
      if (state === 'PREPARED') resolve()
    })
  })
  await client.startClient({ initialSyncLimit: 20 })
  await prepared
  return client
}

/** What the device can read in the room, oldest first. */
const readable = (client: MatrixClient, roomId: string): readonly string[] =>
  (client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? []).flatMap((event) =>
    event.getType() === 'm.room.message' ? [event.getContent().body as string] : [],
  )

async function canRead(client: MatrixClient, roomId: string, body: string): Promise<void> {
  await until(() => readable(client, roomId).includes(body), WAIT_MS).catch(() => {
    const events = client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? []
    const seen = events.map((event) => `${event.getType()} ${event.decryptionFailureReason ?? ''}`)
    assert.fail(`${client.getUserId()} ${client.getDeviceId()} cannot read ${body}: ${seen.join(', ')}`)
  })
}

/** Both sides of a verification by comparing emoji, which are the same here. */
async function verifyBySas(request: VerificationRequest, isAsking: boolean): Promise<void> {
  await until(() => request.verifier !== undefined || (isAsking && request.phase === 3), WAIT_MS)
  const verifier = request.verifier ?? (await request.startVerification('m.sas.v1'))
  verifier.on(VerifierEvent.ShowSas, (sas) => void sas.confirm())
  await verifier.verify()
}

test('two users on two devices each talk in an encrypted room, verify, back up and restore', async (t) => {
  const hs = await homeserver(t, postgres, {
    workers: ['generic', 'sync', 'sync', 'persister', 'persister', 'device_lists', 'to_device'],
  })
  const [alice, bob] = await hs.register('alice', 'bob')
  const [alicesOther, bobsOther] = [await alice.login(), await bob.login()]
  let secretKey: Uint8Array | undefined
  const start = (user: User) =>
    startDevice(t, hs.url, user, () => (user.userId === alice.userId ? secretKey : undefined))
  const alice1 = await start(alice)
  const alice2 = await start(alicesOther)
  const bob1 = await start(bob)
  const bob2 = await start(bobsOther)

  // Cross-signing, and a backup whose key is in secret storage.
  const crypto = alice1.getCrypto()!
  const recovery = await crypto.createRecoveryKeyFromPassphrase()
  secretKey = recovery.privateKey
  await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (makeRequest) => makeRequest(null) })
  await crypto.bootstrapSecretStorage({
    createSecretStorageKey: async () => recovery,
    setupNewSecretStorage: true,
    setupNewKeyBackup: true,
  })
  assert.ok(await crypto.isCrossSigningReady())
  await bob1.getCrypto()!.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (makeRequest) => makeRequest(null) })

  // Messages both ways.
  const { room_id: roomId } = await alice1.createRoom({
    preset: 'private_chat' as never,
    invite: [bob.userId],
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  await until(() => bob1.getRoom(roomId) !== null, WAIT_MS)
  await bob1.joinRoom(roomId)
  const all = [alice1, alice2, bob1, bob2]
  await until(
    () =>
      all.every(
        (client) =>
          client.getRoom(roomId)?.hasEncryptionStateEvent() === true &&
          client.getRoom(roomId)!.getJoinedMemberCount() === 2,
      ),
    WAIT_MS,
  )
  await alice1.sendTextMessage(roomId, 'from alice')
  await Promise.all(all.map((client) => canRead(client, roomId, 'from alice')))
  await bob2.sendTextMessage(roomId, 'from bob')
  await Promise.all(all.map((client) => canRead(client, roomId, 'from bob')))
  const { chunk } = await alice.ask('GET', `/_matrix/client/v3/rooms/${roomId}/messages?dir=b&limit=10`)
  const encrypted = (chunk as { type: string }[]).filter(({ type }) => type === 'm.room.encrypted')
  assert.equal(encrypted.length, 2, 'what the server has is encrypted')

  // One device verifies the other, by messages between devices.
  const isVerified = async () =>
    (await crypto.getDeviceVerificationStatus(alice.userId, alicesOther.deviceId))?.crossSigningVerified === true
  assert.equal(await isVerified(), false)
  const asked = new Promise<VerificationRequest>((resolve) => {
    alice1.once(CryptoEvent.VerificationRequestReceived, resolve)
  })
  const asking = await alice2.getCrypto()!.requestOwnUserVerification()
  const request = await asked
  await request.accept()
  await Promise.all([verifyBySas(asking, true), verifyBySas(request, false)])
  await until(isVerified, WAIT_MS)
  // The others learn of the signature by their device lists.
  await until(
    async () =>
      (await bob1.getCrypto()!.getDeviceVerificationStatus(alice.userId, alicesOther.deviceId))?.signedByOwner === true,
    WAIT_MS,
  )

  // A new device restores what was said before it was there.
  await until(async () => (await alice.ask('GET', '/_matrix/client/v3/room_keys/version')).count >= 2, WAIT_MS)
  const late = await start(await alice.login())
  await late.getCrypto()!.loadSessionBackupPrivateKeyFromSecretStorage()
  const { imported } = await late.getCrypto()!.restoreKeyBackup()
  assert.ok(imported >= 2, `${imported} keys were restored`)
  await canRead(late, roomId, 'from alice')
  await canRead(late, roomId, 'from bob')
  // Who encrypts before hearing of a device does not encrypt to it.
  const knowsOfIt = async () =>
    (await bob1.getCrypto()!.getUserDeviceInfo([alice.userId])).get(alice.userId)?.has(late.getDeviceId()!) === true
  await until(knowsOfIt, WAIT_MS)
  await bob1.sendTextMessage(roomId, 'after')
  await canRead(late, roomId, 'after')
})
