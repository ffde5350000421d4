import type { RoomEvent } from '../events/event.ts'
import type { RoomVersion } from '../room-version.ts'
import type { StateLookup } from '../state-map.ts'
import { authoriseAliases } from './aliases.ts'
import { authoriseCreate, mayTakePart } from './create.ts'
import { authoriseMember } from './membership.ts'
import { authorisePowerLevels } from './power-level-changes.ts'
import { lacks, namedLevel, requiredLevel, userLevel } from './power-levels.ts'
import { authoriseRedaction } from './redaction.ts'
import { membershipOf, type Room } from './room.ts'
import { numbered, type Refusal, refuse } from './rules.ts'

/** Why an event may not be sent. */
export interface AuthRefusal {
  /** Number of the rule in "Authorisation rules" of the specification of the room's version: `4.3.1`. */
  readonly rule: string
  /** For people: `@bob:b cannot invite: needs power level 50, has 0`. */
  readonly reason: string
}

/**
 * Whether an event may be sent in a room of that state, by the rules that look at state; undefined: it may. Those that look
 * at its `auth_events` are `checkAuthEvents`; signatures are not looked at (rooms/v8 rule 4.2 is the verifier's).
 * Rooms/v1 to v12, "Authorisation rules": create events by rule 1, others by those after "Considering the event's
 * `auth_events`".
 *
 * @param state the state before the event, that which its auth events give, or the room's current state. Only the pairs of
 * `authEventKeys` are asked for, and the create event, in all room versions.
 */
export const authorise = (event: RoomEvent, version: RoomVersion, state: StateLookup): AuthRefusal | undefined =>
  numbered(firstRefusal(event, version, state), version)

function firstRefusal(event: RoomEvent, version: RoomVersion, state: StateLookup): Refusal | undefined {
  const { type, stateKey, sender } = event
  if (type === 'm.room.create') return authoriseCreate(event, version)

  const create = state('m.room.create', '')
  if (create === undefined)
    return refuse(version.roomIdIsCreateHash ? 'roomId' : 'authEvents.create', 'the room has no create event')

  if (!mayTakePart(create, sender)) return refuse('federate', `the room is closed to ${sender}, of another server`)
  if (version.aliasesRule && type === 'm.room.aliases') return authoriseAliases(event)
  const room: Room = { version, create, state, content: state('m.room.power_levels', '')?.content }
  if (type === 'm.room.member') return authoriseMember(event, room)

  if (membershipOf(room, sender) !== 'join') return refuse('senderNotJoined', `${sender} is not in the room`)
  const has = userLevel(room, sender)
  if (type === 'm.room.third_party_invite') {
    const needs = namedLevel(room, 'invite')
    return has >= needs ? undefined : refuse('thirdPartyInvite.level', lacks(sender, 'invite', needs, has))
  }
  const needs = requiredLevel(room, type, stateKey !== undefined)
  if (!(has >= needs)) return refuse('requiredLevel', lacks(sender, `send ${type}`, needs, has))
  if (stateKey?.startsWith('@') && stateKey !== sender)
    return refuse('stateKeyOfOther', `${sender} cannot set state of ${stateKey}`)
  if (type === 'm.room.power_levels') return authorisePowerLevels(event, room)
  if (version.redactionRule && type === 'm.room.redaction') return authoriseRedaction(event, room)
  return undefined
}
