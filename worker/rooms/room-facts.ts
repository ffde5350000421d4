/** What of a room's state lists of rooms are made by: its type, name, whether it is encrypted, and what took its place. */

import type { EventId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import type { RoomFacts } from '../storage/sliding-sync-rooms.ts'
import { entryOf } from './state-maps.ts'

/** With the state key `''`. */
export const FACT_TYPES = ['m.room.create', 'm.room.encryption', 'm.room.name', 'm.room.tombstone'] as const

/** The events that say it. */
export const factEventIds = (state: StateMap): readonly EventId[] =>
  FACT_TYPES.map((type) => entryOf(state, type, '')).filter((eventId) => eventId !== undefined)

/** Undefined: the room is not known, as no create event is. */
export function factsOf(
  contentOf: (type: (typeof FACT_TYPES)[number]) => JsonObject | undefined,
): RoomFacts | undefined {
  const create = contentOf('m.room.create')
  if (create === undefined) return undefined
  const algorithm = contentOf('m.room.encryption')?.algorithm
  return {
    roomType: storable(create.type),
    roomName: storable(contentOf('m.room.name')?.name),
    isEncrypted: algorithm !== undefined && algorithm !== null,
    successor: storable(contentOf('m.room.tombstone')?.replacement_room),
  }
}

/** As they follow from stripped state: what an invitation to a room says that we are not in. */
export function factsOfStripped(state: JsonValue | undefined): RoomFacts | undefined {
  if (!Array.isArray(state)) return undefined
  const contents = new Map<string, JsonObject>()
  for (const event of state)
    if (isObject(event) && typeof event.type === 'string' && event.state_key === '' && isObject(event.content))
      contents.set(event.type, event.content)
  return factsOf((type) => contents.get(type))
}

/** Postgres has no NUL in text. */
const storable = (value: JsonValue | undefined): string | null =>
  typeof value === 'string' && !value.includes('\0') ? value : null
