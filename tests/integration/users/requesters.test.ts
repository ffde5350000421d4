import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import { insertDevice } from '../../../worker/storage/devices.ts'
import { insertUser } from '../../../worker/storage/users.ts'
import { makeAppservices } from '../../../worker/users/appservices.ts'
import { makeGuestTokens } from '../../../worker/users/guest-tokens.ts'
import { makeRequesters } from '../../../worker/users/requesters.ts'
import { makeSessions } from '../../../worker/users/sessions.ts'
import { deviceChangesOf } from '../../harness/device-changes.ts'
import { inReverse } from '../../harness/in-reverse.ts'
import { connect, openStreams } from '../../harness/live-streams.ts'
import { makeMemoryBus } from '../../harness/memory-bus.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const alice = '@alice:hs.test' as UserId
const guestTokens = makeGuestTokens(Buffer.from('secret'), 'hs.test')
const forEver = {
  sessionMs: undefined,
  refreshableMs: 1000,
  refreshTokenMs: undefined,
  nonrefreshableMs: undefined,
}

/** Two processes of one server, each with its own memory. */
async function twoProcesses(test: Parameters<typeof postgres.db>[0]) {
  const t = inReverse(test)
  const db = await postgres.db(t)
  const bus = makeMemoryBus()
  const processes = await Promise.all(
    ['master', 'worker1'].map(async (instance) => {
      const streams = await openStreams(t, db, { instance })
      const requesters = makeRequesters({ db, caches: streams.caches, guestTokens, appservices: makeAppservices([]) })
      const sessions = makeSessions({
        db,
        caches: streams.caches,
        devices: deviceChangesOf(db, streams),
        guestTokens,
        lifetimes: forEver,
      })
      return { streams, requesters, sessions }
    }),
  )
  for (const { streams } of processes) await connect(t, streams, bus)
  await insertUser(db, { userId: alice, passwordHash: null, createdAtMs: 0 })
  const [main, worker] = processes
  return { db, main: main!, worker: worker! }
}

test('a known token is answered at once, and its end is known to all processes', async (t) => {
  const { main, worker } = await twoProcesses(t)
  const session = { userId: alice, deviceId: undefined, displayName: undefined, wantsRefreshToken: false }
  const { accessToken, deviceId } = await main.sessions.begin(session)
  for (const { requesters } of [main, worker]) {
    const first = await requesters.byAccessToken(accessToken)
    assert.equal(first?.userId, alice)
    assert.equal(first?.deviceId, deviceId)
    assert.equal(requesters.byAccessToken(accessToken), first)
  }
  await main.sessions.endDevices(alice, [deviceId])
  assert.equal(await main.requesters.byAccessToken(accessToken), undefined)
  await until(async () => (await worker.requesters.byAccessToken(accessToken)) === undefined)
})

test('a token that ends while it is read is not kept', async (t) => {
  const { main } = await twoProcesses(t)
  for (let round = 0; round < 20; round++) {
    const { accessToken, deviceId } = await main.sessions.begin({
      userId: alice,
      deviceId: undefined,
      displayName: undefined,
      wantsRefreshToken: false,
    })
    const [, ended] = [main.requesters.byAccessToken(accessToken), main.sessions.endDevices(alice, [deviceId])]
    await ended
    assert.equal(await main.requesters.byAccessToken(accessToken), undefined)
  }
})

test('what changes about a user is known', async (t) => {
  const { db, main } = await twoProcesses(t)
  const { accessToken } = await main.sessions.begin({
    userId: alice,
    deviceId: 'PHONE',
    displayName: undefined,
    wantsRefreshToken: false,
  })
  assert.equal((await main.requesters.byAccessToken(accessToken))?.isLocked, false)
  await main.streams.caches.transaction('lock', async (tx, stale) => {
    await tx.run('update users set locked = true where name = $1', [alice])
    stale('get_user_locked_status', [alice])
  })
  assert.equal((await main.requesters.byAccessToken(accessToken))?.isLocked, true)
  await db.run('delete from access_tokens')
  assert.equal((await main.requesters.byAccessToken(accessToken))?.isLocked, true)
})

test('a guest’s token is nobody’s when the guest is not there, or no guest any more', async (t) => {
  const { db, main } = await twoProcesses(t)
  const guest = '@7:hs.test' as UserId
  const token = guestTokens.make(guest)
  assert.equal(await main.requesters.byAccessToken(token), undefined)
  await insertUser(db, { userId: guest, passwordHash: null, createdAtMs: 0, isGuest: true })
  await insertDevice(db, guest, 'guest_device', null)
  assert.equal((await main.requesters.byAccessToken(token))?.isGuest, true)
  await main.streams.caches.transaction('upgrade', async (tx, stale) => {
    await tx.run('update users set is_guest = 0 where name = $1', [guest])
    stale('get_user_by_id', [guest])
  })
  assert.equal(await main.requesters.byAccessToken(token), undefined)
})

test('a device that is logged in again ends what it had; sessions end when their time is over', async (t) => {
  const { db, main } = await twoProcesses(t)
  const phone = { userId: alice, deviceId: 'PHONE', displayName: 'phone', wantsRefreshToken: true }
  const first = await main.sessions.begin(phone)
  await main.requesters.byAccessToken(first.accessToken)
  const second = await main.sessions.begin(phone)
  assert.equal(await main.requesters.byAccessToken(first.accessToken), undefined)
  assert.equal((await main.requesters.byAccessToken(second.accessToken))?.deviceId, 'PHONE')
  await assert.rejects(main.sessions.refresh(first.refreshToken!), { errcode: 'M_UNKNOWN_TOKEN' })

  let now = 1_000_000
  const lifetimes = { sessionMs: 10_000, refreshableMs: 4_000, refreshTokenMs: 60_000, nonrefreshableMs: 60_000 }
  const limited = makeSessions({
    db,
    caches: main.streams.caches,
    devices: deviceChangesOf(db, main.streams),
    guestTokens,
    lifetimes,
    now: () => now,
  })
  assert.equal((await limited.begin({ ...phone, wantsRefreshToken: false })).expiresInMs, 10_000)
  const begun = await limited.begin(phone)
  assert.equal(begun.expiresInMs, 4_000)
  now += 8_000
  const refreshed = await limited.refresh(begun.refreshToken!)
  assert.equal(refreshed.expiresInMs, 2_000)
  now += 3_000
  await assert.rejects(limited.refresh(refreshed.refreshToken), { errcode: 'M_FORBIDDEN' })
})
