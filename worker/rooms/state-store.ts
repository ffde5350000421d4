/** The state of rooms: at an event, and now. State groups never change, so that what was read once is kept. */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import type { StateFilter } from '../storage/state-groups.ts'
import type { KnownEvent } from './event-store.ts'

export interface StateStore {
  /** All state of these groups. */
  readonly ofGroups: (groups: readonly number[]) => Promise<ReadonlyMap<number, StateMap>>
  /** Some of the state of these groups, without reading all of it where it is not in memory. */
  readonly some: (groups: readonly number[], filters: readonly StateFilter[]) => Promise<ReadonlyMap<number, StateMap>>
  /** The state before an event: the state after it, but for itself. Of a state event what it replaced is looked up. */
  readonly before: (event: KnownEvent) => Promise<StateMap>
  /**
   * The current state of a room, as of this process' position in the stream `events`; empty of a room that is not known.
   * In memory until it changes.
   */
  readonly current: (roomId: RoomId) => Promise<StateMap>
  /** One entry of {@link current}. */
  readonly currentEvent: (roomId: RoomId, type: string, stateKey: string) => Promise<EventId | undefined>
}
