/** `send_events` of HTTP replication: a request to a persister in another process, in Synapse's form. */

import { storedEvent } from '../../../shared/matrix/events/read.ts'
import { eventIdOf } from '../../../shared/matrix/hashes.ts'
import type { EventId } from '../../../shared/matrix/ids.ts'
import { canonicalJson } from '../../../shared/matrix/json/canonical.ts'
import { parseJson } from '../../../shared/matrix/json/parse.ts'
import { isObject, type JsonObject } from '../../../shared/matrix/json/value.ts'
import { roomVersion } from '../../../shared/matrix/room-version.ts'
import type { StateEntry } from '../../storage/state-groups.ts'
import type { InternalMetadata } from '../events/metadata.ts'
import type { GroupDelta, NewRoomEvent, Persisted, PersistRequest, StoredPlace } from './request.ts'
import { formatOf } from './write.ts'

type Json = Readonly<Record<string, unknown>>

/** Synapse's `Requester`. A persister of ours asks nothing of it. */
export interface Requester {
  readonly userId: string
  readonly deviceId?: string | undefined
  readonly accessTokenId?: number | undefined
  readonly isGuest?: boolean | undefined
  readonly isShadowBanned?: boolean | undefined
  readonly appserviceId?: string | undefined
}

/** Keys that Synapse does not have, and passes over: `event_id`, `event_text`, `is_public`, and `nonce` beside the events. */
export const printRequest = ({ events, isPublic, nonce }: PersistRequest, requester: Requester): Json => ({
  ...(nonce !== undefined && { nonce }),
  events: events.map((added) => ({
    ...printEvent(added.event.json),
    event_id: added.event.eventId,
    room_version: added.version.id,
    event_format_version: formatOf(added),
    internal_metadata: added.internal,
    outlier: added.isOutlier,
    rejected_reason: added.rejectedReason,
    context: printContext(added, requester),
    requester: printRequester(requester),
    // The sender saw to that, and whom it concerns besides the room is told by the event.
    ratelimit: false,
    extra_users: [],
    ...(isPublic === true && { is_public: true }),
  })),
})

/** Numbers that JavaScript does not have (to rooms/v5) would be changed by a reader of JSON: they go as text besides. */
function printEvent(json: JsonObject): Json {
  try {
    const text = JSON.stringify(json)
    if (!/\d[.eE][-+]?\d/.test(text)) return { event: json }
  } catch {
    // A bigint.
  }
  const text = canonicalJson(json)
  return { event: rawJson(text), event_text: text }
}

const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }
/** V8 takes no objects as raw JSON, but numbers in them. */
const rawJson = (text: string): unknown =>
  (JSON as unknown as { parse: (text: string, reviver: Reviver) => unknown }).parse(text, (_key, value, context) =>
    typeof value === 'number' && context?.source !== undefined ? rawJSON(context.source) : value,
  )
type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown

function printContext(
  { stateGroup, stateGroupBefore, deltas, rejectedReason, event }: NewRoomEvent,
  requester: Requester,
) {
  const own = deltas.find(({ from, to }) => from === stateGroupBefore && to === stateGroup)
  const { stateKey } = event
  return {
    state_group: stateGroup ?? null,
    state_group_before_event: stateGroupBefore ?? null,
    rejected: rejectedReason,
    state_group_deltas: deltas.map(({ from, to, entries }) => [from, to, entries.map(printEntry)]),
    state_delta_due_to_event: own === undefined || stateKey === undefined ? null : own.entries.map(printEntry),
    app_service_id: requester.appserviceId ?? null,
    partial_state: false,
  }
}

const printEntry = ({ type, stateKey, eventId }: StateEntry) => [type, stateKey, eventId]

const printRequester = (requester: Requester): Json => ({
  user_id: requester.userId,
  access_token_id: requester.accessTokenId ?? null,
  is_guest: requester.isGuest ?? false,
  scope: [],
  shadow_banned: requester.isShadowBanned ?? false,
  device_id: requester.deviceId ?? null,
  app_server_id: requester.appserviceId ?? null,
  authenticated_entity: requester.userId,
})

