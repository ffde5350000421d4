/** Changes of devices of a process on a test's database. */

import { type DeviceChanges, type DeviceChangesDeps, makeDeviceChanges } from '../../worker/devices/device-changes.ts'
import type { Db } from '../../worker/storage/db.ts'
import type { OpenStreams } from '../../worker/streams/make-live-streams.ts'

/** `client`: how a writer of `device_lists` is asked; without it, where the process is none, nobody hears of a change. */
export const deviceChangesOf = (
  db: Db,
  streams: OpenStreams,
  client: DeviceChangesDeps['client'] = { call: async () => ({}) },
  more: Partial<DeviceChangesDeps> = {},
): DeviceChanges =>
  makeDeviceChanges({ db, streams, caches: streams.caches, client, now: Date.now, onProblem: fail, ...more })

const fail = (problem: string, error: unknown): never => {
  throw new Error(problem, { cause: error })
}
