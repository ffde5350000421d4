/** What is not to be kept for ever. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId } from '../../../shared/matrix/ids.ts'
import { censorRedactions } from '../../../worker/rooms/censor-redactions.ts'
import { jobsOf } from '../../../worker/services/housekeeping.ts'
import { insertDevice } from '../../../worker/storage/devices.ts'
import { upsertUserIps } from '../../../worker/storage/user-ips.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { user } from '../../harness/room-process.ts'
import { roomRequests } from '../../harness/room-requests.ts'

const postgres = await startPostgres()

test('what was redacted leaves the database, and what may not be redacted stays', async (t) => {
  const { db, send, events } = await roomRequests(t, postgres)
  const body = { msgtype: 'm.text', body: 'secret' }
  for (const version of ['10', '12']) {
    const created = await send('alice', 'POST', '/createRoom', { preset: 'public_chat', room_version: version })
    const roomId = created.room_id as RoomId
    await send('bob', 'POST', `/join/${encodeURIComponent(roomId)}`, {})
    const path = `/rooms/${encodeURIComponent(roomId)}`
    const [gone, kept] = await Promise.all(
      ['a', 'b'].map(
        async (txn) => (await send('alice', 'PUT', `${path}/send/m.room.message/${txn}`, body)).event_id as EventId,
      ),
    )
    await send('alice', 'PUT', `${path}/redact/${encodeURIComponent(gone!)}/r`, { reason: 'oops' })
    const textOf = async (id: EventId) =>
      (await db.one<{ json: string }>('select json from event_json where event_id = $1', [id]))!.json
    const before = JSON.parse(await textOf(gone!))
    await censorRedactions({ db, events }, Date.now() - 60_000)
    assert.match(await textOf(gone!), /secret/)
    await censorRedactions({ db, events }, Date.now())
    const after = JSON.parse(await textOf(gone!))
    assert.deepEqual(after.content, {})
    assert.deepEqual(
      [after.hashes, after.signatures, after.auth_events],
      [before.hashes, before.signatures, before.auth_events],
    )
    assert.match(await textOf(kept!), /secret/)
    const left = await db.rows('select from redactions where not have_censored')
    assert.equal(left.length, 0)
  }
})

test('addresses and devices of long ago are forgotten', async (t) => {
  const db = await postgres.db(t)
  const ended: unknown[] = []
  const now = 1_000_000_000
  const jobs = jobsOf(
    {
      config: {
        duties: {} as never,
        instanceName: 'master',
        redactionRetentionPeriodMs: 'off',
        userIpsMaxAgeMs: 1_000,
        deleteStaleDevicesAfterMs: 5_000,
      },
      db,
      events: { get: async () => new Map() },
      sessions: {
        async endDevices(userId, deviceIds) {
          ended.push([userId, deviceIds])
          await db.run('delete from devices where user_id = $1 and device_id = any($2)', [userId, deviceIds])
        },
      },
      onProblem: () => undefined,
      now: () => now,
    },
    () => false,
  )
  assert.equal(jobs.length, 2)
  const ip = { userId: user('alice'), accessToken: 't', userAgent: '', deviceId: 'A' }
  await upsertUserIps(db, [
    { ...ip, ip: '10.0.0.1', lastSeenMs: now - 1_001 },
    { ...ip, ip: '10.0.0.2', lastSeenMs: now - 999 },
  ])
  for (const [device, age] of [
    ['OLD', 5_001],
    ['NEW', 4_999],
    ['UNSEEN', null],
  ] as const) {
    await insertDevice(db, user('alice'), device, null)
    if (age !== null) await db.run('update devices set last_seen = $2 where device_id = $1', [device, now - age])
  }
  for (const { run } of jobs) await run()
  assert.deepEqual(await db.rows('select ip from user_ips'), [{ ip: '10.0.0.2' }])
  assert.deepEqual(ended, [[user('alice'), ['OLD']]])
})
