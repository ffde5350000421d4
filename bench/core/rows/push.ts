import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import { storedEvent } from '../../../shared/matrix/events/read.ts'
import { eventIdOf } from '../../../shared/matrix/hashes.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { type CompiledRules, makeRuleCompiler, type PushOutcome } from '../../../shared/matrix/push-rules/compile.ts'
import type { Member } from '../../../shared/matrix/push-rules/condition.ts'
import { defaultRules, synapseFeatures } from '../../../shared/matrix/push-rules/default-rules.ts'
import { evaluatePushRules } from '../../../shared/matrix/push-rules/evaluate.ts'
import type { RoomFacts } from '../../../shared/matrix/push-rules/event-view.ts'
import { type PushRule, type RuleKind, ruleKey } from '../../../shared/matrix/push-rules/rule.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { message, ofSize } from '../events.ts'
import { makeMembers } from '../members.ts'
import type { Row, Work } from '../row.ts'

const group = 'push rules, 1,000 members'
const version = roomVersions['10']
const MEMBERS = 1000
const SENDER_LEVEL = 0
const ROOM_LEVEL = 50

/** In a room that some members muted and others made loud. */
const inRoom = (json: JsonObject): JsonObject => ({ ...json, room_id: '!room7:server0.example' })

const messages = (): readonly JsonObject[] => ofSize(message, 1024, 8).map(inRoom)

/** Without `m.mentions`: old clients', whose texts are searched for everybody's name. */
const oldMessages = (): readonly JsonObject[] =>
  messages().map((json) => {
    const { 'm.mentions': _, ...content } = json.content as JsonObject
    return { ...json, content }
  })

const encrypted = (): readonly JsonObject[] =>
  messages().map((json) => ({
    ...json,
    type: 'm.room.encrypted',
    content: { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'A'.repeat(400), session_id: 'B'.repeat(43) },
  }))

function evaluation(events: readonly JsonObject[]): Work {
  const people = makeMembers(MEMBERS, 1)
  const compiler = makeRuleCompiler(defaultRules(synapseFeatures))
  const members: readonly { rules: CompiledRules; member: Member }[] = people.map(({ userId, member, rules }) => ({
    rules: compiler.compile(userId, rules),
    member,
  }))
  const facts: RoomFacts = {
    memberCount: MEMBERS,
    senderPowerLevel: SENDER_LEVEL,
    notificationLevel: (key) => (key === 'room' ? ROOM_LEVEL : undefined),
  }
  const roomEvents = events.map((json) => storedEvent(json, version, eventIdOf(json, version)))
  const notified = (event: RoomEvent): Map<string, PushOutcome> => {
    const evaluate = evaluatePushRules(compiler, event, facts)
    const outcomes = new Map<string, PushOutcome>()
    for (const { rules, member } of members) {
      const outcome = evaluate(rules, member)
      if (outcome?.notify) outcomes.set(rules.userId, outcome)
    }
    return outcomes
  }
  return {
    items: events.length,
    once() {
      let count = 0
      for (const event of roomEvents) count += notified(event).size
      return count
    },
    answer: roomEvents.map((event) => {
      const outcomes = [...notified(event).values()]
      return [outcomes.length, outcomes.filter(({ highlight }) => highlight).length]
    }),
    task: 'push_rules',
    input: {
      version: version.id,
      events,
      senderLevel: SENDER_LEVEL,
      notificationLevels: { room: ROOM_LEVEL },
      members: people.map(({ userId, member, rules }) => ({
        userId,
        displayName: member.displayName,
        rules: rules.rules.map(stored),
        enabled: Object.fromEntries([...rules.enabled].map(([key, enabled]) => [`global/${key}`, enabled])),
      })),
    },
  }
}

/** Synapse's numbers for kinds. */
const priorityClasses: Readonly<Partial<Record<RuleKind, number>>> = { override: 5, content: 4, room: 3 }

/** A rule as Synapse's database has it: ID, priority class, conditions and actions in JSON. */
const stored = (rule: PushRule) => [
  `global/${ruleKey(rule.kind, rule.ruleId)}`,
  priorityClasses[rule.kind],
  JSON.stringify(conditionsOf(rule)),
  JSON.stringify(rule.actions),
]

function conditionsOf({ kind, ruleId, pattern, conditions }: PushRule): readonly object[] {
  if (kind === 'content') return [{ kind: 'event_match', key: 'content.body', pattern }]
  return kind === 'room' ? [{ kind: 'event_match', key: 'room_id', pattern: ruleId }] : conditions
}

export const pushRows: readonly Row[] = [
  { group, name: 'message', goal: 1, prepare: () => evaluation(messages()) },
  { group, name: 'message without m.mentions', goal: 1, prepare: () => evaluation(oldMessages()) },
  { group, name: 'encrypted message', goal: 1, prepare: () => evaluation(encrypted()) },
]
