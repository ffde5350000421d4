import type { JsonValue } from '../json/value.ts'
import type { StateLookup } from '../state-map.ts'
import type { PowerLevels } from './power-levels.ts'

/** What an event is authorised against. */
export interface Room extends PowerLevels {
  readonly state: StateLookup
}

/** The user's current membership; undefined: there never was one. */
export const membershipOf = ({ state }: Room, userId: string): JsonValue | undefined =>
  state('m.room.member', userId)?.content.membership

/**
 * The room's join rule.
 * NOTSPEC: `invite` where none is set: the specification names no default, and Synapse and Dendrite take this one.
 */
export function joinRuleOf({ state }: Room): JsonValue {
  const rule = state('m.room.join_rules', '')?.content.join_rule
  return rule === undefined ? 'invite' : rule
}
