/** Other ways to read than by `/sync` and `/messages`: by time, what notified, and as clients of old do. */

import { notificationsEndpoints } from '../../shared/endpoints/client/notifications.ts'
import { oldSyncEndpoints } from '../../shared/endpoints/client/old_sync.ts'
import { roomEventByTimestampEndpoints } from '../../shared/endpoints/client/room_event_by_timestamp.ts'
import { roomInitialSyncEndpoints } from '../../shared/endpoints/client/room_initial_sync.ts'
import { type NotificationsDeps, notificationsHandlers } from '../client/notifications.ts'
import { type OldSyncDeps, oldSyncHandlers } from '../client/old_sync.ts'
import { type RoomEventByTimestampDeps, roomEventByTimestampHandlers } from '../client/room_event_by_timestamp.ts'
import { roomInitialSyncHandlers } from '../client/room_initial_sync.ts'
import { type Operation, operations } from '../http/handlers.ts'

export type OtherReadsDeps = NotificationsDeps & RoomEventByTimestampDeps & OldSyncDeps

/** `peekEvents` is `getEvents` with a room: one path, and one handler. */
export function otherReadOperations(deps: OtherReadsDeps): Operation[] {
  return [
    ...operations('client/room_event_by_timestamp', roomEventByTimestampEndpoints, roomEventByTimestampHandlers(deps)),
    ...operations('client/notifications', notificationsEndpoints, notificationsHandlers(deps)),
    ...operations('client/old_sync', oldSyncEndpoints, oldSyncHandlers(deps)),
    ...operations('client/room_initial_sync', roomInitialSyncEndpoints, roomInitialSyncHandlers(deps)),
  ]
}
