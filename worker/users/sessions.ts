/** Log-ins: a device with its tokens, from the beginning to the end. */

import { isLongerThan } from '../../shared/code-points.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { DeviceChanges, Stale } from '../devices/device-changes.ts'
import {
  type DeletedToken,
  deleteAccessToken,
  deleteAccessTokens,
  deleteRefreshTokens,
  insertAccessToken,
  insertRefreshToken,
  replaceRefreshToken,
  selectRefreshToken,
} from '../storage/access-tokens.ts'
import type { Queries } from '../storage/db.ts'
import { deleteDevices, insertDevice, lockDevice, selectDevices } from '../storage/devices.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import { GUEST_DEVICE_ID, type GuestTokens } from './guest-tokens.ts'
import { isRefreshTokenForm, makeAccessToken, makeDeviceId, makeRefreshToken } from './session-tokens.ts'

/** How long tokens last, in ms; undefined: for ever. */
export interface Lifetimes {
  /** `session_lifetime`: of a log-in, refreshed or not. */
  readonly sessionMs: number | undefined
  /** `refreshable_access_token_lifetime`; null: there are no refresh tokens. */
  readonly refreshableMs: number | null
  /** `refresh_token_lifetime` */
  readonly refreshTokenMs: number | undefined
  /** `nonrefreshable_access_token_lifetime` */
  readonly nonrefreshableMs: number | undefined
}

export interface SessionRequest {
  readonly userId: UserId
  /** Undefined: a new device. One that is there is logged in anew: its earlier tokens end. */
  readonly deviceId: string | undefined
  /** Of a new device. */
  readonly displayName: string | undefined
  readonly wantsRefreshToken: boolean
}

export interface BegunSession {
  readonly deviceId: string
  readonly accessToken: string
  readonly refreshToken?: string
  readonly expiresInMs?: number
}

export interface RefreshedSession {
  readonly accessToken: string
  readonly refreshToken: string
  readonly expiresInMs?: number
}

export interface Sessions {
  /** Throws M_INVALID_PARAM, M_TOO_LARGE for what cannot be a device. */
  readonly begin: (request: SessionRequest) => Promise<BegunSession>
  readonly beginGuest: (userId: UserId, displayName: string | undefined) => Promise<BegunSession>
  /**
   * New tokens for a refresh token. It can be used again until one of those that it gave was used, as the answer may not
   * arrive. Throws M_UNKNOWN_TOKEN, M_FORBIDDEN.
   */
  readonly refresh: (refreshToken: string) => Promise<RefreshedSession>
  /** Ends devices: with their tokens, and what is kept for them alone. Those that are not there do no harm. */
  readonly endDevices: (userId: UserId, deviceIds: readonly string[]) => Promise<void>
  /** Ends all devices, and tokens that have none; but for the session `except`. */
  readonly endAll: (userId: UserId, except?: SessionKept) => Promise<void>
  /** A token without a device. */
  readonly endToken: (token: string) => Promise<void>
}

export interface SessionKept {
  readonly deviceId?: string | undefined
  readonly accessTokenId?: number | undefined
}

