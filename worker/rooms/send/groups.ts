/** The state groups of a chain of events that is being made: numbered all at once, when it is known which are needed. */

import type { EventId, RoomId } from '../../../shared/matrix/ids.ts'
import type { StateMap } from '../../../shared/matrix/state-map.ts'
import type { Db } from '../../storage/db.ts'
import { insertStateGroups, type NewStateGroup, type StateEntry } from '../../storage/state-groups.ts'
import type { GroupDelta } from '../persist/request.ts'
import { changesBetween, entriesOf } from '../state-maps.ts'
import type { FilledStateStore } from '../state-store.ts'
import type { Place } from './place.ts'

/** A state group, which may have no number yet. */
export type GroupRef = { readonly group: number } | PlannedGroup

export interface PlannedGroup {
  readonly eventId: EventId
  readonly state: StateMap
  readonly prev: GroupRef | undefined
  readonly delta: readonly StateEntry[]
}

const isPlanned = (ref: GroupRef): ref is PlannedGroup => 'state' in ref

/** The group before a chain's first event. It is made for that event where there is none. */
export function groupBefore({ group, state, nearest }: Place, eventId: EventId): GroupRef {
  if (group !== undefined) return { group }
  if (nearest === undefined) return { eventId, state, prev: undefined, delta: [] }
  const delta = changesBetween(nearest.state, state) as StateEntry[]
  return { eventId, state, prev: { group: nearest.group }, delta }
}

export interface NumberedGroups {
  readonly numberOf: (ref: GroupRef) => number
  /** Of the groups that were made for it. */
  readonly deltasOf: (refs: readonly GroupRef[]) => readonly GroupDelta[]
}

/**
 * Stores what is planned, in a transaction of its own before the events', as Synapse does: a persister is given numbers, and a
 * group that no event has in the end harms nobody.
 */
export async function numberGroups(
  db: Db,
  states: FilledStateStore,
  roomId: RoomId,
  refs: readonly GroupRef[],
): Promise<NumberedGroups> {
  const planned = [...new Set(refs.filter(isPlanned))]
  const numbers = new Map<GroupRef, number>()
  if (planned.length > 0) {
    const indexes = new Map<GroupRef, number>(planned.map((ref, index) => [ref, index]))
    const prevOf = (prev: GroupRef): NonNullable<NewStateGroup['prev']> =>
      isPlanned(prev) ? { index: indexes.get(prev)! } : { group: prev.group }
    const made = await db.transaction(
      'read committed',
      (tx) =>
        insertStateGroups(
          tx,
          roomId,
          planned.map(({ eventId, state, prev, delta }) => ({
            eventId,
            ...(prev !== undefined && { prev: prevOf(prev) }),
            delta,
            state: () => entriesOf(state),
          })),
        ),
      'insert_state_groups',
    )
    for (const [index, ref] of planned.entries()) {
      numbers.set(ref, made[index]!)
      states.add(made[index]!, ref.state)
    }
  }
  const numberOf = (ref: GroupRef): number => (isPlanned(ref) ? numbers.get(ref)! : ref.group)
  return {
    numberOf,
    deltasOf: (own) =>
      own.flatMap((ref) =>
        isPlanned(ref) && ref.prev !== undefined
          ? [{ from: numberOf(ref.prev), to: numberOf(ref), entries: ref.delta }]
          : [],
      ),
  }
}
