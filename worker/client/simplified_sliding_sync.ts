import { simplifiedSlidingSyncEndpoints } from '../../shared/endpoints/client/simplified_sliding_sync.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { TypeOf } from '../../shared/schema.ts'
import { type Handlers, only } from '../http/handlers.ts'
import { queryInteger, queryString } from '../http/query.ts'
import { jsonText } from '../http/reply.ts'
import type { JsonText } from '../json-text.ts'
import type {
  ExtensionRequests,
  ExtensionScope,
  ListFilters,
  ListRequest,
  SlidingSyncPosition,
  SlidingSyncRequest,
} from '../sliding-sync/request.ts'
import { type RoomConfig, roomConfig } from '../sliding-sync/room-config.ts'
import type { SlidingSync } from '../sliding-sync/sliding-sync.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { parseStreamToken } from '../streams/tokens.ts'
import { makeInFlight } from '../sync/in-flight.ts'

/** What is left of MSC3575 went with Synapse 1.137. */
export const servedSlidingSyncEndpoints = only(simplifiedSlidingSyncEndpoints, 'simplifiedSlidingSync')

export interface SlidingSyncHandlerDeps {
  readonly slidingSync: SlidingSync
  readonly instances: Pick<LiveStreams['instances'], 'parse'>
}

type Body = TypeOf<(typeof servedSlidingSyncEndpoints)['simplifiedSlidingSync']['body']>
type ListBody = NonNullable<Body['lists']>[string]
type ScopeBody = NonNullable<NonNullable<Body['extensions']>['account_data']>

const MAX_TIMELINE_LIMIT = 1_000
const MAX_LISTS = 100
const MAX_LIST_NAME = 64
const DEFAULT_LIMIT = 100

/** MSC4186. */
export const slidingSyncHandlers = ({
  slidingSync,
  instances,
}: SlidingSyncHandlerDeps): Handlers<typeof servedSlidingSyncEndpoints> => {
  const inFlight = makeInFlight<JsonText>()

  const positionOf = async (text: string): Promise<SlidingSyncPosition> => {
    const [, connection, token] = /^(\d{1,15})\/(.*)$/.exec(text) ?? []
    const parsed = token === undefined ? undefined : await instances.parse(parseStreamToken, token)
    if (parsed?.ok !== true) throw new MatrixError('M_UNKNOWN', 'Invalid stream token')
    return { connection: Number(connection), token: parsed.value }
  }

  return {
    async simplifiedSlidingSync(request) {
      const { query, body } = request
      const { userId, deviceId } = request.requester
      const timeoutMs = queryInteger(query, 'timeout') ?? 0
      const pos = queryString(query, 'pos')
      const from = pos === undefined ? undefined : await positionOf(pos)
      const asked: SlidingSyncRequest = { userId, deviceId, from, ...readBody(body) }
      const key = JSON.stringify([userId, deviceId, pos, timeoutMs, body])
      const waits = timeoutMs > 0 && from !== undefined
      const text = await inFlight.share(key, waits ? request.waitSignal : undefined, (signal) =>
        slidingSync(asked, { timeoutMs, signal }),
      )
      return jsonText(text)
    },
  }
}

const missing = (path: string) => new MatrixError('M_MISSING_PARAM', `${path}: has no pair`)
const malformed = (path: string, reason: string) => new MatrixError('M_BAD_JSON', `${path}: ${reason}`)

function readBody(body: Body): Omit<SlidingSyncRequest, 'userId' | 'deviceId' | 'from'> {
  const { conn_id: connId, lists, room_subscriptions: subscriptions, extensions } = body
  const names = Object.keys(lists ?? {})
  if (names.length > MAX_LISTS) throw malformed('lists', `more than ${MAX_LISTS}`)
  return {
    connId: connId ?? '',
    lists: new Map(Object.entries(lists ?? {}).map(([name, list]) => [name, readList(name, list)])),
    subscriptions: new Map(
      Object.entries(subscriptions ?? {}).map(([roomId, config]) => [
        roomId as RoomId,
        readConfig('room_subscriptions', config),
      ]),
    ),
    extensions: readExtensions(extensions ?? {}),
  }
}

function readConfig(
  path: string,
  { timeline_limit: limit, required_state: state }: Pick<ListBody, 'timeline_limit' | 'required_state'>,
): RoomConfig {
  if (limit > MAX_TIMELINE_LIMIT) throw malformed(`${path}.timeline_limit`, `must be at most ${MAX_TIMELINE_LIMIT}`)
  return roomConfig(
    limit,
    state.map((pair) => {
      if (pair.length < 2) throw missing(`${path}.required_state`)
      return [pair[0]!, pair[1]!] as const
    }),
  )
}

function readList(name: string, list: ListBody): ListRequest {
  if (name.length > MAX_LIST_NAME) throw malformed('lists', 'a name is too long')
  const ranges = (list.ranges ?? []).map((range) => {
    const [first, last] = range
    if (range.length < 2) throw missing(`lists.${name}.ranges`)
    if (first! < 0 || last! < 0) throw malformed(`lists.${name}.ranges`, 'must not be negative')
    return [first!, last!] as const
  })
  return {
    config: readConfig(`lists.${name}`, list),
    ranges,
    filters: list.filters ? readFilters(list.filters) : undefined,
  }
}

const readFilters = (filters: NonNullable<ListBody['filters']>): ListFilters => ({
  isDirect: filters.is_dm ?? undefined,
  spaces: filters.spaces ?? undefined,
  isEncrypted: filters.is_encrypted ?? undefined,
  isInvite: filters.is_invite ?? undefined,
  roomTypes: filters.room_types ?? undefined,
  notRoomTypes: filters.not_room_types ?? undefined,
  nameLike: filters.room_name_like ?? undefined,
  tags: filters.tags ?? undefined,
  notTags: filters.not_tags ?? undefined,
})

function readExtensions(extensions: NonNullable<Body['extensions']>): ExtensionRequests {
  const { to_device: toDevice, e2ee, account_data: accountData, receipts, typing } = extensions
  const threads = extensions['io.element.msc4308.thread_subscriptions']
  const since = toDevice?.since ?? undefined
  if (since !== undefined && !/^\d{1,15}$/.test(since))
    throw new MatrixError('M_INVALID_PARAM', "'extensions.to_device.since' is invalid (should look like an int)")
  return {
    toDevice: toDevice?.enabled ? { since, limit: toDevice.limit ?? DEFAULT_LIMIT } : undefined,
    e2ee: e2ee?.enabled === true,
    accountData: readScope(accountData),
    receipts: readScope(receipts),
    typing: readScope(typing),
    threadSubscriptions: threads?.enabled ? { limit: threads.limit ?? DEFAULT_LIMIT } : undefined,
  }
}

/** Where nothing is said, all lists and rooms. */
function readScope(extension: ScopeBody | null | undefined): ExtensionScope | undefined {
  if (!extension?.enabled) return undefined
  const { lists = ALL, rooms = ALL } = extension
  return { lists: lists ?? [], rooms: rooms ?? [] }
}
const ALL = ['*']
