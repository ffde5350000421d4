import { array, boolean, integer, nullable, object, optional, record, string } from '../../schema.ts'
import { clientVersions, endpoints } from '../types.ts'

const maybe = <T>(of: Parameters<typeof nullable<T>>[0]) => optional(nullable<T>(of))

const room = {
  required_state: array(array(string(), { maxItems: 2 })),
  timeline_limit: integer(),
}
const list = object({
  ...room,
  ranges: maybe(array(array(integer(), { maxItems: 2 }), { maxItems: 100 })),
  slow_get_all_rooms: maybe(boolean()),
  filters: maybe(
    object({
      is_dm: maybe(boolean()),
      spaces: maybe(array(string())),
      is_encrypted: maybe(boolean()),
      is_invite: maybe(boolean()),
      room_types: maybe(array(nullable(string()))),
      not_room_types: maybe(array(nullable(string()))),
      room_name_like: maybe(string()),
      tags: maybe(array(string())),
      not_tags: maybe(array(string())),
    }),
  ),
})
const extension = { enabled: maybe(boolean()) }
const ofRooms = maybe(object({ ...extension, lists: maybe(array(string())), rooms: maybe(array(string())) }))

/** Simplified sliding sync, MSC4186, and what is left of MSC3575 before it. */
export const simplifiedSlidingSyncEndpoints = endpoints({
  // MSC4186. Not in Synapse's documentation of workers, which serve it all the same.
  simplifiedSlidingSync: {
    method: 'POST',
    under: clientVersions('unstable/org.matrix.simplified_msc3575'),
    path: '/sync',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'sliding_sync',
    sticky: 'user',
    since: [1, 111],
    body: object({
      conn_id: maybe(string()),
      lists: maybe(record(list)),
      room_subscriptions: maybe(record(object(room))),
      extensions: maybe(
        object({
          to_device: maybe(object({ ...extension, limit: optional(integer()), since: maybe(string()) })),
          e2ee: maybe(object(extension)),
          account_data: ofRooms,
          receipts: ofRooms,
          typing: ofRooms,
          'io.element.msc4308.thread_subscriptions': maybe(object({ ...extension, limit: optional(integer()) })),
        }),
      ),
    }),
  },
  slidingSyncE2ee: {
    method: 'GET',
    under: clientVersions('unstable/org.matrix.msc3575'),
    path: '/sync/e2ee',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'sliding_sync',
    sticky: 'user',
    since: [1, 111],
    until: [1, 136],
  },
})
