/** Whose devices changed, and who is to be told (client-server-api, "Tracking the device list for a user"). */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { StreamToken } from '../streams/tokens.ts'

export interface DeviceLists {
  /** Devices of one of our users are new, gone, renamed or have other keys; in any process: a writer of `device_lists` is asked. */
  readonly changed: (userId: UserId, deviceIds: readonly string[]) => Promise<void>
  /**
   * What `/sync` and `/keys/changes` say: `changed` are users who share a room with this one, and have other devices or came to share a
   * room with them between the tokens; `left` share none any more.
   */
  readonly between: (
    userId: UserId,
    from: StreamToken,
    to: StreamToken,
  ) => Promise<{ readonly changed: readonly UserId[]; readonly left: readonly UserId[] }>
}
