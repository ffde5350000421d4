import { compileGlob, type Glob, literalOf } from '../glob.ts'
import type { JsonObject, JsonValue } from '../json/value.ts'
import {
  bodyHasLocalpart,
  type Condition,
  compileCondition,
  fieldContainsUser,
  fieldIsUser,
  fromSender,
  hasNoMentions,
  inRoom,
  type OwnCondition,
  type RuleOwner,
  relatedIsUser,
  type SharedCondition,
} from './condition.ts'
import { foldCase } from './event-view.ts'
import {
  type DefaultRule,
  type PushAction,
  type PushRule,
  ruleKey,
  ruleKinds,
  tweaksOf,
  type UserPushRules,
} from './rule.ts'
import { type AnyRule, changed, isOfUser, localpartOf, MASTER_RULE } from './ruleset.ts'

/** What a rule that matched wants done. */
export interface PushOutcome {
  readonly rule: PushRule
  /** Without those that mean nothing any more. */
  readonly actions: readonly PushAction[]
  /** Whether there is a notification: one more in `notification_count`. */
  readonly notify: boolean
  /** Whether the notification is one more in `highlight_count`. */
  readonly highlight: boolean
  readonly sound: string | undefined
  /** As sent to push gateways. */
  readonly tweaks: Readonly<Record<string, JsonValue>>
}

/** Conditions that are the same for everybody. Equal guards are one object, whosever rules they stand in. */
export interface Guard {
  readonly conditions: readonly SharedCondition[]
  /** Where an evaluation remembers the answer; −1: nowhere. */
  readonly slot: number
}

export interface CompiledRule {
  /** Rules are checked in this order. */
  readonly position: number
  readonly guard: Guard
  readonly own: readonly OwnCondition[]
  readonly isForExtensibleEvents: boolean
  readonly outcome: PushOutcome
}

/** A user's rules, those that can match. In each list the first is checked first. */
export interface CompiledRules extends RuleOwner {
  /** Rules that are about one room, by its ID in folded case: who mutes many rooms pays for the event's only. */
  readonly byRoom: ReadonlyMap<string, readonly CompiledRule[]>
  readonly bySender: ReadonlyMap<string, readonly CompiledRule[]>
  readonly elsewhere: readonly CompiledRule[]
  readonly defaults: readonly CompiledRule[]
}

export interface RuleCompiler {
  /** The server's rules for whoever changed nothing in them. */
  readonly defaults: readonly CompiledRule[]
  /** How many answers an evaluation has to remember at most. */
  readonly slots: () => number
  /** To be kept until the user's rules change. */
  readonly compile: (userId: string, rules: UserPushRules) => CompiledRules
}

/**
 * @param maxGuards How many different guards are known at once; those of users that are one too many are evaluated for
 *   each user anew.
 */
export function makeRuleCompiler(defaults: readonly DefaultRule[], maxGuards = 4096): RuleCompiler {
  const guards = new Map<string, Guard>()

  function guardOf(conditions: readonly SharedCondition[]): Guard {
    const key = conditions.map((condition) => condition.key).join()
    const known = guards.get(key)
    if (known !== undefined) return known
    if (guards.size >= maxGuards) return { conditions, slot: -1 }
    const guard = { conditions, slot: guards.size }
    guards.set(key, guard)
    return guard
  }

  /** Undefined: it cannot match. */
  function compileRule(rule: AnyRule, position: number): CompiledRule | undefined {
    if (!rule.enabled) return undefined
    const conditions = conditionsOf(rule)
    if (conditions === undefined) return undefined
    return {
      position,
      guard: guardOf(conditions.filter((condition) => condition.key !== undefined)),
      own: conditions.filter((condition) => condition.key === undefined),
      isForExtensibleEvents: isForExtensibleEvents(rule),
      outcome: outcomeOf(rule),
    }
  }

  const compileDefaults = (rules: readonly AnyRule[]): CompiledRule[] =>
    rules.flatMap((rule, i) => compileRule(rule, positionOf(rule, i)) ?? []).sort(byPosition)
  const compiledDefaults = compileDefaults(defaults)
  const defaultKeys = defaults.map(({ kind, ruleId }) => ruleKey(kind, ruleId))
  const touchesDefaults = ({ actions, enabled }: UserPushRules): boolean =>
    actions.size + enabled.size > 0 && defaultKeys.some((key) => actions.has(key) || enabled.has(key))

  return {
    defaults: compiledDefaults,
    slots: () => guards.size,
    compile(userId, user) {
      const byRoom = new Map<string, CompiledRule[]>()
      const bySender = new Map<string, CompiledRule[]>()
      const elsewhere: CompiledRule[] = []
      const own = user.rules.filter((rule) => !isServers(rule))
      for (const rule of own
        .flatMap((rule, i) => compileRule(changed(rule, user), positionOf(rule, i)) ?? [])
        .sort(byPosition)) {
        const roomId = onlyRoom(rule.outcome.rule)
        if (roomId !== undefined) append(byRoom, foldCase(roomId), rule)
        else if (rule.outcome.rule.kind === 'sender') append(bySender, rule.outcome.rule.ruleId, rule)
        else elsewhere.push(rule)
      }
      return {
        userId,
        localpart: localpartPattern(userId),
        byRoom,
        bySender,
        elsewhere,
        defaults: touchesDefaults(user)
          ? compileDefaults(defaults.map((rule) => changed(rule, user)))
          : compiledDefaults,
      }
    },
  }
}

