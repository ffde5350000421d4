import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { forgetRoom } from '../storage/memberships.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import type { Memberships } from './memberships.ts'

export interface ForgetDeps {
  readonly memberships: Pick<Memberships, 'ofNow'>
  readonly caches: Pick<CacheInvalidation, 'transaction'>
}

/**
 * The user does not want to hear of a room any longer. Throws M_UNKNOWN (400) for who is in it, invited, or knocking. A room
 * that the user never was in is forgotten already.
 */
export async function forget({ memberships, caches }: ForgetDeps, userId: UserId, roomId: RoomId): Promise<void> {
  const current = await memberships.ofNow(userId, roomId)
  if (current === undefined || current.isForgotten) return
  if (current.membership !== 'leave' && current.membership !== 'ban')
    throw new MatrixError('M_UNKNOWN', `User ${userId} in room ${roomId}`, {}, 400)
  await caches.transaction('forgetRoom', async (tx, stale) => {
    await forgetRoom(tx, userId, roomId)
    // Synapse's names.
    stale('did_forget', [userId, roomId])
    stale('get_forgotten_rooms_for_user', [userId])
  })
}
