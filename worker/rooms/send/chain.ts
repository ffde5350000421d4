/**
 * Events that follow one another, built and authorised in memory: each against the state that the one before it left. Nothing
 * is stored here.
 */

import { randomBytes } from 'node:crypto'
import { authEventKeys, selectAuthEvents } from '../../../shared/matrix/event-auth/auth-events.ts'
import { authorise } from '../../../shared/matrix/event-auth/authorise.ts'
import { buildEvent } from '../../../shared/matrix/events/build.ts'
import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import { strippedState } from '../../../shared/matrix/events/stripped-state.ts'
import { createIdOfRoom } from '../../../shared/matrix/hashes.ts'
import type { EventId, RoomId, ServerName, UserId } from '../../../shared/matrix/ids.ts'
import { canonicalJson } from '../../../shared/matrix/json/canonical.ts'
import type { JsonObject, JsonValue } from '../../../shared/matrix/json/value.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import type { RoomVersion } from '../../../shared/matrix/room-version.ts'
import type { SigningKey } from '../../../shared/matrix/signing/ed25519.ts'
import type { StateLookup, StateMap } from '../../../shared/matrix/state-map.ts'
import type { EventStore, KnownEvent } from '../event-store.ts'
import type { InternalMetadata } from '../events/metadata.ts'
import type { Author, EventIntent } from '../sender.ts'
import { entryOf, withEntries } from '../state-maps.ts'
import { type GroupRef, groupBefore } from './groups.ts'
import type { Place, PrevEvent } from './place.ts'
import { checkRedaction } from './redaction.ts'

export interface ChainDeps {
  readonly events: Pick<EventStore, 'get'>
  readonly serverName: ServerName
  readonly signingKey: SigningKey
  /** State that the invited and those who knock see. Without a state key: all of the type. */
  readonly prejoinState: readonly { readonly type: string; readonly stateKey?: string | undefined }[]
  readonly now: () => number
}

/** What somebody wants of a room, all of it or nothing. */
export interface Wish {
  readonly intents: readonly EventIntent[]
  readonly author: Author
  /** Of a single intent. */
  readonly txnId?: string | undefined
}

export interface MadeEvent {
  readonly event: RoomEvent
  readonly internal: InternalMetadata
  readonly before: GroupRef
  readonly after: GroupRef
}

/** For each intent: the event that was made for it, or one that says the same and is there. */
export type Made = { readonly made: MadeEvent } | { readonly there: EventId }

export interface Chain {
  /** Made so far, first to last. */
  readonly events: () => readonly MadeEvent[]
  /** Adds what is wanted at the end. Throws a `MatrixError`, and has added nothing, where a rule refuses any of it. */
  readonly add: (wish: Wish) => Promise<readonly Made[]>
}

interface End {
  readonly prevEvents: readonly PrevEvent[]
  readonly state: StateMap
  readonly group: GroupRef | undefined
  readonly length: number
}