const isServers = (rule: AnyRule): boolean => rule.ruleId.startsWith('.')
const localpartPattern = (userId: string): Glob => compileGlob(foldCase(localpartOf(userId)))

/** Kinds lie far enough apart for any number of rules. A rule of the server's has the same place for all users. */
function positionOf(rule: AnyRule, index: number): number {
  if (rule.ruleId === MASTER_RULE) return -1
  return ruleKinds.indexOf(rule.kind) * 2e9 + (isServers(rule) ? 1e9 : 0) + index
}

const byPosition = (a: CompiledRule, b: CompiledRule): number => a.position - b.position

function append(map: Map<string, CompiledRule[]>, key: string, rule: CompiledRule): void {
  const rules = map.get(key)
  if (rules === undefined) map.set(key, [rule])
  else rules.push(rule)
}

/** The room outside of which the rule cannot match. */
function onlyRoom(rule: AnyRule): string | undefined {
  if (rule.kind === 'room') return rule.ruleId
  for (const { kind, key, pattern } of rule.conditions) {
    if (kind !== 'event_match' || key !== 'room_id' || typeof pattern !== 'string') continue
    if (literalOf(compileGlob(pattern)) !== undefined) return pattern
  }
  return undefined
}

/** Undefined: one of them is not understood. */
function conditionsOf(rule: AnyRule): readonly Condition[] | undefined {
  switch (rule.kind) {
    case 'room':
      return [inRoom(rule.ruleId)]
    case 'sender':
      return [fromSender(rule.ruleId)]
    case 'content':
      return [...legacy(rule), ...wordsOf(rule)]
    default: {
      const ofUser = 'ofUser' in rule ? rule.ofUser : undefined
      const conditions = rule.conditions.map((json) =>
        ofUser !== undefined && isOfUser(json, ofUser) ? compileOfUser(json) : compileCondition(json),
      )
      return conditions.every((condition) => condition !== undefined) ? [...legacy(rule), ...conditions] : undefined
    }
  }
}

const legacy = (rule: AnyRule): readonly Condition[] => ('isLegacyMention' in rule ? [hasNoMentions] : [])

function wordsOf(rule: AnyRule): readonly Condition[] {
  if ('ofLocalpart' in rule) return [bodyHasLocalpart]
  return [compileCondition({ kind: 'event_match', key: 'content.body', pattern: rule.pattern ?? '' })!]
}

function compileOfUser(json: JsonObject): Condition {
  const key = json.key as string
  if (json.kind === 'event_property_contains') return fieldContainsUser(key)
  return json.kind === 'event_match' ? fieldIsUser(key) : relatedIsUser(json, key)
}

/** MSC3932: the user's rules too must say that they know such rooms. */
const isForExtensibleEvents = (rule: AnyRule): boolean =>
  ('isForExtensibleEvents' in rule && rule.isForExtensibleEvents === true) ||
  rule.conditions.some(({ kind }) => kind === 'org.matrix.msc3931.room_version_supports')

/** Client-server-api, "Historical Actions". */
const historical: readonly unknown[] = ['dont_notify', 'coalesce']

function outcomeOf(rule: AnyRule): PushOutcome {
  const actions = rule.actions.filter((action) => !historical.includes(action))
  const tweaks = tweaksOf(actions)
  const notify = actions.includes('notify')
  const sound = Object.hasOwn(tweaks, 'sound') ? tweaks.sound : undefined
  return {
    rule,
    actions,
    notify,
    highlight: notify && tweaks.highlight === true,
    sound: notify && typeof sound === 'string' ? sound : undefined,
    tweaks,
  }
}
