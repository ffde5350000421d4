import type { JsonObject, JsonValue } from '../json/value.ts'

/**
 * Kinds of push rules in the order in which they are checked (client-server-api, "Push Rules").
 * NOTSPEC: `postcontent` is MSC4306's, and has rules only where that is on.
 */
export const ruleKinds = ['override', 'content', 'postcontent', 'room', 'sender', 'underride'] as const
export type RuleKind = (typeof ruleKinds)[number]

/** `'notify'`, or `{ set_tweak, value? }`; what else is found in a list of actions does nothing. */
export type PushAction = string | JsonObject

export interface PushRule {
  readonly kind: RuleKind
  /** Unique within its kind; begins with a dot if the rule is the server's. Of `room` and `sender`: the room or user ID. */
  readonly ruleId: string
  readonly enabled: boolean
  /** All must hold. Of `override`, `underride` (and `postcontent`); of other kinds it is empty, and means nothing. */
  readonly conditions: readonly PushCondition[]
  /** Of `content`: a glob that a part of `content.body` must match. */
  readonly pattern: string | undefined
  readonly actions: readonly PushAction[]
}

/** As in JSON. What is not understood never matches. */
export type PushCondition = JsonObject

/** A rule that the server brings along. */
export interface DefaultRule extends PushRule {
  /** In a condition: its `pattern` or `value` is the user's ID. */
  readonly ofUser?: 'pattern' | 'value'
  /** In a `content` rule: the pattern is the localpart of the user's ID. */
  readonly ofLocalpart?: true
  /** Looks for mentions in `content.body`: never matches an event that has `m.mentions` (MSC3952). */
  readonly isLegacyMention?: true
  /** Matches in rooms of extensible events too (MSC3932). */
  readonly isForExtensibleEvents?: true
}

/** What a user changed: rules of their own, and what they made of the server's. */
export interface UserPushRules {
  /** Of one kind: the first has the highest priority. Their `enabled` counts too. */
  readonly rules: readonly PushRule[]
  /** By {@link ruleKey}: actions of the server's rules. */
  readonly actions: ReadonlyMap<string, readonly PushAction[]>
  /** By {@link ruleKey}: whether the rule, the user's or the server's, is enabled. */
  readonly enabled: ReadonlyMap<string, boolean>
}

export const noUserRules: UserPushRules = { rules: [], actions: new Map(), enabled: new Map() }

/** `override/.m.rule.master`: a rule's name among all of a user's. */
export const ruleKey = (kind: RuleKind, ruleId: string): string => `${kind}/${ruleId}`

/** The tweaks that actions set (client-server-api, "Actions"); `highlight` is true if no value is given. */
export function tweaksOf(actions: readonly PushAction[]): Readonly<Record<string, JsonValue>> {
  const tweaks: [string, JsonValue][] = []
  for (const action of actions) {
    if (typeof action !== 'object' || typeof action.set_tweak !== 'string') continue
    if (action.value !== undefined) tweaks.push([action.set_tweak, action.value])
    else if (action.set_tweak === 'highlight') tweaks.push(['highlight', true])
  }
  return Object.fromEntries(tweaks)
}
