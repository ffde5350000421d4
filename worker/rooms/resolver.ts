/** State resolution on what is stored: states by their groups, and the events that the rules ask for. */

import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { EventId } from '../../shared/matrix/ids.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import { resolveState } from '../../shared/matrix/state-resolution/resolve.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { selectAuthChain } from '../storage/events.ts'
import type { EventStore } from './event-store.ts'
import { emptyState, sizeOf } from './state-maps.ts'
import type { StateStore } from './state-store.ts'

export interface Resolver {
  /** The state that the states of these groups, of one room, come to. `added`: events in them that are not stored yet. */
  readonly resolve: (version: RoomVersion, groups: readonly number[], added?: readonly RoomEvent[]) => Promise<StateMap>
}

export interface ResolverDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
  readonly states: Pick<StateStore, 'ofGroups'>
}

/** Entries of resolved states that are kept: who sends and who persists ask for the same, one after the other. */
const MAX_ENTRIES = 200_000

export function makeResolver({ db, events, states }: ResolverDeps): Resolver {
  const kept = makeLru<string, StateMap>(MAX_ENTRIES, (state) => 8 + sizeOf(state))
  const running = new Map<string, Promise<StateMap>>()

  const resolve: Resolver['resolve'] = async (version, groups, added = []) => {
    const found = await states.ofGroups(groups)
    return resolveStates(version, [...found.values()], added, db, events)
  }

  return {
    async resolve(version, groups, added) {
      const unique = [...new Set(groups)].sort((a, b) => a - b)
      if (unique.length === 0) return emptyState
      if (unique.length === 1) return (await states.ofGroups(unique)).get(unique[0]!) ?? emptyState
      const key = unique.join()
      const known = kept.get(key)
      if (known !== undefined) return known
      const underWay = running.get(key)
      if (underWay !== undefined) return underWay
      const answer = resolve(version, unique, added).finally(() => running.delete(key))
      running.set(key, answer)
      const state = await answer
      kept.set(key, state)
      return state
    },
  }
}

async function resolveStates(
  version: RoomVersion,
  states: readonly StateMap[],
  added: readonly RoomEvent[],
  db: Queries,
  events: Pick<EventStore, 'get'>,
): Promise<StateMap> {
  const read = new Map<EventId, RoomEvent | null>(added.map((event) => [event.eventId, event]))
  const rejected = new Set<EventId>()
  for (;;) {
    const resolution = resolveState(version, states, (id) => read.get(id), {
      isRejected: ({ eventId }) => rejected.has(eventId),
    })
    if ('state' in resolution) return resolution.state
    // With all that they rest on, so that it does not take a statement for each step of the way down.
    const ids = (await selectAuthChain(db, resolution.missing)).filter((id) => !read.has(id))
    const found = await events.get(ids)
    for (const id of ids) {
      const known = found.get(id)
      read.set(id, known?.event ?? null)
      if (known?.isRejected) rejected.add(id)
    }
  }
}
