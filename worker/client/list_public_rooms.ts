import type { listPublicRoomsEndpoints } from '../../shared/endpoints/client/list_public_rooms.ts'
import { isServerName } from '../../shared/matrix/ids/server-name.ts'
import type { RoomId, ServerName } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { RoomList, RoomListRequest } from '../directory/room-list.ts'
import type { Handlers } from '../http/handlers.ts'
import { type Query, queryInteger, queryString } from '../http/query.ts'
import type { Requester } from '../http/requester.ts'
import type { Network } from '../storage/public-rooms.ts'

export interface ListPublicRoomsDeps {
  readonly serverName: ServerName
  readonly list: RoomList
  /** `enable_room_list_search` */
  readonly isEnabled: boolean
  /** `allow_public_rooms_without_auth` */
  readonly allowsAnybody: boolean
}

/** Client-server-api, "Published room directory". */
export function listPublicRoomsHandlers(deps: ListPublicRoomsDeps): Handlers<typeof listPublicRoomsEndpoints> {
  const { serverName, list, isEnabled, allowsAnybody } = deps

  /** Of this server, or of the one that `?server=` names. */
  async function page(server: string | undefined, request: RoomListRequest): Promise<JsonObject> {
    if (server === undefined || server === '' || server === serverName) return list.page(request)
    if (!isServerName(server)) throw new MatrixError('M_INVALID_PARAM', `Invalid server name: ${server}`, {}, 400)
    if (!isEnabled) return list.page(request)
    // Other servers are not asked yet; this is what is said where one does not answer.
    throw new MatrixError('M_UNKNOWN', 'Failed to fetch room list', {}, 502)
  }

  function mayAsk(requester: Requester | undefined, query: Query): void {
    if (requester !== undefined) return
    // Somebody else's list is not fetched for everybody.
    if (!allowsAnybody || queryString(query, 'server')) throw new MatrixError('M_MISSING_TOKEN', 'Missing access token')
  }

  return {
    async getRoomVisibilityOnDirectory({ params }) {
      if (params.roomId.includes('\0')) throw new MatrixError('M_NOT_FOUND', 'Unknown room')
      return { visibility: (await list.isPublished(params.roomId as RoomId)) ? 'public' : 'private' }
    },

    async setRoomVisibilityOnDirectory({ params, requester, body }) {
      if (params.roomId.includes('\0')) throw new MatrixError('M_UNKNOWN', 'Unknown room', {}, 400)
      await list.publish(requester.userId, params.roomId as RoomId, body.visibility !== 'private')
      return {}
    },

    async getPublicRooms({ requester, query }) {
      mayAsk(requester, query)
      // 0 is no limit, here and there.
      const limit = queryInteger(query, 'limit') || undefined
      return page(queryString(query, 'server'), { limit, since: queryString(query, 'since'), network: 'own' })
    },

    async queryPublicRooms({ body, query }) {
      const { filter, limit, since, include_all_networks: all, third_party_instance_id: instance } = body
      if (all && instance)
        throw new MatrixError('M_UNKNOWN', "Can't use include_all_networks with an explicit network", {}, 400)
      const types = filter?.room_types
      return page(queryString(query, 'server'), {
        limit: limit || undefined,
        since: since ?? undefined,
        searchTerm: storable(filter?.generic_search_term) || undefined,
        roomTypes: types && types.length > 0 ? types.map((type) => storable(type)) : undefined,
        network: all ? 'all' : networkOf(instance ?? undefined),
      })
    },
  }
}

/** Postgres has no NUL in text, and no room is called by one. */
const storable = <T extends string | null | undefined>(text: T) =>
  (typeof text === 'string' ? text.replaceAll('\0', '\u{fffd}') : text) as T

/** `appservice|network`, as `/thirdparty/protocols` gives it. */
function networkOf(text: string | undefined): Network {
  if (text === undefined) return 'own'
  const [appserviceId, networkId, ...rest] = storable(text).split('|')
  if (networkId === undefined || rest.length > 0) throw new MatrixError('M_UNKNOWN', `Invalid ID '${text}'`, {}, 400)
  return appserviceId === '' ? 'own' : { appserviceId: appserviceId!, networkId }
}
