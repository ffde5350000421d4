import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from '../storage/db.ts'
import { selectUsers } from '../storage/users.ts'
import type { Memberships } from './memberships.ts'
import type { Sender } from './sender.ts'

export interface KickGuestsDeps {
  readonly db: Queries
  readonly memberships: Pick<Memberships, 'joinedLocals'>
  readonly sender: Pick<Sender, 'send'>
  /** Of one who could not be removed. */
  readonly onError: (userId: UserId, error: unknown) => void
}

/** Guests of this server leave a room that does not admit guests any more (client-server-api, "Guest Access"). */
export const makeKickGuests =
  ({ db, memberships, sender, onError }: KickGuestsDeps) =>
  async (roomId: RoomId): Promise<void> => {
    const locals = await selectUsers(db, [...(await memberships.joinedLocals(roomId))])
    const content = { membership: 'leave', kind: 'guest' }
    for (const { userId, isGuest } of locals) {
      if (!isGuest) continue
      const leave = { type: 'm.room.member', stateKey: userId, content }
      await sender.send(roomId, [leave], { userId, isGuest: true }).catch((error) => onError(userId, error))
    }
  }
