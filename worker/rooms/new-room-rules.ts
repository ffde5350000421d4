import type { RoomAlias, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Actor } from './limits.ts'

/** What the directories have to say about rooms that are made. */
export interface NewRoomRules {
  /** Throws where that user may not have that alias for a room of theirs. */
  readonly checkAlias: (actor: Actor, alias: RoomAlias, roomId: RoomId) => void
  /** A room that may not be published is made all the same, and not published. */
  readonly mayPublish: (userId: UserId, roomId: RoomId, aliases: readonly RoomAlias[]) => boolean
}
