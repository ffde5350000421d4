/** Events as clients get them, as text: what is the same for every reader is printed once for each event. */

import { clientEvent, federationFormatEvent } from '../../shared/matrix/events/client.ts'
import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import { storedEvent } from '../../shared/matrix/events/read.ts'
import { strippedState } from '../../shared/matrix/events/stripped-state.ts'
import type { KeepFields } from '../../shared/matrix/filter/event-fields.ts'
import type { EventId, UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { redactEvent } from '../../shared/matrix/redact.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'
import { type JsonText, jsonTextOf, objectText } from '../json-text.ts'
import type { EventStore, KnownEvent } from './event-store.ts'
import { type Aggregations, type Bundle, type Bundles, NO_BUNDLES } from './relations/aggregations.ts'
import type { VisibleEvent } from './visibility.ts'

export interface EventReader {
  readonly userId: UserId
  /** Their transaction ID is told to the device that sent the event. */
  readonly deviceId?: string | undefined
}

export interface PrintOptions {
  /** False where the answer says the room elsewhere, as `/sync` does. */
  readonly withRoomId: boolean
  /** `event_format` of a filter. */
  readonly format?: 'client' | 'federation' | undefined
  /** `event_fields` of a filter. */
  readonly fields?: KeepFields | undefined
  /** False: without what relates to the events, as clients of old get them. */
  readonly withRelations?: boolean | undefined
  /** Milliseconds since 1970, for `age`. */
  readonly now: number
}

export interface EventPrinter {
  /**
   * The JSON text of each, in the same order. What they replaced (`prev_content`) is read for all of them at once; not of
   * those that are given as a part of the room's state (`asState`). What relates to them (`m.relations`) is too.
   */
  readonly print: (
    events: readonly VisibleEvent[],
    reader: EventReader,
    options: PrintOptions,
  ) => Promise<readonly JsonText[]>
  /** `invite_state` and its like (client-server-api, "Stripped state"). */
  readonly stripped: (event: RoomEvent) => JsonText
}

export interface EventPrinterDeps {
  readonly events: Pick<EventStore, 'get' | 'peek'>
  readonly aggregations: Aggregations
}

/** An event's text, but for what differs between readers, or from one moment to the next. */
interface Printed {
  /** Up to where `room_id` or `unsigned` follow. */
  readonly head: string
  readonly roomId: string
  readonly ageTs: number | undefined
  /** As a member of `unsigned`, with a comma; empty if it replaces nothing. */
  readonly replacesState: string
}

/** Events that others refer to. */
type Referred = (eventId: EventId) => KnownEvent | undefined

export function makeEventPrinter({ events: store, aggregations }: EventPrinterDeps): EventPrinter {
  const printed = new WeakMap<RoomEvent, Printed>()
  const stripped = new WeakMap<RoomEvent, JsonText>()
  const pruned = new WeakMap<RoomEvent, RoomEvent>()

  const printedOf = (event: RoomEvent, version: RoomVersion): Printed => {
    let text = printed.get(event)
    if (text === undefined) {
      text = printOnce(event, version)
      printed.set(event, text)
    }
    return text
  }
  const prunedOf = ({ event, version }: KnownEvent): RoomEvent => {
    let without = pruned.get(event)
    if (without === undefined) {
      without = prune(event, version)
      pruned.set(event, without)
    }
    return without
  }

  /** What was replaced, and of redactions who sent them: in memory, or one statement for all. */
  const referred = async (events: readonly VisibleEvent[], { userId }: EventReader): Promise<Referred> => {
    let missing: Set<EventId> | undefined
    const found = new Map<EventId, KnownEvent>()
    const want = (eventId: EventId): void => {
      const known = store.peek(eventId)
      if (known !== undefined) found.set(eventId, known)
      else missing = (missing ?? new Set()).add(eventId)
    }
    for (const { known, membership, isPruned } of events) {
      if (isPruned) continue
      const replaced = membership === undefined ? undefined : replacedBy(known.event)
      if (replaced !== undefined) want(replaced)
      if (known.redactedBecause?.sender === userId) want(known.redactedBecause.eventId)
    }
    if (missing !== undefined) for (const [eventId, known] of await store.get([...missing])) found.set(eventId, known)
    return (eventId) => found.get(eventId)
  }

  const spliced = (
    visible: VisibleEvent,
    reader: EventReader,
    refer: Referred,
    options: PrintOptions,
    bundle: Bundle | undefined,
  ): JsonText => {
    const { known, membership, isPruned } = visible
    const { version, redactedBecause } = known
    const event = isPruned ? prunedOf(known) : known.event
    const text = printedOf(event, version)
    let unsigned = text.replacesState
    if (bundle !== undefined) unsigned += `,"m.relations":${relations(bundle, reader, refer, options)}`
    if (membership !== undefined) {
      unsigned += `,"membership":${JSON.stringify(membership)}`
      const replaced = isPruned ? undefined : replacedEvent(event, refer)
      if (replaced !== undefined)
        unsigned += `,"prev_content":${jsonTextOf(replaced.content)},"prev_sender":${JSON.stringify(replaced.sender)}`
    }
    const transactionId = transactionOf(known, reader)
    if (transactionId !== undefined) unsigned += `,"transaction_id":${JSON.stringify(transactionId)}`
    const { delayId } = known.metadata
    if (delayId !== undefined && event.sender === reader.userId)
      unsigned += `,"org.matrix.msc4140.delay_id":${JSON.stringify(delayId)}`
    if (redactedBecause !== undefined && !isPruned) {
      const own = refer(redactedBecause.eventId)
      const ownId = own === undefined ? undefined : transactionOf(own, reader)
      const because = close(
        printedOf(redactedBecause, version),
        ownId === undefined ? '' : `,"transaction_id":${JSON.stringify(ownId)}`,
        options,
      )
      unsigned += `,"redacted_because":${because},"redacted_by":${JSON.stringify(redactedBecause.eventId)}`
    }
    return close(text, unsigned, options)
  }

  /** `m.relations`. */
  const relations = (bundle: Bundle, reader: EventReader, refer: Referred, options: PrintOptions): JsonText => {
    const { edit, references, thread } = bundle
    const nested = (event: VisibleEvent, of?: Bundle) =>
      spliced({ ...event, membership: undefined }, reader, refer, options, of)
    return objectText({
      'm.reference':
        references.length === 0 ? undefined : jsonTextOf({ chunk: references.map((event_id) => ({ event_id })) }),
      'm.replace': edit && nested(edit),
      'm.thread':
        thread &&
        objectText({
          latest_event: nested(thread.last, thread.ofLast),
          count: jsonTextOf(thread.count),
          current_user_participated: jsonTextOf(thread.hasParticipated),
        }),
    })
  }

  /** For those who want other members than the usual: made as an object. */
  const built = (
    visible: VisibleEvent,
    reader: EventReader,
    refer: Referred,
    options: PrintOptions,
    bundle: Bundle | undefined,
  ): JsonText => {
    const { known, membership, isPruned } = visible
    const { version, metadata } = known
    const event = isPruned ? prunedOf(known) : known.event
    const redactedBecause = isPruned ? undefined : known.redactedBecause
    const replaced = isPruned || membership === undefined ? undefined : replacedEvent(event, refer)
    const ownRedaction = redactedBecause === undefined ? undefined : refer(redactedBecause.eventId)
    const ownId = ownRedaction === undefined ? undefined : transactionOf(ownRedaction, reader)
    const context = {
      now: options.now,
      reader: { userId: reader.userId, deviceId: reader.deviceId ?? '' },
      sentBy:
        metadata.deviceId === undefined || metadata.transactionId === undefined
          ? undefined
          : { deviceId: metadata.deviceId, transactionId: metadata.transactionId },
      redactedBecause,
      prevContent: replaced?.content,
      membership,
      relations: bundle && (JSON.parse(relations(bundle, reader, refer, options)) as JsonObject),
    }
    const isFederation = options.format === 'federation'
    const object = isFederation
      ? federationFormatEvent(event, version, context)
      : clientEvent(event, version, context, options)
    const unsigned = object.unsigned as JsonObject
    const because = (redaction: RoomEvent): JsonObject =>
      isFederation
        ? federationFormatEvent(redaction, version, { now: options.now })
        : (unsigned.redacted_because as JsonObject)
    const whole: JsonObject = {
      ...object,
      unsigned: {
        ...unsigned,
        ...(replaced !== undefined && { prev_sender: replaced.sender }),
        ...(redactedBecause !== undefined && {
          redacted_because: withTransaction(because(redactedBecause), ownId),
          redacted_by: redactedBecause.eventId,
        }),
      },
    }
    return jsonTextOf(options.fields === undefined ? whole : options.fields(whole))
  }

  return {
    async print(events, reader, options) {
      const [refer, bundles] = await Promise.all([
        referred(events, reader),
        options.withRelations === false ? NO_BUNDLES : aggregations.of(reader.userId, events),
      ])
      const one = options.fields === undefined && options.format !== 'federation' ? spliced : built
      return events.map((visible) => one(visible, reader, refer, options, bundleOf(bundles, visible)))
    },
    stripped(event) {
      let text = stripped.get(event)
      if (text === undefined) {
        text = jsonTextOf(strippedState(event))
        stripped.set(event, text)
      }
      return text
    },
  }
}

function printOnce(event: RoomEvent, version: RoomVersion): Printed {
  const { unsigned: _, ...members } = clientEvent(event, version, { now: 0 }, { withRoomId: false })
  const { age_ts: ageTs } = unsignedOf(event)
  const replaced = replacedBy(event)
  return {
    head: jsonTextOf(members).slice(0, -1),
    roomId: `,"room_id":${JSON.stringify(event.roomId)}`,
    ageTs: Number.isSafeInteger(ageTs) ? (ageTs as number) : undefined,
    replacesState: replaced === undefined ? '' : `,"replaces_state":${JSON.stringify(replaced)}`,
  }
}

/** Most answers have none. */
const bundleOf = (bundles: Bundles, { known }: VisibleEvent): Bundle | undefined =>
  bundles.size === 0 ? undefined : bundles.get(known.event.eventId)

/** `unsigned`: members, each after a comma. */
function close({ head, roomId, ageTs }: Printed, unsigned: string, { withRoomId, now }: PrintOptions): JsonText {
  const room = withRoomId ? roomId : ''
  if (ageTs !== undefined) return `${head}${room},"unsigned":{"age":${now - ageTs}${unsigned}}}` as JsonText
  return `${head}${room},"unsigned":{${unsigned.slice(1)}}}` as JsonText
}

/** As its redaction would leave it, and what this server says of it. */
function prune(event: RoomEvent, version: RoomVersion): RoomEvent {
  const redacted = redactEvent(event.json, version)
  const { age_ts, replaces_state } = unsignedOf(event)
  const unsigned = { ...(age_ts !== undefined && { age_ts }), ...(replaces_state !== undefined && { replaces_state }) }
  return storedEvent({ ...redacted, unsigned }, version, event.eventId)
}

const NOTHING: JsonObject = {}
const unsignedOf = ({ json }: RoomEvent): JsonObject => (isObject(json.unsigned) ? json.unsigned : NOTHING)

const replacedBy = (event: RoomEvent): EventId | undefined => {
  const { replaces_state: replaced } = unsignedOf(event)
  return event.stateKey !== undefined && typeof replaced === 'string' ? (replaced as EventId) : undefined
}

/** Another server may say what it likes in `replaces_state`: only what could have been replaced was. */
function replacedEvent(event: RoomEvent, refer: Referred): RoomEvent | undefined {
  const eventId = replacedBy(event)
  const replaced = eventId === undefined ? undefined : refer(eventId)?.event
  if (replaced?.roomId !== event.roomId || replaced.type !== event.type) return undefined
  return replaced.stateKey === event.stateKey ? replaced : undefined
}

const transactionOf = ({ event, metadata }: KnownEvent, { userId, deviceId }: EventReader): string | undefined =>
  metadata.transactionId !== undefined &&
  metadata.deviceId !== undefined &&
  metadata.deviceId === deviceId &&
  event.sender === userId
    ? metadata.transactionId
    : undefined

const withTransaction = (event: JsonObject, transactionId: string | undefined): JsonObject =>
  transactionId === undefined
    ? event
    : { ...event, unsigned: { ...(event.unsigned as JsonObject), transaction_id: transactionId } }
