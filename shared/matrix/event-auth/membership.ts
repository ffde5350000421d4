import type { RoomEvent } from '../events/event.ts'
import type { JsonValue } from '../json/value.ts'
import { firstCreator, mayTakePart } from './create.ts'
import { type Level, lacks, namedLevel, printLevel, userLevel } from './power-levels.ts'
import { joinRuleOf, membershipOf, type Room } from './room.ts'
import { type Refusal, refuse } from './rules.ts'
import { authoriseThirdPartyInvite } from './third-party-invite.ts'

/**
 * "If type is `m.room.member`" (rooms/v1 to v5 rule 5, v6 to v11 rule 4, v12 rule 5). The signature that
 * `join_authorised_via_users_server` asks for (rooms/v8 rule 4.2) is verified with the event's others, not here.
 */
export function authoriseMember(event: RoomEvent, room: Room): Refusal | undefined {
  const { stateKey: target, sender, content } = event
  if (target === undefined) return refuse('member.malformed', 'the event names no user as its state key')
  if (content.membership === undefined) return refuse('member.malformed', `the event gives ${target} no membership`)
  if (isFirstJoin(event, room)) return undefined
  // NOTSPEC: no rule says that the target is a user, but no server admits one who is on no server.
  if (!target.includes(':')) return refuse('member.malformed', `the state key ${target} is not a user ID`)
  // NOTSPEC: the specification looks at the sender's server only; Synapse and Dendrite at the target's too.
  if (!mayTakePart(room.create, target)) return refuse('federate', `the room is closed to ${target}, of another server`)

  switch (content.membership) {
    case 'join':
      return authoriseJoin(event, target, room)
    case 'invite':
      return content.third_party_invite === undefined
        ? authoriseInvite(sender, target, room)
        : authoriseThirdPartyInvite(event, target, room)
    case 'leave':
      return sender === target ? authoriseLeave(target, room) : authoriseKick(sender, target, room)
    case 'ban':
      return authoriseBan(sender, target, room)
    case 'knock':
      if (room.version.knocking) return authoriseKnock(sender, target, room)
  }
  return refuse('member.unknown', `the membership for ${target} is none of room version ${room.version.id}`)
}

/** "If the only previous event is an `m.room.create` and the `state_key` is the creator". */
const isFirstJoin = ({ prevEvents, stateKey, content }: RoomEvent, { create, version }: Room): boolean =>
  content.membership === 'join' &&
  prevEvents.length === 1 &&
  prevEvents[0] === create.eventId &&
  stateKey === firstCreator(create, version)

/** "If `membership` is `join`". */
function authoriseJoin({ sender, content }: RoomEvent, target: string, room: Room): Refusal | undefined {
  const { version } = room
  if (sender !== target) return refuse('member.join.sender', `${sender} cannot join for ${target}`)
  const membership = membershipOf(room, target)
  if (membership === 'ban') return refuse('member.join.banned', `${target} is banned`)
  const isWanted = membership === 'join' || membership === 'invite'
  const rule = joinRuleOf(room)
  const isRestricted =
    (rule === 'restricted' && version.restrictedJoins) || (rule === 'knock_restricted' && version.knockRestrictedJoins)
  if (isRestricted)
    return isWanted ? undefined : authoriseRestrictedJoin(target, content.join_authorised_via_users_server, room)
  if (rule === 'public') return undefined
  const isByInvitation = rule === 'invite' || (rule === 'knock' && version.knocking)
  if (isByInvitation && isWanted) return undefined
  const why = isByInvitation ? 'is not invited' : `the join rule is ${typeof rule === 'string' ? rule : 'no string'}`
  return refuse('member.join.otherwise', `${target} cannot join: ${why}`)
}

/** "If the `join_rule` is `restricted`", of a user who is neither joined nor invited (rooms/v8 rule 4.3.5.2). */
function authoriseRestrictedJoin(target: string, authoriser: JsonValue | undefined, room: Room): Refusal | undefined {
  const no = (reason: string) => refuse('member.join.restricted.authorisingUser', `${target} cannot join: ${reason}`)
  if (typeof authoriser !== 'string') return no('is not invited, and no user of the room authorises it')
  if (membershipOf(room, authoriser) !== 'join') return no(`${authoriser}, who authorises it, is not in the room`)
  const has = userLevel(room, authoriser)
  const needs = namedLevel(room, 'invite')
  return has >= needs ? undefined : no(lacks(`${authoriser}, who authorises it,`, 'invite', needs, has))
}

