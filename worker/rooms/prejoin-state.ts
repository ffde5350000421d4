/** What of a room's state the invited, and those who knock, are shown: Synapse's `room_prejoin_state`. */

import { strippedStateTypes } from '../../shared/matrix/events/stripped-state.ts'
import type { StateFilter } from '../storage/state-groups.ts'

export interface PrejoinConfig {
  readonly disableDefaultEventTypes: boolean
  /** `type`, or `[type, state key]`. */
  readonly additionalEventTypes: readonly unknown[]
}

/** The defaults, with an empty state key each, and what the configuration adds. */
export function prejoinStateOf({
  disableDefaultEventTypes,
  additionalEventTypes,
}: PrejoinConfig): readonly StateFilter[] {
  const defaults = disableDefaultEventTypes ? [] : strippedStateTypes
  return [
    ...defaults.map((type) => ({ type, stateKey: '' })),
    ...additionalEventTypes.flatMap((entry): StateFilter[] => {
      if (typeof entry === 'string') return [{ type: entry }]
      if (!Array.isArray(entry) || typeof entry[0] !== 'string') return []
      return [{ type: entry[0], ...(typeof entry[1] === 'string' && { stateKey: entry[1] }) }]
    }),
  ]
}
