/** What the endpoints that answer with events have in common. */

import type { EventFilter } from '../../shared/matrix/filter/event-filter.ts'
import { readRoomEventFilter } from '../../shared/matrix/filter/filter.ts'
import type { EventId } from '../../shared/matrix/ids.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import { type Query, queryString } from '../http/query.ts'
import type { Requester } from '../http/requester.ts'
import type { EventReader } from '../rooms/event-printer.ts'
import type { EventStore, KnownEvent } from '../rooms/event-store.ts'

export const readerOf = ({ userId, deviceId }: Requester): EventReader => ({ userId, deviceId })

export interface QueriedFilter {
  readonly filter: EventFilter | undefined
  readonly format: 'client' | 'federation'
}

/** `filter=`: a RoomEventFilter as JSON. An empty one is none. Throws M_NOT_JSON, M_INVALID_PARAM. */
export function queryFilter(query: Query): QueriedFilter {
  const text = queryString(query, 'filter')
  if (text === undefined) return { filter: undefined, format: 'client' }
  const json = parseJson(text)
  if (!json.ok) throw new MatrixError('M_NOT_JSON', 'Query parameter filter must be a valid JSON object')
  const { value } = json
  if (value === null || (typeof value === 'object' && Object.keys(value).length === 0))
    return { filter: undefined, format: 'client' }
  const filter = readRoomEventFilter(value)
  if (!filter.ok) throw new MatrixError('M_INVALID_PARAM', filter.reason)
  return {
    filter: filter.value,
    format: isObject(value) && value.event_format === 'federation' ? 'federation' : 'client',
  }
}

export const eventNotFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'Event not found.')

/** Those events of it that are asked for, or all. */
export const eventIdsOf = (
  state: StateMap,
  isWanted: (type: string, stateKey: string) => boolean = () => true,
): readonly EventId[] => {
  const eventIds: EventId[] = []
  for (const [type, entries] of state)
    for (const [stateKey, eventId] of entries) if (isWanted(type, stateKey)) eventIds.push(eventId)
  return eventIds
}

/** In the order of the IDs; what is not there is left out. */
export async function eventsInOrder(
  store: Pick<EventStore, 'get'>,
  eventIds: readonly EventId[],
): Promise<readonly KnownEvent[]> {
  if (eventIds.length === 0) return []
  const found = await store.get(eventIds)
  return eventIds.flatMap((eventId) => found.get(eventId) ?? [])
}
