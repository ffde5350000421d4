/** Changes of devices that are stored while no writer of `device_lists` can be told. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import { makeUploadKeys } from '../../../worker/keys/upload.ts'
import { deviceChangesOf } from '../../harness/device-changes.ts'
import { openStreams } from '../../harness/live-streams.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const alice = '@alice:s' as UserId

test('they are told of when the writer is back, although nobody asks again', async (t) => {
  const db = await postgres.db(t)
  const streams = await openStreams(t, db, { instance: 'generic', streamWriters: { device_lists: ['other'] } })
  let isAway = true
  const told: unknown[] = []
  const call = async (name: string, { body }: { readonly body: unknown }) => {
    if (isAway) throw new Error('away')
    told.push([name, body])
    return {}
  }
  const changes = deviceChangesOf(db, streams, { call: call as never }, { retryMs: 20, onProblem: () => undefined })
  const change = (deviceId: string, isSmall: boolean) =>
    changes.change('test', alice, 1, async () => ({ result: undefined, deviceIds: [deviceId] }), { isSmall })
  await change('SMALL', true)
  await assert.rejects(change('PHONE', false))
  await assert.rejects(changes.signed(alice, [alice]))
  isAway = false
  await until(() => told.length === 3)
  assert.deepEqual(told, [
    ['notify_device_update', { device_ids: ['SMALL'] }],
    ['notify_device_update', { device_ids: ['PHONE'] }],
    ['notify_user_signature_update', { user_ids: [alice] }],
  ])
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.equal(told.length, 3)
})

test('keys whose process was killed before it told of them are told of when the client sends them again', async (t) => {
  const db = await postgres.db(t)
  const streams = await openStreams(t, db, { instance: 'generic', streamWriters: { device_lists: ['other'] } })
  let nowMs = 1_000_000_000
  const told: unknown[] = []
  const uploadOf = (call: (name: string, options: { readonly body: unknown }) => Promise<unknown>) =>
    makeUploadKeys({
      changes: deviceChangesOf(db, streams, { call: call as never }, { retryMs: 600_000 }),
      caches: streams.caches,
      now: () => nowMs,
    })
  const keys = { deviceKeys: { keys: { 'ed25519:PHONE': 'x' } }, oneTimeKeys: {}, fallbackKeys: {} }
  const killed = uploadOf(async () => {
    throw new Error('killed')
  })
  await assert.rejects(killed(alice, 'PHONE', keys))
  const upload = uploadOf(async (_name, { body }) => {
    told.push(body)
    return {}
  })
  await upload(alice, 'PHONE', keys)
  assert.deepEqual(told, [{ device_ids: ['PHONE'] }])
  // Nobody sends a request again so late.
  nowMs += 3_600_000
  await upload(alice, 'PHONE', keys)
  assert.equal(told.length, 1)
})
