import { type RoomVersion, roomVersions } from '../room-version.ts'
import type { AuthRefusal } from './authorise.ts'

/** Whether a room version has the rule; absent: all have it. */
type Has = (version: RoomVersion) => boolean

/**
 * "Authorisation rules" of rooms/v1 to rooms/v12 in the order of the specification. A rule's number is its place among
 * those its room version has, below the rule that its name starts with: `member.join.sender` is 5.2.2 in rooms/v1, 4.2.2
 * in rooms/v6, 4.3.2 in rooms/v8. Each `….allow` only holds its place. (The source of rooms/v12 numbers its rule 3 as
 * 1, 2, 3, 5; it is published as 1 to 4, which is what counting gives.)
 */
const outline = [
  ['create'],
  ['create.prevEvents'],
  ['create.roomId'],
  ['create.roomVersion'],
  ['create.creator', (version) => version.creator === 'content'],
  ['create.additionalCreators', (version) => version.creatorsAbovePowerLevels],
  ['create.allow'],

  ['roomId', (version) => version.roomIdIsCreateHash],

  ['authEvents'],
  ['authEvents.duplicate'],
  ['authEvents.unexpected'],
  ['authEvents.rejected'],
  ['authEvents.create', (version) => !version.roomIdIsCreateHash],
  ['authEvents.room'],

  ['federate'],

  ['aliases', (version) => version.aliasesRule],
  ['aliases.stateKey'],
  ['aliases.domain'],
  ['aliases.allow'],

  ['member'],
  ['member.malformed'],
  ['member.authorisingServer', (version) => version.restrictedJoins],
  ['member.join'],
  ['member.join.allowCreator'],
  ['member.join.sender'],
  ['member.join.banned'],
  ['member.join.allowInvited'],
  ['member.join.restricted', (version) => version.restrictedJoins],
  ['member.join.restricted.allowInvited'],
  ['member.join.restricted.authorisingUser'],
  ['member.join.restricted.allow'],
  ['member.join.allowPublic'],
  ['member.join.otherwise'],
  ['member.invite'],
  ['member.invite.thirdParty'],
  ['member.invite.thirdParty.banned'],
  ['member.invite.thirdParty.signed'],
  ['member.invite.thirdParty.properties'],
  ['member.invite.thirdParty.target'],
  ['member.invite.thirdParty.event'],
  ['member.invite.thirdParty.sender'],
  ['member.invite.thirdParty.allow'],
  ['member.invite.thirdParty.otherwise'],
  ['member.invite.sender'],
  ['member.invite.target'],
  ['member.invite.allow'],
  ['member.invite.otherwise'],
  ['member.leave'],
  ['member.leave.own'],
  ['member.leave.sender'],
  ['member.leave.unban'],
  ['member.leave.allow'],
  ['member.leave.otherwise'],
  ['member.ban'],
  ['member.ban.sender'],
  ['member.ban.allow'],
  ['member.ban.otherwise'],
  ['member.knock', (version) => version.knocking],
  ['member.knock.joinRule'],
  ['member.knock.sender'],
  ['member.knock.allow'],
  ['member.knock.otherwise'],
  ['member.unknown'],

  ['senderNotJoined'],

  ['thirdPartyInvite'],
  ['thirdPartyInvite.level'],

  ['requiredLevel'],

  ['stateKeyOfOther'],

  ['powerLevels'],
  ['powerLevels.levels', (version) => version.integerPowerLevels],
  ['powerLevels.maps', (version) => version.integerPowerLevels],
  ['powerLevels.users'],
  ['powerLevels.creators', (version) => version.creatorsAbovePowerLevels],
  ['powerLevels.allowFirst'],
  ['powerLevels.changedLevel'],
  ['powerLevels.changedLevel.current'],
  ['powerLevels.changedLevel.new'],
  ['powerLevels.changedEntry'],
  ['powerLevels.changedEntry.current'],
  ['powerLevels.newEntry'],
  ['powerLevels.newEntry.new'],
  ['powerLevels.changedUser'],
  ['powerLevels.changedUser.current'],
  ['powerLevels.newUser'],
  ['powerLevels.newUser.new'],
  ['powerLevels.allow'],

  ['redaction', (version) => version.redactionRule],
  ['redaction.allowLevel'],
  ['redaction.allowServer'],
  ['redaction.otherwise'],

  ['allow'],
] as const satisfies readonly (readonly [name: string, has?: Has])[]

export type RuleName = (typeof outline)[number][0]

/** A rule refuses. `reason` is for people: it names users and levels, and what was missing. */
export interface Refusal {
  readonly rule: RuleName
  readonly reason: string
}

/** Reasons hold what strangers wrote, of which only whole events have a limit. */
const MAX_REASON = 1000

export const refuse = (rule: RuleName, reason: string): Refusal => ({
  rule,
  reason: reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason,
})

/** The numbers of the rules that `version` has: name → `4.3.2`. */
export function numberRules(version: RoomVersion): ReadonlyMap<RuleName, string> {
  const numbers = new Map<string, string>()
  const counted = new Map<string, number>()
  for (const [name, has] of outline as readonly (readonly [RuleName, Has?])[]) {
    const parent = name.slice(0, Math.max(0, name.lastIndexOf('.')))
    const above = parent === '' ? '' : numbers.get(parent)
    if (above === undefined || has?.(version) === false) continue
    const place = (counted.get(parent) ?? 0) + 1
    counted.set(parent, place)
    numbers.set(name, above === '' ? `${place}` : `${above}.${place}`)
  }
  return numbers as Map<RuleName, string>
}

const numbersOf = new Map(Object.values(roomVersions).map((version) => [version, numberRules(version)]))

/** The refusal as it is told: with the rule's number in the specification of that room version. */
export function numbered(refusal: Refusal | undefined, version: RoomVersion): AuthRefusal | undefined {
  if (refusal === undefined) return undefined
  const rule = (numbersOf.get(version) ?? numberRules(version)).get(refusal.rule)
  if (rule === undefined) throw new Error(`room version ${version.id} has no rule ${refusal.rule}`)
  return { rule, reason: refusal.reason }
}
