/** Keys that are asked for, and stored, by several processes at once. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { makeBackups } from '../../../worker/keys/backup.ts'
import { makeClaimKeys } from '../../../worker/keys/claim.ts'
import { makeUploadKeys } from '../../../worker/keys/upload.ts'
import { selectDeviceKeyCounts } from '../../../worker/storage/device-key-counts.ts'
import { insertDevice } from '../../../worker/storage/devices.ts'
import type { RoomKeyRow } from '../../../worker/storage/key-backup.ts'
import { makeDeviceKeys } from '../../../worker/sync/device-keys.ts'
import { deviceChangesOf } from '../../harness/device-changes.ts'
import { connect, openStreams } from '../../harness/live-streams.ts'
import { makeMemoryBus } from '../../harness/memory-bus.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { serverName, user } from '../../harness/room-process.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const alice = user('alice')
const claim = { userId: alice, deviceId: 'PHONE', algorithm: 'signed_curve25519' }

async function twoProcesses(t: TestContext) {
  const db = await postgres.db(t)
  const bus = makeMemoryBus()
  const streams = [await openStreams(t, db), await openStreams(t, db, { instance: 'worker' })]
  const processes = streams.map((own) => ({
    claimKeys: makeClaimKeys({ caches: own.caches, serverName }),
    uploadKeys: makeUploadKeys({ changes: deviceChangesOf(db, own), caches: own.caches, now: Date.now }),
    deviceKeys: makeDeviceKeys({ db, caches: own.caches }),
  }))
  for (const own of streams) await connect(t, own, bus)
  await insertDevice(db, alice, 'PHONE', null)
  const [main, worker] = processes
  return { db, main: main!, worker: worker! }
}

const keys = (from: number, count: number): JsonObject =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `signed_curve25519:K${String(from + i).padStart(4, '0')}`,
      { key: `k${from + i}`, signatures: {} },
    ]),
  )
const fallbackKeys = { 'signed_curve25519:FALLBACK': { key: 'f', fallback: true, signatures: {} } }

test('a key is given once, whoever asks where at once; then the fallback key, and the counts are known everywhere', async (t) => {
  const { db, main, worker } = await twoProcesses(t)
  await main.uploadKeys(alice, 'PHONE', { deviceKeys: undefined, oneTimeKeys: keys(0, 40), fallbackKeys })
  await until(async () => (await worker.deviceKeys.of(alice, 'PHONE')).oneTimeKeys.signed_curve25519 === 40)

  const claims = await Promise.all(
    Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? main : worker).claimKeys([claim])),
  )
  const given = claims.map(({ oneTimeKeys }) => Object.keys(JSON.parse(oneTimeKeys)[alice].PHONE)[0]!)
  const once = given.filter((name) => name !== 'signed_curve25519:FALLBACK')
  assert.equal(new Set(once).size, once.length, 'a key was given twice')
  assert.equal(once.length, 40, 'the fallback key was given while there were others')
  assert.equal(given.length, 60)
  assert.deepEqual(await selectDeviceKeyCounts(db, alice, 'PHONE'), { oneTimeKeys: {}, unusedFallbackKeys: [] })
  for (const { deviceKeys } of [main, worker])
    await until(async () => {
      const { oneTimeKeys, unusedFallbackKeys } = await deviceKeys.of(alice, 'PHONE')
      return oneTimeKeys.signed_curve25519 === undefined && unusedFallbackKeys.length === 0
    })
})

test('the oldest key is given first', async (t) => {
  const { main, worker } = await twoProcesses(t)
  await main.uploadKeys(alice, 'PHONE', { deviceKeys: undefined, oneTimeKeys: keys(5, 1), fallbackKeys: {} })
  await new Promise((resolve) => setTimeout(resolve, 5))
  await main.uploadKeys(alice, 'PHONE', { deviceKeys: undefined, oneTimeKeys: keys(0, 1), fallbackKeys: {} })
  const first = JSON.parse((await worker.claimKeys([claim])).oneTimeKeys)
  assert.deepEqual(Object.keys(first[alice].PHONE), ['signed_curve25519:K0005'])
})

test('uploads at once go neither beyond the limit nor into each other', async (t) => {
  const { db, main, worker } = await twoProcesses(t)
  const results = await Promise.allSettled(
    Array.from({ length: 6 }, (_, i) =>
      (i % 2 === 0 ? main : worker).uploadKeys(alice, 'PHONE', {
        deviceKeys: undefined,
        oneTimeKeys: keys(i * 100, 100),
        fallbackKeys: {},
      }),
    ),
  )
  assert.equal(results.filter(({ status }) => status === 'rejected').length, 1)
  const { oneTimeKeys } = await selectDeviceKeyCounts(db, alice, 'PHONE')
  assert.equal(oneTimeKeys.signed_curve25519, 500)
  // The same at once is the same.
  await db.run('delete from e2e_one_time_keys_json')
  const upload = { deviceKeys: undefined, oneTimeKeys: keys(0, 50), fallbackKeys: {} }
  const same = await Promise.all([main, worker, main].map(({ uploadKeys }) => uploadKeys(alice, 'PHONE', upload)))
  assert.deepEqual(
    same,
    Array.from({ length: 3 }, () => ({ signed_curve25519: 50 })),
  )
})

test('backups that are written at once lose nothing, and versions are given once', async (t) => {
  const db = await postgres.db(t)
  const backups = makeBackups({ db })
  const versions = await Promise.all(Array.from({ length: 8 }, () => backups.create(alice, 'm.a', {})))
  assert.deepEqual(
    versions.map(Number).toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8],
  )
  const row = (i: number): RoomKeyRow => ({
    roomId: '!r:x',
    sessionId: `s${i % 10}`,
    firstMessageIndex: 20 - i,
    forwardedCount: 0,
    isVerified: false,
    sessionData: `{"n":${i}}`,
  })
  const states = await Promise.all(Array.from({ length: 20 }, (_, i) => backups.putKeys(alice, '8', [row(i)])))
  assert.equal(new Set(states.map(({ etag }) => etag)).size >= 10, true)
  const info = await backups.info(alice, undefined)
  assert.equal(info.count, 10)
  // The better half of each pair is there, whichever came first.
  const stored = await backups.keys(alice, '8', {})
  assert.deepEqual(
    stored.map(({ firstMessageIndex }) => firstMessageIndex).toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  )
  await assert.rejects(backups.putKeys(alice, '3', [row(1)]), {
    errcode: 'M_WRONG_ROOM_KEYS_VERSION',
    extra: { current_version: '8' },
  })
})
