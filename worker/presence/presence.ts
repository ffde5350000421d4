/** Who is online (client-server-api, "Presence"), as the writer of the stream `presence` says. */

import type { UserId } from '../../shared/matrix/ids.ts'

export type PresenceState = 'online' | 'unavailable' | 'offline' | 'busy'

export interface UserPresence {
  readonly userId: UserId
  readonly state: PresenceState
  /** Milliseconds since 1970; 0: never. */
  readonly lastActiveTs: number
  readonly statusMsg: string | undefined
  readonly currentlyActive: boolean
}

export interface Presence {
  readonly of: (userIds: readonly UserId[]) => Promise<ReadonlyMap<UserId, UserPresence>>
  /** In any process: the writer is asked. */
  readonly set: (
    userId: UserId,
    deviceId: string | undefined,
    state: PresenceState,
    statusMsg: string | undefined,
  ) => Promise<void>
  /** The device syncs, from now until the function that is returned is called. */
  readonly syncing: (userId: UserId, deviceId: string | undefined, state: PresenceState) => () => void
}
