/** Where a room's next event goes: what it follows, and the state before it. */

import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import type { RoomId } from '../../../shared/matrix/ids.ts'
import type { RoomVersion } from '../../../shared/matrix/room-version.ts'
import type { StateMap } from '../../../shared/matrix/state-map.ts'
import type { Queries } from '../../storage/db.ts'
import { type ExtremityRow, selectForwardExtremities } from '../../storage/extremities.ts'
import type { EventStore } from '../event-store.ts'
import type { Resolver } from '../resolver.ts'
import { changesBetween, emptyState } from '../state-maps.ts'
import type { StateStore } from '../state-store.ts'

/** What an event follows. Its JSON is needed in rooms/v1 and v2, where it is referred to by hash too. */
export type PrevEvent = Pick<RoomEvent, 'eventId' | 'depth' | 'json'>

export interface Place {
  readonly prevEvents: readonly PrevEvent[]
  readonly state: StateMap
  /** That has this state, if one has; else the one that differs least from it, if nothing has to be taken away. */
  readonly group: number | undefined
  readonly nearest: { readonly group: number; readonly state: StateMap } | undefined
}

/** The room's first event follows nothing. */
export const firstPlace: Place = { prevEvents: [], state: emptyState, group: undefined, nearest: undefined }

export interface PlaceDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
  readonly states: Pick<StateStore, 'ofGroups'>
  readonly resolver: Resolver
}

/** As Synapse: others would not read an event that names more than 20, and the rest is for the events after. */
const MAX_PREV_EVENTS = 10

/** One statement, as long as the state there is in memory. A room without any events of its own has no place. */
export async function placeIn(deps: PlaceDeps, roomId: RoomId, version: RoomVersion): Promise<Place | undefined> {
  const rows = await selectForwardExtremities(deps.db, [roomId])
  if (rows.length === 0) return undefined
  const newest = rows.toSorted((a, b) => b.depth - a.depth).slice(0, MAX_PREV_EVENTS)
  const groups = [...new Set(newest.flatMap(({ stateGroup }) => (stateGroup === null ? [] : [stateGroup])))]
  const [prevEvents, state] = await Promise.all([
    prevEventsOf(newest, version, deps.events),
    deps.resolver.resolve(version, groups),
  ])
  return { prevEvents, state, ...(await groupOf(state, groups, deps.states)) }
}

async function prevEventsOf(
  rows: readonly ExtremityRow[],
  version: RoomVersion,
  events: Pick<EventStore, 'get'>,
): Promise<readonly PrevEvent[]> {
  if (version.eventIds !== 'assigned') return rows.map(({ eventId, depth }) => ({ eventId, depth, json: {} }))
  const known = await events.get(rows.map(({ eventId }) => eventId))
  return [...known.values()].map(({ event }) => event)
}

async function groupOf(
  state: StateMap,
  groups: readonly number[],
  states: Pick<StateStore, 'ofGroups'>,
): Promise<Pick<Place, 'group' | 'nearest'>> {
  if (groups.length === 1) return { group: groups[0], nearest: undefined }
  let nearest: (Place['nearest'] & { readonly distance: number }) | undefined
  for (const [group, own] of await states.ofGroups(groups)) {
    const changes = changesBetween(own, state)
    if (changes.length === 0) return { group, nearest: undefined }
    const isReachable = changes.every(({ eventId }): boolean => eventId !== null)
    if (isReachable && (nearest === undefined || changes.length < nearest.distance))
      nearest = { group, state: own, distance: changes.length }
  }
  return { group: undefined, nearest }
}
