/**
 * Which events are bundled with an event: its edit, those that refer to it, its thread. Of nearly all events it is known in
 * memory that there are none, which costs nothing: what this process heard of since it began, and of which it heard of
 * no relation, has none. Of others it is read once, and kept up with by what the stream `events` says.
 */

import type { EventId, RoomId, ServerName, UserId } from '../../../shared/matrix/ids.ts'
import { serverNameOf } from '../../../shared/matrix/ids.ts'
import { makeLru } from '../../lru.ts'
import type { Queries } from '../../storage/db.ts'
import { type RelatedRow, selectRelated } from '../../storage/relations.ts'
import type { LiveStreams } from '../../streams/live-streams.ts'
import { isBetween, type MultiWriterToken, maxPosition, tokenAt } from '../../streams/vector-clock.ts'
import type { EventStore, KnownEvent } from '../event-store.ts'
import { relationTypeOf } from './relation.ts'

/** What a user said in a thread. */
export interface ThreadPart {
  readonly sender: UserId
  readonly count: number
  readonly last: EventId
}

export interface Related {
  /** The newest event of its sender and type that replaces it. */
  readonly edit: EventId | undefined
  /** In order. */
  readonly references: readonly EventId[]
  /** By who said something last. Empty: it has no thread. */
  readonly thread: readonly ThreadPart[]
}

export interface RelatedEvents {
  /** Whether memory says that nothing is bundled with the event. */
  readonly hasNone: (known: KnownEvent) => boolean
  /** Of those that have any. One statement for all that memory has not. */
  readonly of: (events: readonly KnownEvent[]) => Promise<ReadonlyMap<EventId, Related>>
}

export interface RelatedEventsDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'follow' | 'current'>
  readonly events: Pick<EventStore, 'get'>
  readonly serverName: ServerName
}

/** NOTSPEC: Synapse has no bound. Whoever wants all pages through them. */
export const MAX_REFERENCES = 1_000
/** Events, and what is bundled with them: some 100 bytes each. */
const MAX_WEIGHT = 200_000
/** Events that something related to lately. */
const MAX_TARGETS = 50_000
/** More that is new than this is read again. */
const MAX_ADDED = 100

interface Part {
  readonly sender: UserId
  count: number
  last: EventId
  topologicalOrdering: number
  streamOrdering: number
}

interface Entry {
  readonly roomId: RoomId
  edit: { readonly eventId: EventId; readonly ts: number } | undefined
  readonly references: EventId[]
  readonly parts: Map<UserId, Part>
  /** What is in it: all that was stored up to there. A room's events are stored in their order. */
  upTo: number
  /** Relations that were heard of since. */
  added: EventId[]
  readonly weight: number
}

const MIN_SWEEP = 10_000
const NONE = Symbol('none')

