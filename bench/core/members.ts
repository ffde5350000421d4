/** Members of a room as push rules see them: most with the server's rules, some with rules of their own. */

import type { Member } from '../../shared/matrix/push-rules/condition.ts'
import type { PushRule, UserPushRules } from '../../shared/matrix/push-rules/rule.ts'
import { noUserRules, ruleKey } from '../../shared/matrix/push-rules/rule.ts'
import { makeRandom, type Random } from '../../tests/harness/random.ts'

export interface PushMember {
  readonly userId: string
  readonly member: Member
  readonly rules: UserPushRules
}

const KEYWORDS = ['release', 'deploy', 'on call', 'quiet', 'incident', 'naïve', 'coffee', 'matrix', 'worker', 'lunch']

/** Of ten: one has turned off a rule of the server's, three have rules of their own. */
export function makeMembers(count: number, seed: number): readonly PushMember[] {
  const random = makeRandom(seed)
  return Array.from({ length: count }, (_, n) => ({
    userId: `@member${n}:server${n % 30}.example`,
    member: { displayName: `${random.pick(['Maria', 'Jo', 'Ахмед', 'Zoë', 'The Member'])} ${n}` },
    rules: rulesOf(random),
  }))
}

function rulesOf(random: Random): UserPushRules {
  switch (random.int(10)) {
    case 0:
      return { ...noUserRules, enabled: new Map([[ruleKey('override', '.m.rule.roomnotif'), false]]) }
    case 1:
      return { ...noUserRules, rules: keywords(random, 1 + random.int(3)) }
    case 2:
      return { ...noUserRules, rules: [...mutedRooms(random, 1 + random.int(20)), ...keywords(random, 1)] }
    case 3:
      return { ...noUserRules, rules: loudRooms(random, 1 + random.int(5)) }
    default:
      return noUserRules
  }
}

const own = (rule: Pick<PushRule, 'kind' | 'ruleId' | 'actions'> & Partial<PushRule>): PushRule => ({
  enabled: true,
  conditions: [],
  pattern: undefined,
  ...rule,
})
const roomId = (random: Random): string => `!room${random.int(40)}:server0.example`
const distinct = (count: number, make: () => string): string[] => [...new Set(Array.from({ length: count }, make))]

const keywords = (random: Random, count: number): PushRule[] =>
  distinct(count, () => random.pick(KEYWORDS)).map((pattern) =>
    own({
      kind: 'content',
      ruleId: pattern,
      pattern,
      actions: ['notify', { set_tweak: 'highlight' }, { set_tweak: 'sound', value: 'default' }],
    }),
  )

/** As clients do it. */
const mutedRooms = (random: Random, count: number): PushRule[] =>
  distinct(count, () => roomId(random)).map((id) =>
    own({
      kind: 'override',
      ruleId: id,
      conditions: [{ kind: 'event_match', key: 'room_id', pattern: id }],
      actions: ['dont_notify'],
    }),
  )

const loudRooms = (random: Random, count: number): PushRule[] =>
  distinct(count, () => roomId(random)).map((id) =>
    own({ kind: 'room', ruleId: id, actions: ['notify', { set_tweak: 'sound', value: 'default' }] }),
  )
