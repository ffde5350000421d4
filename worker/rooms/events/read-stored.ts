/** Rows of the tables → events as the rest of the worker knows them, redacted where they are. */

import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import { storedEvent } from '../../../shared/matrix/events/read.ts'
import { type EventId, serverNameOf } from '../../../shared/matrix/ids.ts'
import { parseJson } from '../../../shared/matrix/json/parse.ts'
import { isObject, type JsonObject } from '../../../shared/matrix/json/value.ts'
import { redactEvent } from '../../../shared/matrix/redact.ts'
import { roomVersion } from '../../../shared/matrix/room-version.ts'
import type { StoredEvent } from '../../storage/events.ts'
import type { KnownEvent } from '../event-store.ts'
import { type InternalMetadata, metadataOf, readMetadata } from './metadata.ts'

/** An event as it was stored, and what decides whether it redacts another. */
export interface ReadEvent {
  readonly known: KnownEvent
  readonly internal: InternalMetadata
  readonly redactedBy: readonly EventId[]
  /** Bytes of its text, nearly. */
  readonly weight: number
}

/** Undefined for an event of a room version that is not known here: nothing can be done with it. */
export function readStored(row: StoredEvent): ReadEvent | undefined {
  const version = roomVersion(row.roomVersion ?? '')
  const json = parseJson(row.json)
  if (version === undefined || !json.ok || !isObject(json.value)) return undefined
  const internal = readMetadata(row.internalMetadata)
  return {
    known: {
      event: storedEvent(json.value, version, row.eventId),
      version,
      streamOrdering: row.streamOrdering,
      topologicalOrdering: row.topologicalOrdering,
      instanceName: row.instanceName ?? 'master',
      isOutlier: row.isOutlier,
      isRejected: row.rejectionReason !== null,
      stateGroup: row.stateGroup ?? undefined,
      metadata: metadataOf(internal),
      redactedBecause: undefined,
    },
    internal,
    redactedBy: row.redactedBy,
    weight: row.json.length,
  }
}

/**
 * Whether a redaction that is stored takes effect, as Synapse has it when it reads: what the sender's power level allowed when it
 * was sent is not asked again; where it allowed only the own server's events (`recheck_redaction`), the senders' servers decide.
 */
export const takesEffect = (redaction: ReadEvent, { known: { event: target } }: ReadEvent): boolean => {
  const { event, isRejected } = redaction.known
  if (isRejected || target.type === 'm.room.create') return false
  if (event.redacts !== target.eventId || event.roomId !== target.roomId) return false
  return redaction.internal.recheck_redaction !== true || serverNameOf(event.sender) === serverNameOf(target.sender)
}

/** The event without what the redaction takes. What this server knows of its place stays. */
export function redacted(known: KnownEvent, redaction: RoomEvent): KnownEvent {
  const { event, version } = known
  const { unsigned } = event.json
  const kept: Record<string, JsonObject[string]> = {}
  if (isObject(unsigned)) for (const key of KEPT_UNSIGNED) if (unsigned[key] !== undefined) kept[key] = unsigned[key]
  const json = { ...redactEvent(event.json, version), unsigned: kept }
  return { ...known, event: storedEvent(json, version, event.eventId), redactedBecause: redaction }
}

const KEPT_UNSIGNED = ['age_ts', 'replaces_state']
