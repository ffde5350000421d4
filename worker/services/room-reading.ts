/** What clients read of rooms, put together. */

import { eventContextEndpoints } from '../../shared/endpoints/client/event_context.ts'
import { listJoinedRoomsEndpoints } from '../../shared/endpoints/client/list_joined_rooms.ts'
import { messagePaginationEndpoints } from '../../shared/endpoints/client/message_pagination.ts'
import { roomsEndpoints } from '../../shared/endpoints/client/rooms.ts'
import { type EventContextDeps, eventContextHandlers } from '../client/event_context.ts'
import { type ListJoinedRoomsDeps, listJoinedRoomsHandlers } from '../client/list_joined_rooms.ts'
import { type MessagePaginationDeps, messagePaginationHandlers } from '../client/message_pagination.ts'
import { type RoomsDeps, roomsHandlers } from '../client/rooms.ts'
import { type Operation, operations } from '../http/handlers.ts'
import { beforeRefusing, type Memberships } from '../rooms/memberships.ts'

export type RoomReadingDeps = RoomsDeps &
  MessagePaginationDeps &
  EventContextDeps &
  ListJoinedRoomsDeps & {
    readonly memberships: Pick<Memberships, 'of' | 'ofNow'>
  }

export const roomReadingOperations = (deps: RoomReadingDeps): Operation[] => [
  ...operations(
    'client/rooms',
    roomsEndpoints,
    roomsHandlers({ ...deps, memberships: beforeRefusing(deps.memberships) }),
  ),
  ...operations('client/message_pagination', messagePaginationEndpoints, messagePaginationHandlers(deps)),
  ...operations(
    'client/event_context',
    eventContextEndpoints,
    eventContextHandlers({ ...deps, memberships: beforeRefusing(deps.memberships) }),
  ),
  ...operations('client/list_joined_rooms', listJoinedRoomsEndpoints, listJoinedRoomsHandlers(deps)),
]
