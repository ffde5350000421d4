/** A room that grows: events are made, signed and authorised, and each keeps the state after it. */

import { selectAuthEvents } from '../../../shared/matrix/event-auth/auth-events.ts'
import { authorise } from '../../../shared/matrix/event-auth/authorise.ts'
import { checkAuthEvents } from '../../../shared/matrix/event-auth/check-auth-events.ts'
import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import { storedEvent } from '../../../shared/matrix/events/read.ts'
import { eventIdOf } from '../../../shared/matrix/hashes.ts'
import type { EventId, RoomId, ServerName, UserId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import type { RoomVersion } from '../../../shared/matrix/room-version.ts'
import { countersignEvent, signEvent } from '../../../shared/matrix/signing/sign.ts'
import type { StateLookup, StateMap } from '../../../shared/matrix/state-map.ts'
import { resolveState } from '../../../shared/matrix/state-resolution/resolve.ts'
import type { Check } from '../question.ts'
import { serverOf, world } from './world.ts'

/** What someone wants to send. */
export interface Draft {
  readonly type: string
  readonly stateKey?: string
  readonly sender: UserId
  readonly content: JsonObject
  readonly redacts?: string
}

/** Where an event strays from what a server at its best would make. */
export interface Distortion {
  /** What becomes of its auth events. */
  readonly authEvents?: (selected: readonly RoomEvent[]) => readonly RoomEvent[]
  /** Who signs it besides or instead of the sender's server. */
  readonly signers?: readonly ServerName[]
  readonly roomId?: RoomId
}

export interface Room {
  readonly version: RoomVersion
  readonly roomId: RoomId
  readonly events: readonly RoomEvent[]
  readonly rejected: ReadonlySet<number>
  readonly checks: readonly Check[]
  stateAfter(event: number): StateMap
  /** The resolved state before an event with these previous events. */
  stateBefore(prevs: readonly number[]): StateMap
  lookup(state: StateMap): StateLookup
  indexes(state: StateMap): number[]
  /** Makes an event. Returns its index; whether it was let in, {@link rejected} tells. */
  append(draft: Draft, prevs: readonly number[], originServerTs: number, distortion?: Distortion): number
}

export const makeRoom = (version: RoomVersion, chosenId: RoomId): Room => {
  const events: RoomEvent[] = []
  const position = new Map<EventId, number>()
  const rejected = new Set<number>()
  const checks: Check[] = []
  const after: StateMap[] = []
  let roomId = chosenId

  const event = (id: EventId): RoomEvent | undefined => events[position.get(id)!]
  const isRejected = ({ eventId }: RoomEvent) => rejected.has(position.get(eventId)!)
  const lookup =
    (state: StateMap): StateLookup =>
    (type, stateKey) => {
      const id = state.get(type)?.get(stateKey)
      return id === undefined ? undefined : event(id)
    }
  const indexes = (state: StateMap): number[] =>
    [...state.values()].flatMap((keys) => [...keys.values()].map((id) => position.get(id)!))

  const stateBefore = (prevs: readonly number[]): StateMap => {
    const resolution = resolveState(
      version,
      prevs.map((prev) => after[prev]!),
      event,
      { isRejected },
    )
    if ('missing' in resolution) throw new Error(`missing ${resolution.missing.join(', ')}`)
    return resolution.state
  }

  const make = (
    draft: Draft,
    prevs: readonly number[],
    auth: readonly RoomEvent[],
    ts: number,
    distortion: Distortion,
  ) => {
    const references = (ids: readonly EventId[]) => (version.eventIds === 'assigned' ? ids.map((id) => [id, {}]) : ids)
    const isV12Create = version.roomIdIsCreateHash && draft.type === 'm.room.create' && draft.stateKey === ''
    const server = serverOf(draft.sender)
    let json: JsonObject = {
      type: draft.type,
      sender: draft.sender,
      content: draft.content,
      ...(isV12Create ? {} : { room_id: distortion.roomId ?? roomId }),
      ...(draft.stateKey === undefined ? {} : { state_key: draft.stateKey }),
      ...(draft.redacts === undefined ? {} : { redacts: draft.redacts }),
      ...(version.eventIds === 'assigned' ? { event_id: `$${events.length}${draft.sender.charAt(1)}:${server}` } : {}),
      origin_server_ts: ts,
      depth: Math.max(0, ...prevs.map((prev) => events[prev]!.depth)) + 1,
      prev_events: references(prevs.map((prev) => events[prev]!.eventId)),
      auth_events: references(auth.map(({ eventId }) => eventId)),
    }
    const [first, ...more] = distortion.signers ?? [server]
    json =
      first === undefined
        ? { ...json, hashes: { sha256: '' }, signatures: {} }
        : signEvent(json, version, first, world.keys.get(first)!)
    for (const signer of more) json = countersignEvent(json, version, signer, world.keys.get(signer)!)
    return storedEvent(json, version, eventIdOf(json, version))
  }

  const add = (made: RoomEvent, state: StateMap): number => {
    position.set(made.eventId, events.length)
    after.push(state)
    return events.push(made) - 1
  }

  return {
    version,
    get roomId() {
      return roomId
    },
    events,
    rejected,
    checks,
    stateAfter: (index) => after[index]!,
    stateBefore,
    lookup,
    indexes,
    append(draft, prevs, ts, distortion = {}) {
      const before = stateBefore(prevs)
      const draftedEvent = { ...draft, stateKey: draft.stateKey }
      const selected = selectAuthEvents(draftedEvent, version, lookup(before))
      const auth = distortion.authEvents?.(selected) ?? selected
      const made = make(draft, prevs, auth, ts, distortion)
      const known = position.get(made.eventId)
      if (known !== undefined) return known // the same again, to the last byte
      const create = events[0] ?? made
      if (events.length === 0) roomId = made.roomId
      const index = add(made, before)

      const ofAuthEvents = new Map(auth.map((one) => [`${one.type} ${one.stateKey}`, one]))
      if (version.roomIdIsCreateHash) ofAuthEvents.set('m.room.create ', create)
      checks.push({ event: index, state: [...ofAuthEvents.values()].map(({ eventId }) => position.get(eventId)!) })
      checks.push({ event: index, state: indexes(before) })
      const refusal =
        checkAuthEvents(made, version, auth, isRejected, create) ??
        authorise(made, version, (type, stateKey) => ofAuthEvents.get(`${type} ${stateKey}`)) ??
        authorise(made, version, lookup(before))
      if (refusal !== undefined) rejected.add(index)
      else if (made.stateKey !== undefined) after[index] = withState(before, made.type, made.stateKey, made.eventId)
      return index
    },
  }
}

const withState = (state: StateMap, type: string, stateKey: string, id: EventId): StateMap =>
  new Map(state).set(type, new Map(state.get(type)).set(stateKey, id))
