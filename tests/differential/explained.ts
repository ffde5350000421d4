/** Differences that are not mistakes of ours, each with its reason. */

import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import type { Difference } from './compare.ts'
import type { OurAnswer } from './ours.ts'
import type { Answer, Question, Verdict } from './question.ts'

export interface Explained {
  readonly reason: string
  is(difference: Difference, question: Question, ours: OurAnswer, theirs: Answer): boolean
}

/** Refused on receipt, or by either of the states that an event was checked against. */
const refuses = ({ checks }: Question, event: number, { receipts, states, formats }: Answer): boolean => {
  const refused = (verdicts: readonly Verdict[] | undefined) =>
    checks.some((check, i) => check.event === event && typeof verdicts?.[i] === 'string')
  return refused(receipts) || refused(states) || typeof formats?.[event] === 'string'
}

/** What follows in resolutions from a verdict of ruma's that is explained here. */
const ofRuma = (reason: string, is: (ours: Verdict, theirs: Verdict) => boolean): Explained => ({
  reason,
  is({ oracle, part }, _question, ours, theirs) {
    const differs = theirs.states?.some((their, i) => {
      const our = ours.states[i]!
      return (our === null) !== (their === null) && is(our, their)
    })
    return oracle.startsWith('ruma') && (part === 'states' || part === 'resolved') && differs === true
  },
})

/** A level that Python's `int()` reads and rooms/v1 does not know, or an array that Python finds as empty as `{}`. */
const PYTHON_LEVEL = /"(?:\d+_\d+|\p{Nd}+)"|\[\]/u
/** What Python says when a program is wrong, where Synapse words refusals itself. */
const EXCEPTION = /^\w+Error: /

export const explained: readonly Explained[] = [
  ofRuma(
    'm.federate keeps the targets of membership events out too, as Synapse and Dendrite have it; the specification ("If m.federate …") and ruma look at the sender',
    (ours) => /: the room is closed to \S+, of another server/.test(`${ours}`),
  ),
  ofRuma(
    'without m.room.join_rules the rule is invite, as Synapse and Dendrite have it; ruma refuses, the specification names no default',
    (_, theirs) => theirs === 'no `m.room.join_rules` event in current state',
  ),
  ofRuma(
    'a level that is not set has no current value ("check if they were added, changed or removed"), as Synapse has it; ruma takes the default',
    (ours, theirs) => ours === null && /enough power to change the power level of/.test(`${theirs}`),
  ),
  {
    reason: 'Synapse cannot resolve the states: it fails with an exception on an event that is in them',
    is: ({ part, theirs }) => part === 'resolved' && EXCEPTION.test(`${theirs}`),
  },
  {
    reason:
      'before rooms/v10 nothing is said of levels that are no integers: we refuse to set one, Synapse takes what Python makes an integer of, and an empty array for no levels',
    is: ({ oracle, part, index, ours, theirs }, { checks, events }) =>
      oracle.startsWith('Synapse') &&
      part === 'states' &&
      theirs === null &&
      /(?:to unreadable|is not an integer)$/.test(`${ours}`) &&
      PYTHON_LEVEL.test(canonicalJson(events[checks[index]!.event]!.content!)),
  },
  {
    reason:
      'before rooms/v10 Synapse reads all levels at once, and fails with an exception on one that is no integer where the rule that decides does not ask for it',
    is: ({ part, ours, theirs }, { version }) =>
      part === 'states' &&
      ours === null &&
      Number(version) < 10 &&
      /^(?:Value|Type)Error: .*\bint\(\)/.test(`${theirs}`),
  },
  {
    reason:
      'power levels with a state key decide nothing; Synapse compares them with earlier ones of that key in checks against a state, and not where it resolves states; we never do',
    is({ oracle, part, index }, { checks, events }) {
      const event = part === 'states' ? events[checks[index]!.event] : undefined
      return oracle.startsWith('Synapse') && event?.type === 'm.room.power_levels' && event.state_key !== ''
    },
  },
  {
    reason: 'both refuse the event, by another of the steps (or Synapse fails on it with an exception, and drops it)',
    is({ part, index }, question, ours, theirs) {
      if (part !== 'receipts' && part !== 'states' && part !== 'formats') return false
      const event = part === 'formats' ? index : question.checks[index]!.event
      return refuses(question, event, ours) && refuses(question, event, theirs)
    },
  },
]
