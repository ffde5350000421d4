import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId, UserId } from '../../../shared/matrix/ids.ts'
import {
  deleteAccessToken,
  deleteAccessTokens,
  deleteRefreshTokens,
  insertAccessToken,
  insertRefreshToken,
  markAccessTokenUsed,
  replaceRefreshToken,
  selectAccessToken,
  selectRefreshToken,
} from '../../../worker/storage/access-tokens.ts'
import type { Db } from '../../../worker/storage/db.ts'
import {
  deleteDevices,
  insertDevice,
  selectDevice,
  selectDevices,
  updateDeviceName,
  updateLastSeen,
} from '../../../worker/storage/devices.ts'
import { insertFilter, selectFilter } from '../../../worker/storage/filters.ts'
import { isUniqueViolation } from '../../../worker/storage/postgres/errors.ts'
import {
  deleteProfileField,
  insertProfile,
  selectProfile,
  selectProfiles,
  updateAvatarUrl,
  updateDisplayName,
  updateProfileField,
} from '../../../worker/storage/profiles.ts'
import {
  insertUser,
  nextUserNumber,
  selectUser,
  selectUsers,
  selectUsersIgnoringCase,
  updateAdmin,
  updateDeactivated,
  updatePasswordHash,
} from '../../../worker/storage/users.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const [alice, bob] = ['@alice:example.com', '@bob:example.com'] as [UserId, UserId]

const addUser = (db: Db, userId: UserId) =>
  insertUser(db, { userId, passwordHash: '$2b$12$x', createdAtMs: 1_700_000_000_999 })

test('a user is made once, and is what was asked for', async (t) => {
  const db = await postgres.db(t)
  const made = await Promise.all([addUser(db, alice), addUser(db, alice), addUser(db, alice)])
  assert.equal(made.filter(Boolean).length, 1)
  assert.deepEqual(await selectUser(db, alice), {
    userId: alice,
    passwordHash: '$2b$12$x',
    createdAtSeconds: 1_700_000_000,
    isAdmin: false,
    isGuest: false,
    isDeactivated: false,
    isShadowBanned: false,
    isLocked: false,
    isSuspended: false,
    isApproved: null,
    appserviceId: null,
    userType: null,
    consentVersion: null,
  })
  await insertUser(db, {
    userId: bob,
    passwordHash: null,
    createdAtMs: 0,
    isAdmin: true,
    userType: 'bot',
    isApproved: true,
  })
  const users = await selectUsers(db, [alice, bob, '@nobody:example.com' as UserId])
  assert.deepEqual(users.map(({ userId, isAdmin, userType }) => [userId, isAdmin, userType]).sort(), [
    [alice, false, null],
    [bob, true, 'bot'],
  ])
  assert.deepEqual(
    (await selectUsersIgnoringCase(db, '@ALICE:example.com')).map(({ userId }) => userId),
    [alice],
  )
  assert.equal(await updatePasswordHash(db, alice, 'new'), true)
  assert.equal(await updateAdmin(db, alice, true), true)
  assert.equal(await updateAdmin(db, '@nobody:example.com' as UserId, true), false)
  assert.equal(await updateDeactivated(db, alice, true), true)
  const { passwordHash, isAdmin, isDeactivated } = (await selectUser(db, alice))!
  assert.deepEqual({ passwordHash, isAdmin, isDeactivated }, { passwordHash: null, isAdmin: true, isDeactivated: true })
  assert.notEqual(await nextUserNumber(db), await nextUserNumber(db))
})

test('an access token is its user, with all that a request asks about', async (t) => {
  const db = await postgres.db(t)
  await addUser(db, alice)
  await insertUser(db, { userId: bob, passwordHash: null, createdAtMs: 0, isGuest: true, isShadowBanned: true })
  const tokenId = await insertAccessToken(db, { userId: alice, deviceId: 'PHONE', token: 'syt_a', validUntilMs: 5 })
  assert.deepEqual(await selectAccessToken(db, 'syt_a'), {
    tokenId,
    userId: alice,
    ownerId: alice,
    deviceId: 'PHONE',
    validUntilMs: 5,
    isUsed: false,
    refreshTokenId: null,
    isGuest: false,
    isAdmin: false,
    isShadowBanned: false,
    isLocked: false,
    isSuspended: false,
    isDeactivated: false,
    isApproved: null,
    appserviceId: null,
  })
  assert.equal(await markAccessTokenUsed(db, tokenId), 1)
  assert.equal(await markAccessTokenUsed(db, tokenId), 0, 'once is enough')
  assert.equal((await selectAccessToken(db, 'syt_a'))?.isUsed, true)
  await insertAccessToken(db, { userId: alice, deviceId: null, token: 'syt_as_bob', puppetsUserId: bob })
  const puppet = await selectAccessToken(db, 'syt_as_bob')
  assert.deepEqual([puppet?.userId, puppet?.ownerId, puppet?.isGuest, puppet?.isShadowBanned], [bob, alice, true, true])
  assert.equal(await selectAccessToken(db, 'syt_nobody'), undefined)
  await assert.rejects(insertAccessToken(db, { userId: bob, deviceId: null, token: 'syt_a' }), (error) =>
    isUniqueViolation(error, 'access_tokens_token_key'),
  )
})

