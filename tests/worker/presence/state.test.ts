import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import {
  agedDevice,
  agedRemote,
  BUSY,
  combined,
  type DeviceState,
  isNews,
  newDevice,
  nextLook,
  offline,
  presenceContent,
  type UserState,
  withActivity,
} from '../../../worker/presence/state.ts'

const times = { lastActiveGranularityMs: 60, syncOnlineTimeoutMs: 30, idleTimeoutMs: 300 }
const user = (more: Partial<UserState> = {}): UserState => ({ ...offline('@a:s' as UserId), ...more })
const device = (more: Partial<DeviceState> = {}): DeviceState => ({ ...newDevice, ...more })

test('a user is what the most present device is', () => {
  const states = (['offline', 'unavailable', 'online', BUSY] as const).map((state) => device({ state }))
  for (let count = 0; count <= states.length; count++) {
    const some = states.slice(0, count)
    assert.equal(combined(some), some.at(-1)?.state ?? 'offline')
    assert.equal(combined([...some].reverse()), some.at(-1)?.state ?? 'offline')
  }
})

test('a device becomes idle, and is gone when it does not sync; one that syncs stays', () => {
  const online = device({ state: 'online', lastActiveTs: 1_000, lastSyncTs: 1_000 })
  assert.equal(agedDevice(online, 1_030, times), online)
  assert.equal(agedDevice(online, 1_031, times), undefined)
  const syncing = { ...online, isSyncing: true }
  assert.equal(agedDevice(syncing, 1_300, times), syncing)
  assert.deepEqual(agedDevice(syncing, 1_301, times), { ...syncing, state: 'unavailable' })
  assert.equal(agedDevice({ ...online, lastActiveTs: 1_020 }, 1_050, times)?.state, 'online')
  const busy = device({ state: BUSY, lastActiveTs: 1_000 })
  assert.equal(agedDevice(busy, 1_000 + 3_600_000, times), busy)
  assert.equal(agedDevice(busy, 1_001 + 3_600_000, times), undefined)
})

test('a user of another server is gone when it says nothing', () => {
  const online = user({ state: 'online', lastFederationUpdateTs: 1_000, currentlyActive: true })
  assert.equal(agedRemote(online, 1_000 + 30 * 60_000), online)
  assert.equal(agedRemote(online, 1_001 + 30 * 60_000).state, 'offline')
})

test('what others are told', () => {
  const online = user({ state: 'online', lastActiveTs: 1_000, currentlyActive: true })
  const told = (before: UserState, more: Partial<UserState>) => isNews(before, { ...before, ...more }, times)
  assert.ok(!told(online, {}))
  assert.ok(told(online, { state: 'unavailable' }))
  assert.ok(told(online, { statusMsg: 'at tea' }))
  assert.ok(told(online, { currentlyActive: false }))
  // Who is active just now is so as long as they are.
  assert.ok(!told(online, { lastActiveTs: 9_000 }))
  const idle = user({ state: 'unavailable', lastActiveTs: 1_000 })
  assert.ok(!told(idle, { lastActiveTs: 1_060 }))
  assert.ok(told(idle, { lastActiveTs: 1_061 }))
  assert.ok(!told(idle, { lastUserSyncTs: 9_000, lastFederationUpdateTs: 9_000 }))
})

test('the next look is when the first of these things may have happened', () => {
  const devices = [device({ state: 'online', lastActiveTs: 1_000, isSyncing: true })]
  const online = withActivity(user({ state: 'online', lastActiveTs: 1_000 }), 1_010, times)
  assert.equal(nextLook(online, devices, times), 1_060)
  const inactive = withActivity(online, 1_060, times)
  assert.ok(!inactive.currentlyActive)
  assert.equal(nextLook(inactive, devices, times), 1_300)
  assert.equal(nextLook(inactive, [...devices, device({ state: 'unavailable', lastSyncTs: 1_005 })], times), 1_035)
  assert.equal(nextLook(user(), devices, times), Number.POSITIVE_INFINITY)
})

test('contents', () => {
  const at = { state: 'online', lastActiveTs: 1_000 } as const
  assert.deepEqual(presenceContent(user(), 5_000, times), { presence: 'offline' })
  assert.deepEqual(presenceContent(user({ ...at, currentlyActive: true }), 5_000, times), {
    presence: 'online',
    last_active_ago: 60,
    currently_active: true,
  })
  assert.deepEqual(presenceContent(user({ ...at, statusMsg: 'x' }), 5_000, times), {
    presence: 'online',
    last_active_ago: 4_000,
    status_msg: 'x',
    currently_active: false,
  })
  assert.deepEqual(presenceContent(user({ ...at, state: 'unavailable', statusMsg: '' }), 999, times), {
    presence: 'unavailable',
    last_active_ago: 0,
  })
})
