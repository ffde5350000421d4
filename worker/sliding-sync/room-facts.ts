/**
 * What rooms are, for who has a membership in them: of rooms that the user is in as they are now, of others as they were at the
 * membership. In memory; read from the tables for all rooms in one statement; of rooms that nobody filled in yet, from their
 * state.
 */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import { makeLru } from '../lru.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { OwnMembership } from '../rooms/memberships.ts'
import { FACT_TYPES, factEventIds, factsOf, factsOfStripped } from '../rooms/room-facts.ts'
import { emptyState, entryOf } from '../rooms/state-maps.ts'
import type { StateStore } from '../rooms/state-store.ts'
import type { Queries } from '../storage/db.ts'
import { type RoomFacts, selectJoinedFacts, selectSnapshotFacts } from '../storage/sliding-sync-rooms.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

export interface RoomFactsStore {
  /** Rooms of which nothing is known are not in it. */
  readonly of: (userId: UserId, memberships: readonly OwnMembership[]) => Promise<ReadonlyMap<RoomId, RoomFacts>>
}

export interface FactsDeps {
  readonly events: Pick<EventStore, 'get'>
  readonly states: Pick<StateStore, 'current' | 'some'>
}

export interface RoomFactsDeps extends FactsDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'follow'>
  readonly maxRooms?: number
}

const MAX_ROOMS = 200_000

type Known = RoomFacts | 'unknown'

/** To be made before the process is connected: it follows the stream `events`. */
export function makeRoomFacts(deps: RoomFactsDeps): RoomFactsStore {
  const { db, streams, maxRooms = MAX_ROOMS } = deps
  const joined = makeLru<RoomId, Known>(maxRooms)
  /** By membership event: what they were then they stay. */
  const others = makeLru<EventId, Known>(maxRooms)
  /** What is read while a room changes is not kept: it may be from before. */
  const loading = new Set<Set<RoomId>>()

  streams.follow('events', (rows) => {
    for (const row of rows) {
      if (row.kind === 'ev' || (row.kind === 'state' && !(FACT_TYPES as readonly string[]).includes(row.type))) continue
      joined.delete(row.roomId as RoomId)
      for (const changed of loading) changed.add(row.roomId as RoomId)
    }
  })

  const loadJoined = async (roomIds: readonly RoomId[], found: Map<RoomId, RoomFacts>): Promise<void> => {
    const changed = new Set<RoomId>()
    loading.add(changed)
    try {
      const facts = new Map<RoomId, RoomFacts>()
      for (const { roomId, ...row } of await selectJoinedFacts(db, roomIds)) facts.set(roomId, row)
      const missing = roomIds.filter((roomId) => !facts.has(roomId))
      for (const [roomId, own] of await currentFacts(deps, missing)) facts.set(roomId, own)
      for (const roomId of roomIds) {
        const own = facts.get(roomId)
        if (own !== undefined) found.set(roomId, own)
        if (!changed.has(roomId)) joined.set(roomId, own ?? 'unknown')
      }
    } finally {
      loading.delete(changed)
    }
  }

  const loadOthers = async (
    userId: UserId,
    memberships: readonly OwnMembership[],
    found: Map<RoomId, RoomFacts>,
  ): Promise<void> => {
    const rows = await selectSnapshotFacts(
      db,
      userId,
      memberships.map(({ eventId }) => eventId),
    )
    const known = new Map<EventId, Known>(
      rows.map(({ eventId, hasKnownState, ...facts }) => [eventId, hasKnownState ? facts : 'unknown']),
    )
    const missing = memberships.flatMap(({ eventId }) => (known.has(eventId) ? [] : eventId))
    const computed = await factsAtEvents(deps, missing)
    for (const { roomId, eventId } of memberships) {
      const facts = known.get(eventId) ?? computed.get(eventId) ?? 'unknown'
      others.set(eventId, facts)
      if (facts !== 'unknown') found.set(roomId, facts)
    }
  }

  return {
    async of(userId, memberships) {
      const found = new Map<RoomId, RoomFacts>()
      const [missing, missingOthers]: [RoomId[], OwnMembership[]] = [[], []]
      for (const own of memberships) {
        const isJoined = own.membership === 'join'
        const facts = isJoined ? joined.get(own.roomId) : others.get(own.eventId)
        if (facts === undefined) {
          if (isJoined) missing.push(own.roomId)
          else missingOthers.push(own)
        } else if (facts !== 'unknown') found.set(own.roomId, facts)
      }
      await Promise.all([
        missing.length > 0 && loadJoined(missing, found),
        missingOthers.length > 0 && loadOthers(userId, missingOthers, found),
      ])
      return found
    },
  }
}

/** Of rooms that we are in, from their current state. Those that are not known are not in it. */
export async function currentFacts(
  { events, states }: FactsDeps,
  roomIds: readonly RoomId[],
): Promise<ReadonlyMap<RoomId, RoomFacts>> {
  const facts = new Map<RoomId, RoomFacts>()
  if (roomIds.length === 0) return facts
  const current = await Promise.all(roomIds.map((roomId) => states.current(roomId)))
  const known = await events.get(current.flatMap(factEventIds))
  for (const [i, roomId] of roomIds.entries()) {
    const own = factsOf((type) => contentOf(known, entryOf(current[i]!, type, '')))
    if (own !== undefined) facts.set(roomId, own)
  }
  return facts
}

/** As rooms were after these membership events, or as an invitation from elsewhere says that they are. */
export async function factsAtEvents(
  { events, states }: FactsDeps,
  eventIds: readonly EventId[],
): Promise<ReadonlyMap<EventId, RoomFacts>> {
  const facts = new Map<EventId, RoomFacts>()
  if (eventIds.length === 0) return facts
  const memberships = await events.get(eventIds)
  const groups = [...memberships.values()].flatMap(({ stateGroup }) => stateGroup ?? [])
  const after = await states.some(
    groups,
    FACT_TYPES.map((type) => ({ type, stateKey: '' })),
  )
  const known = await events.get([...after.values()].flatMap(factEventIds))
  for (const [eventId, { event, stateGroup }] of memberships) {
    const state = stateGroup === undefined ? emptyState : (after.get(stateGroup) ?? emptyState)
    const { unsigned } = event.json
    const own =
      factsOf((type) => contentOf(known, entryOf(state, type, ''))) ??
      (isObject(unsigned) ? factsOfStripped(unsigned.invite_room_state ?? unsigned.knock_room_state) : undefined)
    if (own !== undefined) facts.set(eventId, own)
  }
  return facts
}

const contentOf = (known: Awaited<ReturnType<EventStore['get']>>, eventId: EventId | undefined) =>
  eventId === undefined ? undefined : known.get(eventId)?.event.content