export interface SessionsDeps {
  readonly db: Queries
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  /** Who shares rooms with the user is told of new devices, and of those that are gone. */
  readonly devices: Pick<DeviceChanges, 'change' | 'changed'>
  readonly guestTokens: GuestTokens
  readonly lifetimes: Lifetimes
  /** Whether others are told that the user has a new device (`dont_notify_new_devices_for`). */
  readonly tellsNewDevices?: (userId: UserId) => boolean
  /** Devices are gone, and what others keep for them has to go. */
  readonly onDevicesEnded?: (userId: UserId, deviceIds: readonly string[]) => Promise<void>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

type Work = (tx: Queries, tell: Stale) => Promise<void>

const MAX_DEVICE_ID_LENGTH = 512
const MAX_DEVICE_NAME_LENGTH = 100
/** A device that was given and is deleted at the same moment, or an ID that is taken: not again and again. */
const ATTEMPTS = 5

export function makeSessions({
  db,
  caches,
  devices,
  guestTokens,
  lifetimes,
  tellsNewDevices = () => true,
  onDevicesEnded = async () => {},
  now = Date.now,
}: SessionsDeps): Sessions {
  const stale = (tell: Stale, tokens: readonly DeletedToken[]): void => {
    for (const { token } of tokens) tell('get_user_by_access_token', [token])
  }

  async function endDevicesIn(tx: Queries, tell: Stale, userId: UserId, deviceIds: readonly string[]): Promise<void> {
    const [ended, , removed] = await Promise.all([
      deleteAccessTokens(tx, userId, { deviceIds }),
      deleteRefreshTokens(tx, userId, deviceIds),
      deleteDevices(tx, userId, deviceIds),
    ])
    stale(tell, ended)
    for (const deviceId of removed) tell('get_device', [userId, deviceId])
    tell('count_e2e_one_time_keys', [userId])
    tell('get_e2e_unused_fallback_key_types', [userId])
  }

  /** All that were named are told of: who asks again may do so because the first time it was not told. */
  const endDevicesOf = async (description: string, userId: UserId, deviceIds: readonly string[], also?: Work) => {
    await devices.change(description, userId, deviceIds.length, async (tx, tell) => {
      await endDevicesIn(tx, tell, userId, deviceIds)
      await also?.(tx, tell)
      return { result: undefined, deviceIds }
    })
    await onDevicesEnded(userId, deviceIds)
  }

  /** When it returns, nobody else removes the device before the transaction ends. */
  async function placeDevice(
    tx: Queries,
    tell: Stale,
    {
      userId,
      deviceId: wanted,
      displayName = null,
    }: Pick<SessionRequest, 'userId' | 'deviceId'> & { displayName?: string | null },
  ): Promise<{ readonly deviceId: string; readonly isNew: boolean }> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const deviceId = wanted ?? makeDeviceId()
      const found = await insertDevice(tx, userId, deviceId, displayName)
      if (found === 'new') {
        tell('get_device', [userId, deviceId])
        return { deviceId, isNew: true }
      }
      if (wanted === undefined) continue
      if (found === 'taken') throw new MatrixError('M_FORBIDDEN', 'The device ID is in use', {}, 400)
      if (!(await lockDevice(tx, userId, deviceId))) continue
      const [ended] = await Promise.all([
        deleteAccessTokens(tx, userId, { deviceIds: [deviceId] }),
        deleteRefreshTokens(tx, userId, [deviceId]),
      ])
      stale(tell, ended)
      return { deviceId, isNew: false }
    }
    throw new Error(`no device ID in ${ATTEMPTS} attempts`)
  }

  /** The first of these moments. */
  const earliest = (...moments: readonly (number | undefined)[]): number | undefined => {
    const given = moments.filter((moment) => moment !== undefined)
    return given.length === 0 ? undefined : Math.min(...given)
  }
  const after = (ms: number | undefined | null, nowMs: number) =>
    ms === undefined || ms === null ? undefined : nowMs + ms

  return {
    async begin({ userId, deviceId, displayName, wantsRefreshToken }) {
      checkDevice(deviceId, displayName)
      const nowMs = now()
      const sessionEnd = after(lifetimes.sessionMs, nowMs)
      const isRefreshable = wantsRefreshToken && lifetimes.refreshableMs !== null
      const validUntilMs = earliest(
        sessionEnd,
        after(isRefreshable ? lifetimes.refreshableMs : lifetimes.nonrefreshableMs, nowMs),
      )
      return await devices.change(
        'begin session',
        userId,
        1,
        async (tx, tell) => {
          const { deviceId: placed, isNew } = await placeDevice(tx, tell, {
            userId,
            deviceId,
            displayName: displayName ?? null,
          })
          const told = isNew && tellsNewDevices(userId) ? [placed] : []
          const accessToken = makeAccessToken(userId)
          const session = {
            deviceId: placed,
            accessToken,
            ...(validUntilMs !== undefined && { expiresInMs: validUntilMs - nowMs }),
          }
          const row = { userId, deviceId: placed, token: accessToken, validUntilMs: validUntilMs ?? null }
          if (!isRefreshable) {
            await insertAccessToken(tx, row)
            return { result: session, deviceIds: told }
          }
          const refreshToken = makeRefreshToken(userId)
          const refreshTokenId = await insertRefreshToken(tx, {
            userId,
            deviceId: placed,
            token: refreshToken,
            expiryMs: earliest(sessionEnd, after(lifetimes.refreshTokenMs, nowMs)) ?? null,
            ultimateSessionExpiryMs: sessionEnd ?? null,
          })
          await insertAccessToken(tx, { ...row, refreshTokenId })
          return { result: { ...session, refreshToken }, deviceIds: told }
        },
        { isSmall: true },
      )
    },

    async beginGuest(userId, displayName) {
      checkDevice(undefined, displayName)
      await devices.change(
        'begin guest session',
        userId,
        1,
        async (tx) => {
          const found = await insertDevice(tx, userId, GUEST_DEVICE_ID, displayName ?? null)
          return { result: undefined, deviceIds: found === 'new' && tellsNewDevices(userId) ? [GUEST_DEVICE_ID] : [] }
        },
        { isSmall: true },
      )
      return { deviceId: GUEST_DEVICE_ID, accessToken: guestTokens.make(userId) }
    },

    async refresh(refreshToken) {
      if (!isRefreshTokenForm(refreshToken)) throw new MatrixError('M_UNKNOWN_TOKEN', 'invalid refresh token')
      const nowMs = now()
      return await caches.transaction('refresh session', async (tx, tell) => {
        const known = await selectRefreshToken(tx, refreshToken)
        if (known === undefined) throw new MatrixError('M_UNKNOWN_TOKEN', 'refresh token does not exist')
        if (known.isNextRefreshed || known.isNextAccessTokenUsed)
          throw new MatrixError('M_FORBIDDEN', "refresh token isn't valid anymore")
        if (known.expiryMs !== null && known.expiryMs < nowMs)
          throw new MatrixError('M_FORBIDDEN', 'The supplied refresh token has expired')
        const { userId, deviceId } = known
        const sessionEnd = known.ultimateSessionExpiryMs ?? undefined
        if (sessionEnd !== undefined && sessionEnd < nowMs)
          throw new MatrixError('M_FORBIDDEN', 'The session has expired and can no longer be refreshed')

        const validUntilMs = earliest(sessionEnd, after(lifetimes.refreshableMs, nowMs))
        const next = { accessToken: makeAccessToken(userId), refreshToken: makeRefreshToken(userId) }
        const nextId = await insertRefreshToken(tx, {
          userId,
          deviceId,
          token: next.refreshToken,
          expiryMs: earliest(sessionEnd, after(lifetimes.refreshTokenMs, nowMs)) ?? null,
          ultimateSessionExpiryMs: known.ultimateSessionExpiryMs,
        })
        await insertAccessToken(tx, {
          userId,
          deviceId,
          token: next.accessToken,
          validUntilMs: validUntilMs ?? null,
          refreshTokenId: nextId,
        })
        stale(tell, await replaceRefreshToken(tx, known.tokenId, nextId))
        return { ...next, ...(validUntilMs !== undefined && { expiresInMs: validUntilMs - nowMs }) }
      })
    },

    async endDevices(userId, deviceIds) {
      const named = [...new Set(deviceIds)]
      if (named.length > 0) await endDevicesOf('end devices', userId, named)
    },

    async endAll(userId, { deviceId: keptDevice, accessTokenId: exceptTokenId } = {}) {
      const known = await selectDevices(db, [userId])
      const ids = known.map(({ deviceId }) => deviceId).filter((deviceId) => deviceId !== keptDevice)
      const endTokens: Work = async (tx, tell) => {
        const [ended] = await Promise.all([
          deleteAccessTokens(tx, userId, exceptTokenId === undefined ? {} : { exceptTokenId }),
          keptDevice === undefined && deleteRefreshTokens(tx, userId),
        ])
        stale(tell, ended)
      }
      if (ids.length > 0) await endDevicesOf('end all sessions', userId, ids, endTokens)
      else await caches.transaction('end all sessions', endTokens)
    },

    async endToken(token) {
      await caches.transaction('end token', async (tx, tell) => {
        const ended = await deleteAccessToken(tx, token)
        if (ended !== undefined) stale(tell, [ended])
      })
    },
  }
}

function checkDevice(deviceId: string | undefined, displayName: string | undefined): void {
  if (deviceId !== undefined && deviceId.length > MAX_DEVICE_ID_LENGTH)
    throw new MatrixError('M_INVALID_PARAM', `device_id cannot be longer than ${MAX_DEVICE_ID_LENGTH} characters.`)
  checkDeviceName(displayName)
}

/** Throws for a name that is too long for a device. */
export function checkDeviceName(name: string | undefined | null): void {
  if (name !== undefined && name !== null && isLongerThan(name, MAX_DEVICE_NAME_LENGTH))
    throw new MatrixError('M_TOO_LARGE', `Device display name is too long (max ${MAX_DEVICE_NAME_LENGTH})`, {}, 400)
}
