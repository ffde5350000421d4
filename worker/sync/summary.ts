/** By which a client that loads members lazily names a room, and counts who is in it (client-server-api, `RoomSummary`). */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { StateStore } from '../rooms/state-store.ts'
import type { Queries } from '../storage/db.ts'
import { type Hero, selectHeroes, selectMemberCounts } from '../storage/memberships.ts'

export interface RoomSummary {
  readonly joined: number
  readonly invited: number
  /** Undefined: the room has a name of its own. */
  readonly heroes: readonly Hero[] | undefined
}

export interface SummaryDeps {
  readonly db: Queries
  readonly states: Pick<StateStore, 'current'>
  readonly events: Pick<EventStore, 'get'>
}

const MAX_HEROES = 5

export async function loadSummaries(
  { db, states, events }: SummaryDeps,
  userId: UserId,
  roomIds: readonly RoomId[],
): Promise<ReadonlyMap<RoomId, RoomSummary>> {
  const [members, named] = await Promise.all([
    loadMembers(db, userId, roomIds),
    namedRooms({ states, events }, roomIds),
  ])
  return new Map(
    [...members].map(([roomId, { heroes, ...counts }]) => [
      roomId,
      {
        ...counts,
        heroes: named.has(roomId) ? undefined : heroes.toSorted((a, b) => (a.userId < b.userId ? -1 : 1)),
      },
    ]),
  )
}

export interface RoomMembers {
  readonly joined: number
  readonly invited: number
  /** In the order in which they came. */
  readonly heroes: readonly Hero[]
}

/** Of all these rooms, in two statements. The user is no hero. */
export async function loadMembers(
  db: Queries,
  userId: UserId,
  roomIds: readonly RoomId[],
): Promise<ReadonlyMap<RoomId, RoomMembers>> {
  if (roomIds.length === 0) return new Map()
  const [counts, heroes] = await Promise.all([
    selectMemberCounts(db, roomIds),
    // One more, as the user is none.
    selectHeroes(db, roomIds, MAX_HEROES + 1),
  ])
  const count = Map.groupBy(counts, ({ roomId }) => roomId)
  const candidates = Map.groupBy(heroes, ({ roomId }) => roomId)
  return new Map(
    roomIds.map((roomId) => {
      const of = (membership: string) => count.get(roomId)?.find((row) => row.membership === membership)?.count ?? 0
      const others = (candidates.get(roomId) ?? []).filter((hero) => hero.userId !== userId)
      const here = others.filter(({ membership }) => membership === 'join' || membership === 'invite')
      const gone = others.filter(({ membership }) => membership === 'leave' || membership === 'ban')
      const chosen = (here.length > 0 ? here : gone).slice(0, MAX_HEROES)
      return [roomId, { joined: of('join'), invited: of('invite'), heroes: chosen }]
    }),
  )
}

/** Rooms with a name, or an alias that stands for one. */
async function namedRooms(
  { states, events }: Omit<SummaryDeps, 'db'>,
  roomIds: readonly RoomId[],
): Promise<ReadonlySet<RoomId>> {
  if (roomIds.length === 0) return new Set()
  const current = await Promise.all(roomIds.map((roomId) => states.current(roomId)))
  const namings = current.map((state) =>
    [state.get('m.room.name')?.get(''), state.get('m.room.canonical_alias')?.get('')].filter((id) => id !== undefined),
  )
  const known = await events.get(namings.flat())
  const isName = (value: unknown) => typeof value === 'string' && value !== ''
  return new Set(
    roomIds.filter((_, i) =>
      namings[i]!.some((eventId) => {
        const content = known.get(eventId)?.event.content
        return isName(content?.name) || isName(content?.alias)
      }),
    ),
  )
}