test('tokens that are issued at once, by several processes, have ids of their own', async (t) => {
  const db = await postgres.db(t, { connections: 4 })
  await addUser(db, alice)
  const issue = (n: number) => insertAccessToken(db, { userId: alice, deviceId: null, token: `syt_${n}` })
  const alone = await Promise.all(Array.from({ length: 12 }, (_, n) => issue(n)))
  assert.equal(new Set(alone).size, 12)
  const inTransactions = await Promise.all(
    Array.from({ length: 3 }, (_, n) =>
      db.transaction('repeatable read', (tx) =>
        insertAccessToken(tx, { userId: alice, deviceId: null, token: `syt_tx_${n}` }),
      ),
    ),
  )
  assert.equal(new Set([...alone, ...inTransactions]).size, 15)
})

test('logging out ends tokens, and says which', async (t) => {
  const db = await postgres.db(t)
  await addUser(db, alice)
  const issue = (token: string, deviceId: string | null) => insertAccessToken(db, { userId: alice, deviceId, token })
  const kept = await issue('kept', 'A')
  await issue('a', 'A')
  await issue('b', 'B')
  await issue('c', null)
  const ended = async (
    ...args: Parameters<typeof deleteAccessTokens> extends [unknown, ...infer Rest] ? Rest : never
  ) => (await deleteAccessTokens(db, ...args)).map(({ token }) => token).sort()
  assert.deepEqual(await ended(alice, { deviceIds: ['B'] }), ['b'])
  assert.deepEqual(await ended(alice, { exceptTokenId: kept }), ['a', 'c'])
  assert.deepEqual(await ended(bob), [])
  assert.equal((await deleteAccessToken(db, 'kept'))?.userId, alice)
  assert.equal(await deleteAccessToken(db, 'kept'), undefined)
})

test('a refresh token serves until its successor is used; the one before it ends', async (t) => {
  const db = await postgres.db(t)
  await addUser(db, alice)
  const refresh = (token: string) =>
    insertRefreshToken(db, { userId: alice, deviceId: 'A', token, expiryMs: 7, ultimateSessionExpiryMs: null })
  const pair = async (n: number) => {
    const refreshTokenId = await refresh(`syr_${n}`)
    return {
      refreshTokenId,
      tokenId: await insertAccessToken(db, { userId: alice, deviceId: 'A', token: `syt_${n}`, refreshTokenId }),
    }
  }
  const replace = (from: number, to: number) =>
    db.transaction('repeatable read', (tx) => replaceRefreshToken(tx, from, to))
  const [first, second] = [await pair(1), await pair(2)]
  assert.equal((await selectAccessToken(db, 'syt_1'))?.refreshTokenId, first.refreshTokenId)
  await replace(first.refreshTokenId, second.refreshTokenId)
  assert.deepEqual(await selectRefreshToken(db, 'syr_1'), {
    tokenId: first.refreshTokenId,
    userId: alice,
    deviceId: 'A',
    nextTokenId: second.refreshTokenId,
    isNextRefreshed: false,
    isNextAccessTokenUsed: false,
    expiryMs: 7,
    ultimateSessionExpiryMs: null,
  })
  // The answer was lost: the client refreshes again with the first.
  const third = await pair(3)
  await replace(first.refreshTokenId, third.refreshTokenId)
  assert.equal(await selectRefreshToken(db, 'syr_2'), undefined)
  assert.equal(await selectAccessToken(db, 'syt_2'), undefined)
  assert.ok(await selectAccessToken(db, 'syt_1'), 'the first pair is as it was')
  await markAccessTokenUsed(db, third.tokenId)
  assert.equal((await selectRefreshToken(db, 'syr_1'))?.isNextAccessTokenUsed, true)
  const fourth = await pair(4)
  await replace(third.refreshTokenId, fourth.refreshTokenId)
  assert.equal(await selectRefreshToken(db, 'syr_1'), undefined)
  assert.equal(await selectAccessToken(db, 'syt_1'), undefined)
  assert.equal(await deleteRefreshTokens(db, alice, ['B']), 0)
  assert.equal(await deleteRefreshTokens(db, alice, ['A']), 2)
  assert.equal(await selectAccessToken(db, 'syt_4'), undefined, 'access tokens go with their refresh tokens')
})

