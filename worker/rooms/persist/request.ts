/** What is handed to a room's persister: events that were built and authorised, and the state groups at them. */

import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import type { EventId, RoomId } from '../../../shared/matrix/ids.ts'
import type { RoomVersion } from '../../../shared/matrix/room-version.ts'
import type { StateEntry } from '../../storage/state-groups.ts'
import type { InternalMetadata } from '../events/metadata.ts'

/** How a state group differs from another. */
export interface GroupDelta {
  readonly from: number
  readonly to: number
  readonly entries: readonly StateEntry[]
}

export interface NewRoomEvent {
  readonly event: RoomEvent
  readonly version: RoomVersion
  readonly internal: InternalMetadata
  readonly isOutlier: boolean
  readonly rejectedReason: string | null
  /** The state after it. Undefined of outliers; of rejected events the state before, as they change nothing. */
  readonly stateGroup: number | undefined
  readonly stateGroupBefore: number | undefined
  /** Of the groups above, those that were made for the event. */
  readonly deltas: readonly GroupDelta[]
}

/** Events of one room, all of them or none. */
export interface PersistRequest {
  readonly roomId: RoomId
  readonly events: readonly NewRoomEvent[]
  /** With a create event: the room is in the directory. */
  readonly isPublic?: boolean | undefined
  /**
   * Of who makes a room. Two that one user makes alike within a millisecond, through two processes, have the same events where
   * the room's ID is a hash: this tells them from one request that is repeated.
   */
  readonly nonce?: string | undefined
}

export interface StoredPlace {
  readonly eventId: EventId
  readonly streamOrdering: number
}

export type Persisted =
  /** Where they are, in the order of the request. Some or all may have been there: the request was repeated. */
  | { readonly kind: 'stored'; readonly events: readonly StoredPlace[] }
  /** Nothing was stored: these of the events, by index, have transaction IDs that are other events'. None: make them again. */
  | { readonly kind: 'known'; readonly events: ReadonlyMap<number, StoredPlace> }

/** Hands events to the room's persister, in whichever process it is. */
export type Persist = (request: PersistRequest) => Promise<Persisted>

export const isInRoom = ({ isOutlier, rejectedReason }: NewRoomEvent): boolean => !isOutlier && rejectedReason === null
