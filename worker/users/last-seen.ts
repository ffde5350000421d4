/**
 * When and from where users were last seen (`user_ips`, `devices.last_seen`): told to one process, which writes it for many at
 * once.
 */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { UserIp } from '../replication/commands.ts'
import type { Db } from '../storage/db.ts'
import { type Seen, updateLastSeen } from '../storage/devices.ts'
import { type UserIpRow, upsertUserIps } from '../storage/user-ips.ts'

export interface LastSeen {
  /** Of a request. Nothing more than a look into a map, if the same was told in the last two minutes. */
  readonly seen: (
    userId: UserId,
    deviceId: string | undefined,
    from: { readonly token: string; readonly ip: string; readonly userAgent: string },
  ) => void
  /** What another process saw: only where it is written. */
  readonly heard: (command: UserIp) => void
  /** Writes what is there, and stops. */
  readonly close: () => Promise<void>
}

export interface LastSeenDeps {
  /** Undefined: this process does not write it, but tells the one that does. */
  readonly db: Db | undefined
  readonly tell: (command: UserIp) => void
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
  readonly everyMs?: number
}

/** Synapse's. */
const GRANULARITY_MS = 120_000
const EVERY_MS = 5_000
const MAX_KEPT = 50_000
/** If nothing can be written for long: last-seen times are not worth more memory. */
const MAX_PENDING = 100_000

export function makeLastSeen(deps: LastSeenDeps): LastSeen {
  const { db, tell, onProblem, now = Date.now, everyMs = EVERY_MS } = deps
  /** By token and address, in the order of their times. */
  const told = new Map<string, number>()
  let pending = new Map<string, UserIpRow>()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  let isClosed = false

  function add(row: UserIpRow): void {
    if (isClosed || pending.size >= MAX_PENDING) return
    pending.set(`${row.accessToken} ${row.ip} ${row.userId}`, row)
    timer ??= setTimeout(write, everyMs).unref()
  }

  function write(): void {
    timer = undefined
    const rows = [...pending.values()]
    pending = new Map()
    if (rows.length > 0 && db !== undefined)
      writing = writing
        .then(() => writeRows(db, rows))
        .catch((error: unknown) => onProblem('last-seen times were not written', error))
  }

  return {
    seen(userId, deviceId, { token, ip, userAgent }) {
      const key = `${token} ${ip}`
      const last = told.get(key)
      const nowMs = now()
      if (last !== undefined && nowMs - last < GRANULARITY_MS) return
      told.delete(key)
      told.set(key, nowMs)
      if (told.size > MAX_KEPT) told.delete(told.keys().next().value!)
      const row = { userId, accessToken: token, ip, userAgent, deviceId: deviceId ?? null, lastSeenMs: nowMs }
      if (db === undefined) tell({ name: 'USER_IP', ...row })
      else add(row)
    },
    heard({ name: _, ...row }) {
      if (db !== undefined) add({ ...row, userId: row.userId as UserId })
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      write()
      await writing
    },
  }
}

async function writeRows(db: Db, rows: readonly UserIpRow[]): Promise<void> {
  const latest = new Map<string, Seen>()
  for (const { userId, deviceId, lastSeenMs: atMs, ip, userAgent } of rows) {
    if (deviceId === null) continue
    const key = `${userId} ${deviceId}`
    if ((latest.get(key)?.atMs ?? 0) < atMs) latest.set(key, { userId, deviceId, atMs, ip, userAgent })
  }
  await Promise.all([upsertUserIps(db, rows), latest.size > 0 && updateLastSeen(db, [...latest.values()])])
}