/** Throws what is a bug of the other side: it is answered 500, and told in the log. */
export function readRequest(body: Json): PersistRequest {
  if (!Array.isArray(body.events) || body.events.length === 0) throw new TypeError('send_events: no events')
  const events = (body.events as readonly Json[]).map(readEvent)
  const { roomId } = events[0]!.event
  if (events.some(({ event }) => event.roomId !== roomId)) throw new TypeError('send_events: events of several rooms')
  return {
    roomId,
    events,
    isPublic: (body.events as readonly Json[]).some(({ is_public }) => is_public === true),
    ...(typeof body.nonce === 'string' && { nonce: body.nonce }),
  }
}

function readEvent(entry: Json): NewRoomEvent {
  const version = roomVersion(String(entry.room_version))
  if (version === undefined) throw new TypeError(`send_events: room version ${String(entry.room_version)}`)
  const json = readJson(entry)
  const eventId = typeof entry.event_id === 'string' ? (entry.event_id as EventId) : eventIdOf(json, version)
  const context = entry.context as Json
  const rejectedReason = (entry.rejected_reason ?? context.rejected ?? null) as string | null
  const before = context.state_group_before_event as number | null
  return {
    event: storedEvent(json, version, eventId),
    version,
    internal: entry.internal_metadata as InternalMetadata,
    isOutlier: entry.outlier === true,
    rejectedReason,
    stateGroup: (rejectedReason === null ? (context.state_group as number | null) : before) ?? undefined,
    stateGroupBefore: before ?? undefined,
    deltas: readDeltas(context.state_group_deltas),
  }
}

function readJson({ event, event_text: text }: Json): JsonObject {
  if (typeof text !== 'string') return event as JsonObject
  const parsed = parseJson(text)
  if (!parsed.ok || !isObject(parsed.value)) throw new TypeError('send_events: event_text is not JSON')
  return parsed.value
}

type Delta = readonly [from: number, to: number, entries: readonly (readonly [string, string, EventId])[]]

const readDeltas = (deltas: unknown): readonly GroupDelta[] =>
  ((deltas ?? []) as readonly Delta[]).map(([from, to, entries]) => ({
    from,
    to,
    entries: entries.map(([type, stateKey, eventId]) => ({ type, stateKey, eventId })),
  }))

type PrintedPlace = readonly [eventId: EventId, streamOrdering: number]

/**
 * Synapse reads `stream_id` and `event_id`, of the last event: where its transaction ID is known, of the one that has it.
 * Ours is told all of them: `stored`, or `known` by index.
 */
export function printPersisted(persisted: Persisted, { events }: PersistRequest, maxStreamId: number): Json {
  const printed = ({ eventId, streamOrdering }: StoredPlace): PrintedPlace => [eventId, streamOrdering]
  const places = [...persisted.events.values()]
  const last = { eventId: events.at(-1)!.event.eventId, streamOrdering: maxStreamId }
  const { eventId, streamOrdering } = places.at(-1) ?? last
  return {
    stream_id: streamOrdering,
    event_id: eventId,
    max_stream_id: Math.max(maxStreamId, streamOrdering),
    ...(persisted.kind === 'stored'
      ? { stored: places.map(printed) }
      : { known: [...persisted.events].map(([index, place]) => [index, printed(place)]) }),
  }
}

/** What a persister answered to `request`, Synapse's among them. */
export function readPersisted(answer: Json, { events }: PersistRequest): Persisted {
  const read = ([eventId, streamOrdering]: PrintedPlace): StoredPlace => ({ eventId, streamOrdering })
  if (Array.isArray(answer.stored)) return { kind: 'stored', events: (answer.stored as PrintedPlace[]).map(read) }
  if (Array.isArray(answer.known)) {
    const known = answer.known as (readonly [number, PrintedPlace])[]
    return { kind: 'known', events: new Map(known.map(([index, place]) => [index, read(place)])) }
  }
  const last = { eventId: answer.event_id as EventId, streamOrdering: Number(answer.stream_id) }
  const index = events.length - 1
  if (events[index]!.event.eventId !== last.eventId) return { kind: 'known', events: new Map([[index, last]]) }
  // It gave them IDs in a row.
  return {
    kind: 'stored',
    events: events.map(({ event: { eventId } }, at) => ({ eventId, streamOrdering: last.streamOrdering - index + at })),
  }
}
