/** Who is online (client-server-api, "Presence"), as the writer of the stream `presence` says. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Online } from './online.ts'
import type { PresenceReporter } from './reporter.ts'

export type PresenceState = 'online' | 'unavailable' | 'offline' | 'org.matrix.msc3026.busy'

export interface UserPresence {
  readonly userId: UserId
  readonly state: PresenceState
  /** Milliseconds since 1970; 0: never. */
  readonly lastActiveTs: number
  readonly statusMsg: string | null
  readonly currentlyActive: boolean
}

export interface Presence {
  /** Of all of them. */
  readonly of: (userIds: readonly UserId[]) => Promise<ReadonlyMap<UserId, UserPresence>>
  /** In any process: the writer is asked. */
  readonly set: (
    userId: UserId,
    deviceId: string | undefined,
    state: PresenceState,
    statusMsg: string | undefined,
  ) => Promise<void>
  /** The device syncs, from now until the function that is returned is called. `state` undefined: it is what it was. */
  readonly syncing: (userId: UserId, deviceId: string | undefined, state: PresenceState | undefined) => () => void
  /** The user did something. Nobody waits for it. */
  readonly active: (userId: UserId, deviceId: string | undefined) => void
}

export const presenceOf = (online: Pick<Online, 'of'>, reporter: PresenceReporter): Presence => ({
  of: online.of,
  set: reporter.set,
  syncing: reporter.syncing,
  active: reporter.active,
})
