/** Who types where: in the memory of one process, which tells all others. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'

export interface Typing {
  /** In the order of their beginning, as this process has heard. */
  readonly inRoom: (roomId: RoomId) => readonly UserId[]
  /** The position of the stream `typing` at which {@link inRoom} changed last; 0: not since this process started. */
  readonly changedAt: (roomId: RoomId) => number
}
