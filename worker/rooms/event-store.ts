/** Events by ID, in memory once they were read: they never change, but for being redacted. */

import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { EventId } from '../../shared/matrix/ids.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { selectEvents } from '../storage/events.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { type ReadEvent, readStored, redacted, takesEffect } from './events/read-stored.ts'

/** What this server keeps about an event besides it (`event_json.internal_metadata`, Synapse's keys). */
export interface EventMetadata {
  /** Of the request that sent it, for the sender's own device. */
  readonly transactionId?: string | undefined
  readonly deviceId?: string | undefined
  /** For its sender (MSC4140). */
  readonly delayId?: string | undefined
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

/** What the processes that make events put in, before anybody asks. */
export interface FilledEventStore extends EventStore {
  /** `bytes`: of its text. */
  readonly add: (known: KnownEvent, bytes: number) => void
}

export interface EventStoreDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'follow'>
  /** Bytes of the texts of the events that are kept: what they take in memory is a few times that. */
  readonly maxBytes?: number
}

const MAX_BYTES = 16 * 1024 * 1024
/** Of an event that is kept, besides its text. */
const OVERHEAD = 512
/** More than there are while an answer is on its way. */
const MAX_REDACTED = 10_000
/** Each time, one of the events was redacted while they were read. */
const ATTEMPTS = 5

export function makeEventStore({ db, streams, maxBytes = MAX_BYTES }: EventStoreDeps): FilledEventStore {
  interface Kept {
    readonly known: KnownEvent
    readonly weight: number
  }
  const kept = makeLru<EventId, Kept>(maxBytes, ({ weight }) => weight)
  /** Being read, with others in one statement. */
  const loading = new Map<EventId, Promise<ReadonlyMap<EventId, KnownEvent>>>()
  /** Of those that are being read: what changed since the statement was sent, and may be in its answer or not. */
  const changed = new Set<EventId>()
  /** Heard to be redacted: the process that sent an event may hear of that before it has its answer, and puts the event in. */
  const redactedLately = makeLru<EventId, true>(MAX_REDACTED)

  const forget = (eventId: EventId): void => {
    kept.delete(eventId)
    if (loading.has(eventId)) changed.add(eventId)
  }
  streams.follow('events', (rows) => {
    for (const row of rows) {
      if (row.kind !== 'ev') continue
      if (row.redacts !== null) {
        forget(row.redacts as EventId)
        redactedLately.set(row.redacts as EventId, true)
      }
      // It was known already: an outlier that is none any longer. What this process stored itself is as the row says.
      const known = kept.peek(row.eventId as EventId)?.known
      if (known === undefined || known.isOutlier !== row.outlier || known.isRejected !== row.rejected)
        forget(row.eventId as EventId)
    }
  })
  streams.follow('backfill', (rows) => {
    for (const { eventId, redacts } of rows) {
      forget(eventId as EventId)
      if (redacts !== null) forget(redacts as EventId)
    }
  })

  const load = async (eventIds: readonly EventId[]): Promise<ReadonlyMap<EventId, KnownEvent>> => {
    const found = new Map<EventId, KnownEvent>()
    try {
      for (let attempt = 1, ids = eventIds; ids.length > 0; attempt++) {
        for (const id of ids) changed.delete(id)
        const read = await readEvents(db, ids)
        const stale: EventId[] = []
        for (const id of ids) {
          if (changed.has(id) && attempt < ATTEMPTS) {
            stale.push(id)
            continue
          }
          const event = read.get(id)
          if (event === undefined) continue
          found.set(id, event.known)
          if (!changed.has(id)) kept.set(id, { known: event.known, weight: event.weight + OVERHEAD })
        }
        ids = stale
      }
      return found
    } finally {
      for (const id of eventIds) {
        loading.delete(id)
        changed.delete(id)
      }
    }
  }

  return {
    async get(eventIds) {
      const found = new Map<EventId, KnownEvent>()
      const missing: EventId[] = []
      const waitedFor = new Map<Promise<ReadonlyMap<EventId, KnownEvent>>, EventId[]>()
      for (const id of eventIds) {
        const known = kept.get(id)?.known
        const underWay = known === undefined ? loading.get(id) : undefined
        if (known !== undefined) found.set(id, known)
        else if (underWay === undefined) missing.push(id)
        else if (waitedFor.has(underWay)) waitedFor.get(underWay)!.push(id)
        else waitedFor.set(underWay, [id])
      }
      if (missing.length > 0) {
        const unique = [...new Set(missing)]
        const answer = load(unique)
        for (const id of unique) loading.set(id, answer)
        waitedFor.set(answer, unique)
      }
      await Promise.all(
        [...waitedFor].map(async ([answer, ids]) => {
          const events = await answer
          for (const id of ids) {
            const event = events.get(id)
            if (event !== undefined) found.set(id, event)
          }
        }),
      )
      return found
    },
    peek: (eventId) => kept.get(eventId)?.known,
    add: (known, bytes) => {
      const { eventId } = known.event
      if (redactedLately.has(eventId)) return
      kept.set(eventId, { known, weight: bytes + OVERHEAD })
    },
  }
}

/** One statement, and another where some are redacted. */
async function readEvents(db: Queries, eventIds: readonly EventId[]): Promise<ReadonlyMap<EventId, ReadEvent>> {
  const events = await readRows(db, eventIds)
  const redactionIds = [...events.values()].flatMap(({ redactedBy }) => redactedBy)
  if (redactionIds.length === 0) return events
  const redactions = await readRows(db, redactionIds)
  return new Map(
    [...events].map(([id, event]) => {
      const redaction = event.redactedBy
        .map((by) => redactions.get(by))
        .find((by) => by !== undefined && takesEffect(by, event))
      return [id, redaction === undefined ? event : { ...event, known: redacted(event.known, redaction.known.event) }]
    }),
  )
}

async function readRows(db: Queries, eventIds: readonly EventId[]): Promise<ReadonlyMap<EventId, ReadEvent>> {
  const events = new Map<EventId, ReadEvent>()
  for (const row of await selectEvents(db, eventIds)) {
    const event = readStored(row)
    if (event !== undefined) events.set(row.eventId, event)
  }
  return events
}
