import { isObject, type JsonObject, type JsonValue } from '../json/value.ts'
import { accepted, type Result, refused } from '../result.ts'
import { type KeepFields, keepFields } from './event-fields.ts'
import {
  type EventFilter,
  type FilterBudget,
  filterBudget,
  passAll,
  readEventFilter,
  readStrings,
} from './event-filter.ts'

/** A client's filter (client-server-api, "Filtering"), read once. */
export interface Filter {
  /** Undefined: events are sent whole. */
  readonly keepFields: KeepFields | undefined
  readonly eventFormat: 'client' | 'federation'
  readonly presence: EventFilter
  /** Account data of no room. */
  readonly accountData: EventFilter
  readonly room: RoomFilter
}

export interface RoomFilter {
  /** `rooms` and `not_rooms`, which come before the filters below; it selects nothing else. */
  readonly rooms: EventFilter
  readonly includeLeave: boolean
  readonly timeline: EventFilter
  readonly state: EventFilter
  readonly ephemeral: EventFilter
  readonly accountData: EventFilter
}

export const defaultFilter: Filter = {
  keepFields: undefined,
  eventFormat: 'client',
  presence: passAll,
  accountData: passAll,
  room: {
    rooms: passAll,
    includeLeave: false,
    timeline: passAll,
    state: passAll,
    ephemeral: passAll,
    accountData: passAll,
  },
}

/**
 * Reads a filter. The refusal names the place and is for the client (400): `room.timeline.types: not a list of strings`.
 * What is not known is ignored.
 */
export function readFilter(json: JsonValue): Result<Filter> {
  if (!isObject(json)) return refused('the filter is not an object')
  const budget = filterBudget()
  const fields = readFields(json.event_fields, budget)
  if (!fields.ok) return fields
  const { event_format: format = 'client' } = json
  if (format !== 'client' && format !== 'federation') return refused('event_format: neither client nor federation')
  const presence = readEventFilter(json.presence, 'presence', budget)
  if (!presence.ok) return presence
  const accountData = readEventFilter(json.account_data, 'account_data', budget)
  if (!accountData.ok) return accountData
  const room = readRoomFilter(json.room, budget)
  if (!room.ok) return room
  return accepted({
    keepFields: fields.value,
    eventFormat: format,
    presence: presence.value,
    accountData: accountData.value,
    room: room.value,
  })
}

/** `filter` of `/messages`, `/context` and other endpoints: a `RoomEventFilter` alone. */
export const readRoomEventFilter = (json: JsonValue): Result<EventFilter> =>
  readEventFilter(json, 'filter', filterBudget())

/** An empty list is no list: a server may send more than was asked for, and Synapse does. */
function readFields(value: JsonValue | undefined, budget: FilterBudget): Result<KeepFields | undefined> {
  if (value === undefined) return accepted(undefined)
  const fields = readStrings(value, '', budget)
  if (!fields.ok) return refused(`event_fields: ${fields.reason}`)
  return accepted(fields.value.length === 0 ? undefined : keepFields(fields.value))
}

function readRoomFilter(json: JsonValue | undefined, budget: FilterBudget): Result<RoomFilter> {
  if (json === undefined) return accepted(defaultFilter.room)
  if (!isObject(json)) return refused('room: not an object')
  const { include_leave: includeLeave = false } = json
  if (typeof includeLeave !== 'boolean') return refused('room.include_leave: not a boolean')
  const rooms = readEventFilter(roomsOf(json), 'room', budget)
  if (!rooms.ok) return rooms
  const timeline = readEventFilter(json.timeline, 'room.timeline', budget)
  if (!timeline.ok) return timeline
  const state = readEventFilter(json.state, 'room.state', budget)
  if (!state.ok) return state
  const ephemeral = readEventFilter(json.ephemeral, 'room.ephemeral', budget)
  if (!ephemeral.ok) return ephemeral
  const accountData = readEventFilter(json.account_data, 'room.account_data', budget)
  if (!accountData.ok) return accountData
  return accepted({
    rooms: rooms.value,
    includeLeave,
    timeline: timeline.value,
    state: state.value,
    ephemeral: ephemeral.value,
    accountData: accountData.value,
  })
}

/** A room filter's own lists, and nothing that is a matter of the filters in it. */
const roomsOf = ({ rooms, not_rooms: notRooms }: JsonObject): JsonObject => ({
  ...(rooms === undefined ? {} : { rooms }),
  ...(notRooms === undefined ? {} : { not_rooms: notRooms }),
})