test('devices: new, known, taken; named, seen, removed with what is theirs', async (t) => {
  const db = await postgres.db(t)
  assert.equal(await insertDevice(db, alice, 'PHONE', 'my phone'), 'new')
  assert.equal(await insertDevice(db, alice, 'PHONE', 'another name'), 'known')
  await db.run("insert into devices (user_id, device_id, hidden) values ($1, 'master key', true)", [alice])
  assert.equal(await insertDevice(db, alice, 'master key', null), 'taken')
  await insertDevice(db, bob, 'PHONE', null)
  const seen = { userId: alice, deviceId: 'PHONE', atMs: 100, ip: '192.0.2.1', userAgent: 'curl' }
  await updateLastSeen(db, [seen, { ...seen, userId: bob, atMs: 50 }, { ...seen, deviceId: 'GONE' }])
  await updateLastSeen(db, [{ ...seen, atMs: 99, ip: 'earlier' }])
  assert.deepEqual(await selectDevice(db, alice, 'PHONE'), {
    userId: alice,
    deviceId: 'PHONE',
    displayName: 'my phone',
    lastSeenMs: 100,
    lastSeenIp: '192.0.2.1',
    lastSeenUserAgent: 'curl',
  })
  assert.equal(await updateDeviceName(db, alice, 'PHONE', 'renamed'), true)
  assert.equal(await updateDeviceName(db, alice, 'master key', 'renamed'), false)
  assert.deepEqual(
    (await selectDevices(db, [alice, bob])).map(({ userId, displayName }) => [userId, displayName]),
    [
      [alice, 'renamed'],
      [bob, null],
    ],
  )
  for (const user of [alice, bob])
    await db.run("insert into device_inbox values ($1, 'PHONE', 2, '{}', 'master')", [user])
  const remove = (ids: string[]) => db.transaction('repeatable read', (tx) => deleteDevices(tx, alice, ids))
  assert.deepEqual(await remove(['PHONE', 'master key', 'GONE']), ['PHONE'])
  assert.deepEqual(await db.rows('select user_id from device_inbox'), [{ user_id: bob }])
  assert.equal(await selectDevice(db, alice, 'PHONE'), undefined)
})

test('profiles: known by the whole user ID, changed field by field', async (t) => {
  const db = await postgres.db(t)
  await insertProfile(db, alice, 'Alice')
  await insertProfile(db, alice, 'Not again')
  await updateAvatarUrl(db, alice, 'mxc://x/y')
  await updateProfileField(db, alice, 'm.tz', '"Europe/Berlin"')
  await updateProfileField(db, alice, 'a"b', '{"n": [1, 2]}')
  await updateProfileField(db, alice, 'gone', 'null')
  await deleteProfileField(db, alice, 'gone')
  const profile = await selectProfile(db, alice)
  assert.deepEqual(
    { ...profile, fields: JSON.parse(profile!.fields!) },
    {
      userId: alice,
      displayName: 'Alice',
      avatarUrl: 'mxc://x/y',
      fields: { 'm.tz': 'Europe/Berlin', 'a"b': { n: [1, 2] } },
    },
  )
  await updateDisplayName(db, bob, 'Bob')
  await updateDisplayName(db, alice, null)
  assert.deepEqual(
    (await selectProfiles(db, [alice, bob])).map(({ userId, displayName }) => [userId, displayName]).sort(),
    [
      [alice, null],
      [bob, 'Bob'],
    ],
  )
})

test('filters are numbered by user, from 0, and equal ones are one', async (t) => {
  const db = await postgres.db(t)
  const roomFilter = JSON.stringify({ room: { rooms: ['!a:x' as RoomId], name: 'é\u0000' } })
  const ids = await Promise.all([
    ...Array.from({ length: 5 }, () => insertFilter(db, alice, roomFilter)),
    ...Array.from({ length: 5 }, (_, n) => insertFilter(db, alice, `{"limit":${n}}`)),
  ])
  assert.equal(new Set(ids.slice(0, 5)).size, 1)
  assert.deepEqual([...new Set(ids)].sort(), [0, 1, 2, 3, 4, 5])
  assert.equal(await insertFilter(db, bob, '{}'), 0)
  assert.equal(await selectFilter(db, alice, ids[0]!), roomFilter)
  assert.equal(await selectFilter(db, bob, 1), undefined)
})
