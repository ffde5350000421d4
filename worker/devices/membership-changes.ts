/** Who came into which room, and who left it, between two tokens: from memory, or from the tables where that does not reach back. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { type MembershipDelta, selectMembershipDeltas, selectMembershipDeltasAt } from '../storage/membership-deltas.ts'
import type { StreamRow } from '../streams/definitions.ts'
import { ofKeys, type RecentRows } from '../streams/recent-rows.ts'
import { isBetween, type MultiWriterToken, maxPosition } from '../streams/vector-clock.ts'

export interface MembershipChangesDeps {
  readonly db: Queries
  readonly recentEvents: RecentRows<RoomId, StreamRow<'events'>>
}

/** Oldest first in each room; of all rooms that are keys of `rooms`. */
export type MembershipChanges = (
  rooms: ReadonlyMap<RoomId, unknown>,
  from: MultiWriterToken,
  to: MultiWriterToken,
) => Promise<readonly MembershipDelta[]>

/** A change is asked for by all members of its room who sync, and read once for them. */
const MAX_KNOWN = 10_000

export function makeMembershipChanges({ db, recentEvents }: MembershipChangesDeps): MembershipChanges {
  const known = makeLru<string, MembershipDelta>(MAX_KNOWN)

  return async (rooms, from, to) => {
    const rows = ofKeys(recentEvents, rooms, from, to)
    // After `state-all` what changed is only in the table.
    if (rows === undefined || rows.some(({ row }) => row.kind === 'state-all')) {
      if (rooms.size === 0) return []
      const deltas = await selectMembershipDeltas(db, [...rooms.keys()], from.stream, maxPosition(to))
      return deltas.filter(({ instanceName, streamId }) => isBetween(from, to, instanceName, streamId))
    }
    const places = rows.flatMap(({ key: roomId, position, row }) =>
      row.kind === 'state' && row.type === 'm.room.member'
        ? [{ position, roomId, userId: row.stateKey as UserId }]
        : [],
    )
    if (places.length === 0) return []
    const missing = places.filter((place) => !known.has(keyOf(place)))
    const read = new Map<string, MembershipDelta>()
    if (missing.length > 0)
      for (const delta of await selectMembershipDeltasAt(db, missing)) {
        const key = keyOf({ ...delta, position: delta.streamId })
        read.set(key, delta)
        known.set(key, delta)
      }
    return places.flatMap((place) => read.get(keyOf(place)) ?? known.get(keyOf(place)) ?? [])
  }
}

const keyOf = ({ position, roomId, userId }: { position: number; roomId: RoomId; userId: UserId }): string =>
  `${position} ${roomId} ${userId}`
