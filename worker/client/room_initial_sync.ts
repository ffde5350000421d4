import type { roomInitialSyncEndpoints } from '../../shared/endpoints/client/room_initial_sync.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { jsonText } from '../http/reply.ts'
import { arrayText, jsonTextOf, objectText } from '../json-text.ts'
import { isRoomBlocked } from '../storage/blocked-rooms.ts'
import { printStreamToken, type RoomToken, START } from '../streams/tokens.ts'
import { messagesText, type Standing } from '../sync/snapshots.ts'
import { readerOf } from './event-answers.ts'
import { type OldSyncDeps, oldPage } from './old_sync.ts'

export type RoomInitialSyncDeps = Pick<OldSyncDeps, 'db' | 'streams' | 'checkAccess' | 'snapshots' | 'presenceEvents'>

/** Deprecated since r0.0.0, and served: client-server-api, "GET /rooms/{roomId}/initialSync". */
export const roomInitialSyncHandlers = ({
  db,
  streams,
  checkAccess,
  snapshots,
  presenceEvents,
}: RoomInitialSyncDeps): Handlers<typeof roomInitialSyncEndpoints> => ({
  async roomInitialSync({ params, query, requester }) {
    const roomId = params.roomId as RoomId
    const { userId } = requester
    const { limit } = await oldPage(streams, query)
    if (await isRoomBlocked(db, roomId))
      throw new MatrixError('M_FORBIDDEN', 'This room has been blocked on this server')
    const access = await checkAccess(userId, roomId)
    const standing: Standing = { roomId, ...access }
    const now = streams.now()
    const snapshot = (await snapshots.ofRooms(readerOf(requester), [standing], now, { limit, format: 'client' })).get(
      roomId,
    )
    if (snapshot === undefined) throw new MatrixError('M_NOT_FOUND', 'The room is not known')
    const hasLeft = access.as === 'former member'
    const [presence, receipts, accountData] = await Promise.all([
      hasLeft ? [] : presenceEvents.of(snapshot.joined),
      hasLeft ? [] : snapshots.receipts(userId, [roomId], now),
      snapshots.accountData(userId),
    ])
    const token = (room: RoomToken): string => printStreamToken({ ...(hasLeft ? START : now), room }, streams.instances)
    return jsonText(
      objectText({
        room_id: jsonTextOf(roomId),
        membership: access.as === 'onlooker' ? undefined : jsonTextOf(hasLeft ? 'leave' : 'join'),
        messages: messagesText(snapshot.messages, token(snapshot.start), token(snapshot.end)),
        state: arrayText(snapshot.state),
        presence: arrayText(presence),
        receipts: arrayText(receipts),
        account_data: arrayText(accountData.byRoom.get(roomId) ?? []),
      }),
    )
  },
})
