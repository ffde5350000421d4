/** Events by ID, in memory once they were read: they never change, but for being redacted. */

import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { EventId } from '../../shared/matrix/ids.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'

/** What this server keeps about an event besides it (`event_json.internal_metadata`, Synapse's keys). */
export interface EventMetadata {
  /** Of the request that sent it, for the sender's own device. */
  readonly transactionId?: string | undefined
  readonly deviceId?: string | undefined
  readonly isSoftFailed: boolean
}

/** An event as this server knows it. */
export interface KnownEvent {
  /** Without the content that its redaction takes, where it is redacted. */
  readonly event: RoomEvent
  readonly version: RoomVersion
  /** Negative of backfilled events. */
  readonly streamOrdering: number
  readonly topologicalOrdering: number
  /** The writer by whose clock `streamOrdering` counts. */
  readonly instanceName: string
  readonly isOutlier: boolean
  /** Rejected events are in no timeline and no state. */
  readonly isRejected: boolean
  /** The state after the event. Outliers have none. */
  readonly stateGroup: number | undefined
  readonly metadata: EventMetadata
  /** The redaction, which was found to be allowed. */
  readonly redactedBecause: RoomEvent | undefined
}

export interface EventStore {
  /** Those that are there: outliers and rejected ones too. One statement for those that are not in memory. */
  readonly get: (eventIds: readonly EventId[]) => Promise<ReadonlyMap<EventId, KnownEvent>>
  /** If it is in memory. */
  readonly peek: (eventId: EventId) => KnownEvent | undefined
}
