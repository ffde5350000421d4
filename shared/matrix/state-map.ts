import type { RoomEvent } from './events/event.ts'
import type { EventId } from './ids.ts'

/** A room's state: event type → state key → ID of the state event. Nested, so that no separator needs escaping. */
export type StateMap = ReadonlyMap<string, ReadonlyMap<string, EventId>>

/** State as rules see it: the event of a type and state key, if there is one. */
export type StateLookup = (type: string, stateKey: string) => RoomEvent | undefined