/** To be made before the process is connected: it follows streams. */
export function makeRelatedEvents({ db, streams, events, serverName }: RelatedEventsDeps): RelatedEvents {
  const kept = makeLru<EventId, Entry | typeof NONE>(MAX_WEIGHT, (entry) => (entry === NONE ? 1 : entry.weight))
  /** Of each room, what is kept of it and is not none: a redaction may take any of that away. */
  const inRoom = new Map<RoomId, Set<EventId>>()
  /** How many are in `inRoom`, and when those that were dropped from memory are looked for. */
  let [placed, sweepAt] = [0, MIN_SWEEP]
  /** All events after this were heard of, and what relates to them is in `targets`. */
  let heardFrom: MultiWriterToken = tokenAt(maxPosition(streams.current('events')))
  let targets = new Set<EventId>()
  /** What changed while something is read: it may be in the answer or not. */
  const changing = new Set<{ readonly ids: Set<EventId>; readonly rooms: Set<RoomId> }>()

  const forget = (eventId: EventId): void => {
    const entry = kept.peek(eventId)
    kept.delete(eventId)
    for (const { ids } of changing) ids.add(eventId)
    if (entry === undefined || entry === NONE) return
    const there = inRoom.get(entry.roomId)
    if (!there?.delete(eventId)) return
    placed--
    if (there.size === 0) inRoom.delete(entry.roomId)
  }
  const forgetRoom = (roomId: RoomId): void => {
    for (const { rooms } of changing) rooms.add(roomId)
    const there = inRoom.get(roomId)
    if (there === undefined) return
    for (const eventId of there) kept.delete(eventId)
    placed -= there.size
    inRoom.delete(roomId)
  }
  const sweep = (): void => {
    for (const [roomId, there] of inRoom) {
      for (const eventId of there) if (!kept.has(eventId) && there.delete(eventId)) placed--
      if (there.size === 0) inRoom.delete(roomId)
    }
    // All of them are looked at as often as their number has doubled.
    sweepAt = Math.max(MIN_SWEEP, 2 * placed)
  }
  const hear = (target: EventId, child: EventId): void => {
    for (const { ids } of changing) ids.add(target)
    const entry = kept.peek(target)
    if (entry === undefined) return
    if (entry === NONE || entry.added.length >= MAX_ADDED) forget(target)
    else entry.added.push(child)
  }

  streams.follow('events', (rows) => {
    for (const row of rows) {
      if (row.kind === 'state-all') forgetRoom(row.roomId as RoomId)
      if (row.kind !== 'ev') continue
      // Which event the redacted one related to its content does not say any more.
      if (row.redacts !== null) forgetRoom(row.roomId as RoomId)
      if (row.relatesTo === null || row.rejected) continue
      const target = row.relatesTo as EventId
      targets.add(target)
      if (targets.size > MAX_TARGETS) {
        heardFrom = tokenAt(maxPosition(streams.current('events')))
        targets = new Set([target])
      }
      hear(target, row.eventId as EventId)
    }
  })
  streams.follow('backfill', (rows) => {
    for (const { relatesTo, redacts, roomId } of rows) {
      if (redacts !== null) forgetRoom(roomId as RoomId)
      if (relatesTo === null) continue
      targets.add(relatesTo as EventId)
      forget(relatesTo as EventId)
    }
  })

  /** Of our own users' events nobody knew the ID before they were stored; what relates to others may have come before them. */
  const isFresh = ({ event, instanceName, streamOrdering }: KnownEvent): boolean =>
    isBetween(heardFrom, undefined, instanceName, streamOrdering) &&
    !targets.has(event.eventId) &&
    serverNameOf(event.sender) === serverName

  const keep = (eventId: EventId, entry: Entry | typeof NONE): void => {
    kept.set(eventId, entry)
    if (entry === NONE) return
    const there = inRoom.get(entry.roomId) ?? new Set()
    inRoom.set(entry.roomId, there)
    if (there.has(eventId)) return
    there.add(eventId)
    if (++placed > sweepAt) sweep()
  }

  const load = async (asked: readonly KnownEvent[]): Promise<ReadonlyMap<EventId, Entry | typeof NONE>> => {
    const changed = { ids: new Set<EventId>(), rooms: new Set<RoomId>() }
    changing.add(changed)
    try {
      const rows = await selectRelated(
        db,
        asked.map(({ event }) => event.eventId),
        MAX_REFERENCES,
      )
      const byTarget = Map.groupBy(rows, ({ targetId }) => targetId)
      const found = new Map<EventId, Entry | typeof NONE>()
      for (const { event } of asked) {
        const { eventId, roomId } = event
        const entry = entryOf(roomId, byTarget.get(eventId))
        found.set(eventId, entry)
        if (!changed.ids.has(eventId) && !changed.rooms.has(roomId)) keep(eventId, entry)
      }
      return found
    } finally {
      changing.delete(changed)
    }
  }

  return {
    hasNone: (known) => kept.get(known.event.eventId) === NONE || isFresh(known),
    async of(asked) {
      const found = new Map<EventId, Entry | typeof NONE>()
      const missing: KnownEvent[] = []
      const grown: (readonly [KnownEvent, Entry])[] = []
      for (const known of asked) {
        const entry = kept.get(known.event.eventId)
        if (entry === undefined) {
          if (!isFresh(known)) missing.push(known)
        } else if (entry !== NONE && entry.added.length > 0) grown.push([known, entry])
        else found.set(known.event.eventId, entry)
      }
      if (grown.length > 0) {
        const children = await events.get(grown.flatMap(([, { added }]) => added))
        for (const [known, entry] of grown) {
          if (grow(entry, known, children)) found.set(known.event.eventId, entry)
          else {
            forget(known.event.eventId)
            missing.push(known)
          }
        }
      }
      if (missing.length > 0) for (const [eventId, entry] of await load(missing)) found.set(eventId, entry)
      const related = new Map<EventId, Related>()
      for (const [eventId, entry] of found) if (entry !== NONE) related.set(eventId, relatedOf(entry))
      return related
    },
  }
}