/** `roomId`: undefined until the create event was made, in rooms of which it is the hash. */
export function startChain(deps: ChainDeps, version: RoomVersion, roomId: RoomId | undefined, place: Place): Chain {
  let events: MadeEvent[] = []
  /** Events that rules may ask for: what is stored, and those that were made. */
  const read = new Map<EventId, KnownEvent | undefined>()
  const made = new Map<EventId, RoomEvent>()
  let room = roomId
  let end: End = {
    prevEvents: place.prevEvents,
    state: place.state,
    group: place.group === undefined ? undefined : { group: place.group },
    length: 0,
  }

  /** What all of these intents may ask of the state there is: one statement, if it is not in memory. */
  const readAhead = async (ids: Iterable<EventId | undefined>): Promise<void> => {
    const missing = [...new Set(ids)].filter((id) => id !== undefined && !read.has(id) && !made.has(id)) as EventId[]
    if (missing.length === 0) return
    const found = await deps.events.get(missing)
    for (const id of missing) read.set(id, found.get(id))
  }
  const eventOf = (id: EventId | undefined): RoomEvent | undefined =>
    id === undefined ? undefined : (made.get(id) ?? read.get(id)?.event)

  const idsFor = (intent: EventIntent, author: Author): (EventId | undefined)[] => {
    const { type, stateKey, content, sender = author.userId, redacts } = intent
    const keys = authEventKeys({ type, stateKey, content, sender }, version)
    const { state } = end
    return [
      ...keys.map(([type, stateKey]) => entryOf(state, type, stateKey)),
      stateKey === undefined ? undefined : entryOf(state, type, stateKey),
      entryOf(state, 'm.room.create', ''),
      redacts,
      ...(showsPrejoinState(intent) ? prejoinIds(state, sender) : []),
    ]
  }

  /** And who invites: clients show by that who it is. */
  const prejoinIds = (state: StateMap, sender: UserId): EventId[] =>
    [...deps.prejoinState, { type: 'm.room.member', stateKey: sender }].flatMap(({ type, stateKey }) => {
      const keys = state.get(type)
      if (keys === undefined) return []
      if (stateKey === undefined) return [...keys.values()]
      return keys.get(stateKey) ?? []
    })

  const unsignedOf = (intent: EventIntent, sender: UserId, replaced: EventId | undefined, at: number): JsonObject => ({
    age_ts: at,
    ...(replaced !== undefined && { replaces_state: replaced }),
    ...(showsPrejoinState(intent) && {
      [intent.content.membership === 'invite' ? 'invite_room_state' : 'knock_room_state']: prejoinIds(
        end.state,
        sender,
      ).flatMap((id): JsonValue[] => {
        const event = eventOf(id)
        return event === undefined ? [] : [strippedState(event)]
      }),
    }),
  })

  const make = (intent: EventIntent, { author, txnId }: Wish): Made => {
    const { type, stateKey, content, redacts, sender = author.userId } = intent
    refuseNul(type, stateKey, redacts)
    const { state, prevEvents } = end
    const lookup: StateLookup = (type, stateKey) => eventOf(entryOf(state, type, stateKey))
    const replaced = stateKey === undefined ? undefined : entryOf(state, type, stateKey)
    const current = eventOf(replaced)
    if (current !== undefined && current.sender === sender && saysTheSame(current, content))
      return { there: current.eventId }

    const at = intent.originServerTs ?? deps.now()
    const built = buildEvent(
      version,
      { roomId: room, type, stateKey, sender, content, redacts, unsigned: unsignedOf(intent, sender, replaced, at) },
      {
        prevEvents,
        authEvents: selectAuthEvents({ type, stateKey, sender, content }, version, lookup),
        originServerTs: at,
      },
      { server: deps.serverName, key: deps.signingKey, newEventId: newEventId(version, deps.serverName) },
    )
    if (!built.ok)
      throw new MatrixError(/too large|longer than/.test(built.reason) ? 'M_TOO_LARGE' : 'M_BAD_JSON', built.reason)
    const event = built.value
    const refusal = authorise(event, version, lookup)
    if (refusal !== undefined) throw new MatrixError('M_FORBIDDEN', refusal.reason)
    if (type === 'm.room.redaction' && event.redacts !== undefined)
      checkRedaction(event, version, lookup, read.get(event.redacts))

    const before = end.group ?? groupBefore(place, event.eventId)
    const after = stateKey === undefined ? before : groupAfter(event, stateKey, before)
    const own = internalOf(author, sender, txnId)
    const internal = intent.delayId === undefined ? own : { ...own, delay_id: intent.delayId }
    end = {
      prevEvents: [event],
      state: stateKey === undefined ? state : (after as { readonly state: StateMap }).state,
      group: after,
      length: end.length + 1,
    }
    room ??= event.roomId
    made.set(event.eventId, event)
    const added = { event, internal, before, after }
    events.push(added)
    return { made: added }
  }

  const groupAfter = ({ eventId, type }: RoomEvent, stateKey: string, prev: GroupRef): GroupRef => {
    const delta = [{ type, stateKey, eventId }]
    return { eventId, state: withEntries(end.state, delta), prev, delta }
  }

  return {
    events: () => events,
    async add(wish) {
      const { intents, author } = wish
      const before = end
      await readAhead([
        ...intents.flatMap((intent) => idsFor(intent, author)),
        version.roomIdIsCreateHash && room !== undefined ? createIdOfRoom(room) : undefined,
      ])
      try {
        const results: Made[] = []
        for (const intent of intents) {
          // What the ones before it changed was made here, or was read ahead, but for what they brought into the rules' view.
          await readAhead(idsFor(intent, author))
          results.push(make(intent, wish))
        }
        return results
      } catch (error) {
        for (const { event } of events.slice(before.length)) made.delete(event.eventId)
        events = events.slice(0, before.length)
        end = before
        if (roomId === undefined && before.length === 0) room = undefined
        throw error
      }
    },
  }
}

const showsPrejoinState = ({ type, stateKey, content: { membership } }: EventIntent): boolean =>
  type === 'm.room.member' && stateKey !== undefined && (membership === 'invite' || membership === 'knock')

/** Postgres has none in its text. */
function refuseNul(...fields: readonly (string | undefined)[]): void {
  if (fields.some((field) => field?.includes('\0')))
    throw new MatrixError('M_INVALID_PARAM', 'an event has a NUL character in its type, state key or redacts')
}

const saysTheSame = ({ content }: RoomEvent, other: JsonObject): boolean => {
  try {
    return canonicalJson(content) === canonicalJson(other)
  } catch {
    // A number that no event may have: it is refused when it is built.
    return false
  }
}

/** The device is told its transaction ID in `/sync`; nobody else's. */
function internalOf({ userId, deviceId }: Author, sender: string, txnId: string | undefined): InternalMetadata {
  if (deviceId === undefined || userId !== sender) return {}
  return txnId === undefined ? { device_id: deviceId } : { txn_id: txnId, device_id: deviceId }
}

const newEventId = (version: RoomVersion, serverName: ServerName): EventId | undefined =>
  version.eventIds === 'assigned' ? (`$${randomBytes(18).toString('base64url')}:${serverName}` as EventId) : undefined
