import { anything, array, jsonObject, nullable, object, optional, string, type TypeOf } from '../../schema.ts'
import { clientVersions, endpoints } from '../types.ts'

/** Of what is `anything` here the handler says itself what is wrong with it. */
const body = object({
  visibility: optional(anything()),
  room_alias_name: optional(string()),
  name: optional(anything()),
  topic: optional(anything()),
  invite: optional(array(anything())),
  invite_3pid: optional(array(jsonObject())),
  room_version: optional(anything()),
  creation_content: optional(jsonObject()),
  initial_state: optional(array(object({ type: string(), state_key: optional(string()), content: jsonObject() }))),
  preset: optional(anything()),
  is_direct: optional(anything()),
  power_level_content_override: optional(nullable(jsonObject())),
})
export type CreateRoomBody = TypeOf<typeof body>

/** Matrix v1.19, client-server API: `create_room.yaml`. */
export const createRoomEndpoints = endpoints({
  createRoom: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/createRoom',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'user',
    body,
  },
  createRoomWithTxn: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/createRoom/{txnId}',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'user',
    replay: 'same',
    body,
  },
})