function entryOf(roomId: RoomId, rows: readonly RelatedRow[] | undefined): Entry | typeof NONE {
  if (rows === undefined) return NONE
  const parts = new Map<UserId, Part>()
  const references: EventId[] = []
  let edit: Entry['edit']
  let upTo = Number.NEGATIVE_INFINITY
  for (const row of rows) {
    const { eventId, sender, count, topologicalOrdering, streamOrdering } = row
    upTo = row.upTo
    if (row.relationType === 'm.replace') edit = { eventId, ts: row.originServerTs }
    else if (row.relationType === 'm.reference') references.push(eventId)
    else parts.set(sender, { sender, count, last: eventId, topologicalOrdering, streamOrdering })
  }
  return { roomId, edit, references, parts, upTo, added: [], weight: 1 + references.length + parts.size * 2 }
}

/** Takes in what was heard of. False: it cannot be said what it is now. */
function grow(entry: Entry, { event: target }: KnownEvent, children: ReadonlyMap<EventId, KnownEvent>): boolean {
  const { added } = entry
  if (!added.every((eventId) => children.has(eventId))) return added.length === 0
  entry.added = []
  for (const eventId of added) {
    const { event, topologicalOrdering, streamOrdering, isRejected, redactedBecause } = children.get(eventId)!
    if (streamOrdering <= entry.upTo || isRejected || event.roomId !== target.roomId) continue
    // Its relation went with its content; that it is redacted is heard of by itself.
    if (redactedBecause !== undefined) return false
    entry.upTo = streamOrdering
    const { sender, originServerTs: ts } = event
    switch (relationTypeOf(event)) {
      case 'm.replace': {
        const { edit } = entry
        const isNewer = edit === undefined || ts > edit.ts || (ts === edit.ts && eventId > edit.eventId)
        if (isNewer && event.type === target.type && sender === target.sender) entry.edit = { eventId, ts }
        break
      }
      case 'm.reference':
        if (entry.references.length < MAX_REFERENCES) entry.references.push(eventId)
        break
      case 'm.thread': {
        const part = entry.parts.get(sender)
        if (part === undefined)
          entry.parts.set(sender, { sender, count: 1, last: eventId, topologicalOrdering, streamOrdering })
        else {
          part.count++
          if (topologicalOrdering >= part.topologicalOrdering)
            Object.assign(part, { last: eventId, topologicalOrdering, streamOrdering })
        }
      }
    }
  }
  return true
}

const relatedOf = ({ edit, references, parts }: Entry): Related => ({
  edit: edit?.eventId,
  references: [...references],
  thread: [...parts.values()]
    .sort((a, b) => b.topologicalOrdering - a.topologicalOrdering || b.streamOrdering - a.streamOrdering)
    .map(({ sender, count, last }) => ({ sender, count, last })),
})
