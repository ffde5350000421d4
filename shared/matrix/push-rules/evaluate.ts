import type { RoomEvent } from '../events/event.ts'
import type { CompiledRule, CompiledRules, Guard, PushOutcome, RuleCompiler } from './compile.ts'
import type { Member } from './condition.ts'
import { foldCase, type RoomFacts, viewEvent, WORK_PER_USER } from './event-view.ts'

/** Which of a user's rules matches first, as its outcome; undefined: none, or it is the user's own event. */
export type Evaluate = (rules: CompiledRules, member: Member) => PushOutcome | undefined

/**
 * Push rules of one event (client-server-api, "Push Rules"), for any number of users: what does not depend on the user is
 * found out once. Who may not see the event is for the caller to leave out.
 */
export function evaluatePushRules(compiler: RuleCompiler, event: RoomEvent, room: RoomFacts): Evaluate {
  const view = viewEvent(event, room)
  const roomKey = foldCase(event.roomId)
  /** By guard: 0 not known, 1 does not hold, 2 holds. */
  const answers = new Uint8Array(compiler.slots())
  /** The server's rules whose guards hold: few, for most users the only ones. */
  const openDefaults = compiler.defaults.filter(isOpen)

  function holds({ slot, conditions }: Guard): boolean {
    const known = slot < 0 ? 0 : answers[slot]
    if (known === 1) return false
    if (known === 2) return true
    const answer = conditions.every(({ test }) => test(view))
    // A guard may be younger than this evaluation, or have no slot; and what one user cannot afford is no answer for others.
    if (slot >= 0 && slot < answers.length && view.budget.left >= 0) answers[slot] = answer ? 2 : 1
    return answer
  }

  function isOpen(rule: CompiledRule): boolean {
    return (!view.isExtensible || rule.isForExtensibleEvents) && holds(rule.guard)
  }

  function matches(rule: CompiledRule, rules: CompiledRules, member: Member): boolean {
    for (const { test } of rule.own) if (!test(view, rules, member)) return false
    return true
  }

  /** `best`, or a rule of the list that is checked before it. */
  function first(
    list: readonly CompiledRule[] | undefined,
    rules: CompiledRules,
    member: Member,
    best: CompiledRule | undefined,
  ): CompiledRule | undefined {
    if (list === undefined) return best
    for (const rule of list) {
      if (best !== undefined && rule.position > best.position) return best
      if (isOpen(rule) && matches(rule, rules, member)) return rule
    }
    return best
  }

  return (rules, member) => {
    if (rules.userId === event.sender) return undefined
    view.budget.left = WORK_PER_USER
    let best = first(rules.byRoom.get(roomKey), rules, member, undefined)
    best = first(rules.bySender.get(event.sender), rules, member, best)
    best = first(rules.elsewhere, rules, member, best)
    best = first(rules.defaults === compiler.defaults ? openDefaults : rules.defaults, rules, member, best)
    return best?.outcome
  }
}