/** "If `membership` is `invite`", without a `third_party_invite`. */
function authoriseInvite(sender: string, target: string, room: Room): Refusal | undefined {
  if (membershipOf(room, sender) !== 'join')
    return refuse('member.invite.sender', `${sender} cannot invite: is not in the room`)
  const membership = membershipOf(room, target)
  if (membership === 'join' || membership === 'ban') {
    const why = membership === 'join' ? 'is in the room already' : 'is banned'
    return refuse('member.invite.target', `${target} cannot be invited: ${why}`)
  }
  const has = userLevel(room, sender)
  const needs = namedLevel(room, 'invite')
  return has >= needs ? undefined : refuse('member.invite.otherwise', lacks(sender, 'invite', needs, has))
}

/** "If `membership` is `leave`", of the sender: leaving, declining an invitation, taking back a knock. */
function authoriseLeave(user: string, room: Room): Refusal | undefined {
  const membership = membershipOf(room, user)
  if (membership === 'join' || membership === 'invite') return undefined
  if (membership === 'knock' && room.version.knocking) return undefined
  const why = membership === 'ban' ? 'is banned' : 'is not in the room'
  return refuse('member.leave.own', `${user} cannot leave: ${why}`)
}

/** "If `membership` is `leave`", of another user: a kick, the end of a ban, an invitation withdrawn. */
function authoriseKick(sender: string, target: string, room: Room): Refusal | undefined {
  if (membershipOf(room, sender) !== 'join')
    return refuse('member.leave.sender', `${sender} cannot kick ${target}: is not in the room`)
  const has = userLevel(room, sender)
  if (membershipOf(room, target) === 'ban') {
    const needs = namedLevel(room, 'ban')
    if (!(has >= needs)) return refuse('member.leave.unban', lacks(sender, `unban ${target}`, needs, has))
  }
  const needs = namedLevel(room, 'kick')
  if (!(has >= needs)) return refuse('member.leave.otherwise', lacks(sender, `kick ${target}`, needs, has))
  const targetLevel = userLevel(room, target)
  return targetLevel < has
    ? undefined
    : refuse('member.leave.otherwise', notBelow(`${sender} cannot kick ${target}`, targetLevel, has))
}

/** "If `membership` is `ban`". */
function authoriseBan(sender: string, target: string, room: Room): Refusal | undefined {
  if (membershipOf(room, sender) !== 'join')
    return refuse('member.ban.sender', `${sender} cannot ban ${target}: is not in the room`)
  const has = userLevel(room, sender)
  const needs = namedLevel(room, 'ban')
  if (!(has >= needs)) return refuse('member.ban.otherwise', lacks(sender, `ban ${target}`, needs, has))
  const targetLevel = userLevel(room, target)
  return targetLevel < has
    ? undefined
    : refuse('member.ban.otherwise', notBelow(`${sender} cannot ban ${target}`, targetLevel, has))
}

const notBelow = (act: string, level: Level, has: Level): string =>
  `${act}, whose power level ${printLevel(level)} is not below ${printLevel(has)}`

/** "If `membership` is `knock`" (from rooms/v7). */
function authoriseKnock(sender: string, target: string, room: Room): Refusal | undefined {
  const rule = joinRuleOf(room)
  if (rule !== 'knock' && !(rule === 'knock_restricted' && room.version.knockRestrictedJoins))
    return refuse('member.knock.joinRule', `${target} cannot knock: the join rule does not let users knock`)
  if (sender !== target) return refuse('member.knock.sender', `${sender} cannot knock for ${target}`)
  switch (membershipOf(room, sender)) {
    case 'ban':
      return refuse('member.knock.otherwise', `${sender} cannot knock: is banned`)
    case 'invite':
      return refuse('member.knock.otherwise', `${sender} cannot knock: is invited`)
    case 'join':
      return refuse('member.knock.otherwise', `${sender} cannot knock: is in the room already`)
    default:
      return undefined
  }
}
