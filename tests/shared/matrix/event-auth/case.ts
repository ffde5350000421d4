/** Cases of event authorisation: a room in a few words, an event, and the rule that refuses it in each room version. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorise } from '../../../../shared/matrix/event-auth/authorise.ts'
import type { RoomEvent } from '../../../../shared/matrix/events/event.ts'
import type { EventId, RoomId, UserId } from '../../../../shared/matrix/ids.ts'
import type { JsonObject, JsonValue } from '../../../../shared/matrix/json/value.ts'
import { type RoomVersion, type RoomVersionId, roomVersions } from '../../../../shared/matrix/room-version.ts'
import type { StateLookup } from '../../../../shared/matrix/state-map.ts'

/** Who made the room. */
export const ALICE = '@alice:a'
export const BOB = '@bob:b'
export const CAROL = '@carol:c'

export interface Fields {
  readonly type: string
  readonly sender?: string
  readonly stateKey?: string
  readonly content?: JsonObject
  readonly eventId?: string
  readonly roomId?: string
  readonly prevEvents?: readonly string[]
  readonly redacts?: string
  /** More of the event's own JSON. */
  readonly json?: JsonObject
}

export function eventOf(fields: Fields, version: RoomVersion): RoomEvent {
  const { type, sender = ALICE, content = {}, stateKey, redacts } = fields
  return {
    eventId: (fields.eventId ?? '$event') as EventId,
    roomId: (fields.roomId ?? roomIdOf(version)) as RoomId,
    type,
    stateKey,
    sender: sender as UserId,
    content,
    originServerTs: 0,
    depth: 1,
    prevEvents: (fields.prevEvents ?? ['$before']) as EventId[],
    authEvents: [],
    redacts: redacts as EventId | undefined,
    json: { type, sender, content, ...fields.json },
  }
}

export const roomIdOf = (version: RoomVersion): string => (version.roomIdIsCreateHash ? '!create' : '!room:a')

/** A room of Alice's, who is joined unless `members` says otherwise. */
export interface Given {
  /** Content of the create event, beside its `creator`. */
  readonly create?: JsonObject
  readonly members?: Readonly<Record<string, JsonValue>>
  /** Absent: there is no `m.room.join_rules` event. */
  readonly joinRule?: JsonValue
  /** Absent: there is no `m.room.power_levels` event. */
  readonly levels?: JsonObject
  readonly more?: readonly Fields[]
}

export function stateOf({ create, members, joinRule, levels, more = [] }: Given, version: RoomVersion): RoomEvent[] {
  const creator = version.creator === 'content' ? { creator: ALICE } : {}
  const fields: Fields[] = [
    { type: 'm.room.create', stateKey: '', content: { ...creator, ...create }, eventId: '$create', prevEvents: [] },
    ...Object.entries({ [ALICE]: 'join', ...members }).map(([userId, membership]) => member(userId, membership)),
    ...(joinRule === undefined ? [] : [{ type: 'm.room.join_rules', stateKey: '', content: { join_rule: joinRule } }]),
    ...(levels === undefined ? [] : [{ type: 'm.room.power_levels', stateKey: '', content: levels }]),
    ...more,
  ]
  return fields.map((each, index) => eventOf({ eventId: `$state${index}`, ...each }, version))
}

export const lookupIn =
  (state: readonly RoomEvent[]): StateLookup =>
  (type, stateKey) =>
    state.findLast((event) => event.type === type && event.stateKey === stateKey)

/** `m.room.member` of a user, sent by that user or by another. */
export const member = (userId: string, membership: JsonValue, sender = userId, content: JsonObject = {}): Fields => ({
  type: 'm.room.member',
  stateKey: userId,
  sender,
  content: { membership, ...content },
})

/** Room versions (`6`, `8-11`) → the number of the rule that refuses, or `allow`. */
export type Expected = Readonly<Record<string, string>>

export function versionsOf(range: string): RoomVersion[] {
  const [first, last = first] = range.split('-').map(Number)
  return Object.values(roomVersions).filter(({ id }) => Number(id) >= first! && Number(id) <= last!)
}

/** Numbers below "If type is `m.room.member`". */
export const inMember = (expected: Expected): Expected => below({ '1-5': '5', '6-11': '4', '12': '5' }, expected)
/** Numbers below "If type is `m.room.power_levels`". */
export const inPowerLevels = (expected: Expected): Expected => below({ '1-5': '10', '6-11': '9', '12': '10' }, expected)

function below(parents: Expected, expected: Expected): Expected {
  const numbers: Record<string, string> = {}
  for (const [range, number] of Object.entries(expected))
    for (const { id } of versionsOf(range)) {
      const parent = Object.keys(parents).find((parents) => versionsOf(parents).some((version) => version.id === id))!
      numbers[id] = number === 'allow' ? number : `${parents[parent]}.${number}`
    }
  return numbers
}

export const ALLOWED: Expected = { '1-12': 'allow' }

/** One test: the event in that room, in all room versions that `expected` names. */
export function authorisationCase(title: string, given: Given, fields: Fields, expected: Expected): void {
  test(title, () => {
    for (const [range, rule] of Object.entries(expected))
      for (const version of versionsOf(range)) {
        const refusal = authorise(eventOf(fields, version), version, lookupIn(stateOf(given, version)))
        assert.equal(refusal?.rule ?? 'allow', rule, `rooms/v${version.id}: ${refusal?.reason ?? 'allowed'}`)
      }
  })
}

export const versionIds = Object.keys(roomVersions) as readonly RoomVersionId[]
