/**
 * Which rooms are told of, as what, and from where to where: the user's memberships now and at the time of `since`.
 */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { IgnoredUsers } from '../rooms/ignored-users.ts'
import type { OwnMembership } from '../rooms/memberships.ts'
import type { Queries } from '../storage/db.ts'
import { type MembershipChange, selectMembershipChanges, selectRoomsEverJoined } from '../storage/memberships.ts'
import {
  copyAndAdvance,
  isBetween,
  type MultiWriterToken,
  maxPosition,
  tokenAt,
  tokenOf,
} from '../streams/vector-clock.ts'
import { eventsOf, type SyncRequest } from './request.ts'

/** A room whose timeline and state are told of. */
export interface RoomPlan {
  readonly roomId: RoomId
  /** Under `rooms.join` or `rooms.leave`. */
  readonly kind: 'join' | 'leave'
  /** After this; undefined: from the room's beginning, as the client knows nothing of it. */
  readonly from: MultiWriterToken | undefined
  /** Up to this: where all of the answer ends, or the event by which the user left. */
  readonly upTo: MultiWriterToken
  /** The client was not told of the room before, while it was told of others. */
  readonly isNew: boolean
  /** All of the state, not only what changed. */
  readonly isFullState: boolean
  /** The event by which the user left. */
  readonly departure: EventId | undefined
  /** Of the user, who was never in the room, only {@link departure} is told: the end of an invitation. */
  readonly isOutside: boolean
}

export interface RoomPlans {
  readonly rooms: readonly RoomPlan[]
  readonly invited: readonly OwnMembership[]
  readonly knocked: readonly OwnMembership[]
}

export interface PlanDeps {
  readonly db: Queries
  readonly ignoredUsers: IgnoredUsers
  /** Rooms that nobody is told of: `exclude_rooms_from_sync`. */
  readonly excludedRooms: ReadonlySet<RoomId>
}

const after = (token: MultiWriterToken, { instanceName, streamOrdering }: OwnMembership): boolean =>
  !isBetween(undefined, token, instanceName, streamOrdering)

/**
 * The token that a membership is beyond, if any is: memberships are those of this moment, and may be newer than `now`. Who
 * left after it is told nothing wrong only once it is reached.
 */
export function beyond(own: ReadonlyMap<RoomId, OwnMembership>, now: MultiWriterToken): MultiWriterToken | undefined {
  let token: MultiWriterToken | undefined
  for (const membership of own.values())
    if (after(now, membership))
      token = copyAndAdvance(token ?? now, tokenOf(now.stream, [[membership.instanceName, membership.streamOrdering]]))
  return token
}

/** Of a client that knows nothing. Memberships after `now` are left to the next time. */
export async function planInitial(
  { db, ignoredUsers, excludedRooms }: PlanDeps,
  { userId, filter }: SyncRequest,
  own: ReadonlyMap<RoomId, OwnMembership>,
  now: MultiWriterToken,
): Promise<RoomPlans> {
  const { includeLeave, rooms: wanted } = filter.room
  const plans: RoomPlan[] = []
  const [invited, knocked, left]: [OwnMembership[], OwnMembership[], OwnMembership[]] = [[], [], []]
  for (const membership of own.values()) {
    const { roomId, sender } = membership
    if (excludedRooms.has(roomId) || !wanted.passesRoom(roomId) || after(now, membership)) continue
    switch (membership.membership) {
      case 'join':
        plans.push(joined(roomId, undefined, now, false, true))
        break
      case 'invite':
        invited.push(membership)
        break
      case 'knock':
        knocked.push(membership)
        break
      case 'leave':
      case 'ban':
        // NOTSPEC: who was thrown out is told so in any case, as by Synapse.
        if (!membership.isForgotten && (includeLeave || sender !== userId)) left.push(membership)
    }
  }
  if (left.length > 0) {
    const been = await selectRoomsEverJoined(
      db,
      userId,
      left.map(({ roomId }) => roomId),
    )
    for (const { roomId, eventId, streamOrdering } of left)
      plans.push(departed(roomId, eventId, streamOrdering, undefined, false, !been.has(roomId)))
  }
  return { rooms: plans, invited: await notIgnored(ignoredUsers, userId, invited), knocked }
}

/**
 * Of a client that was told everything up to `since`.
 *
 * @param touched Rooms where there is something new, besides those that the user went into or out of.
 * @param hasMoved Whether any of the user's own memberships may have changed after `since`.
 */
export async function planIncremental(
  { db, ignoredUsers, excludedRooms }: PlanDeps,
  request: SyncRequest,
  own: ReadonlyMap<RoomId, OwnMembership>,
  now: MultiWriterToken,
  touched: Iterable<RoomId>,
  hasMoved: boolean,
): Promise<RoomPlans> {
  const { userId, filter, fullState } = request
  const since = eventsOf(request.since!)
  const isWanted = (roomId: RoomId) => filter.room.rooms.passesRoom(roomId) && !excludedRooms.has(roomId)
  const plans: RoomPlan[] = []
  const [invited, knocked, changed]: [OwnMembership[], OwnMembership[], OwnMembership[]] = [[], [], []]
  for (const roomId of touched) {
    const membership = own.get(roomId)
    if (membership?.membership === 'join' && isWanted(roomId) && !(hasMoved && after(since, membership)))
      plans.push(joined(roomId, since, now, false, fullState))
  }
  if (hasMoved)
    for (const membership of own.values())
      if (isWanted(membership.roomId) && after(since, membership)) {
        changed.push(membership)
        if (membership.membership === 'invite') invited.push(membership)
        else if (membership.membership === 'knock') knocked.push(membership)
      }
  if (changed.length > 0) {
    const roomIds = changed.map(({ roomId }) => roomId)
    const rows = await selectMembershipChanges(db, userId, roomIds, since.stream, maxPosition(now))
    const byRoom = Map.groupBy(rows, ({ roomId }) => roomId)
    for (const membership of changed) {
      const plan = planChanged(membership, byRoom.get(membership.roomId) ?? [], since, now, fullState)
      if (plan !== undefined) plans.push(plan)
    }
  }
  return { rooms: plans, invited: await notIgnored(ignoredUsers, userId, invited), knocked }
}

/**
 * A room that the user joined or left, or where they did both. Undefined: they did neither, and were only asked in. Who was
 * thrown out and asked in again is told of both.
 */
function planChanged(
  { roomId, membership }: OwnMembership,
  rows: readonly MembershipChange[],
  since: MultiWriterToken,
  now: MultiWriterToken,
  fullState: boolean,
): RoomPlan | undefined {
  const isAfterSince = ({ instanceName, streamOrdering: position }: MembershipChange) =>
    isBetween(since, undefined, instanceName, position)
  const wasJoined = rows.findLast((row) => !isAfterSince(row))?.membership === 'join'
  if (membership === 'join')
    return joined(roomId, wasJoined ? since : undefined, now, !wasJoined, fullState || !wasJoined)
  const changes = rows.filter(isAfterSince)
  const lastJoin = changes.findLastIndex((row) => row.membership === 'join')
  const from = wasJoined ? since : undefined
  const wasInside = wasJoined || lastJoin !== -1
  // What happened after they left is not told: a ban, for example, and the state at it. To who was outside all the time it is.
  const departure = wasInside ? changes[lastJoin + 1] : changes.findLast((row) => isEnd(row))
  if (departure === undefined) return undefined
  return {
    ...departed(roomId, departure.eventId, departure.streamOrdering, from, fullState || !wasJoined, !wasInside),
    isNew: wasInside && !wasJoined,
  }
}

const isEnd = ({ membership }: MembershipChange): boolean => membership === 'leave' || membership === 'ban'

/** Of a room that the user is in. */
export const joined = (
  roomId: RoomId,
  from: MultiWriterToken | undefined,
  upTo: MultiWriterToken,
  isNew: boolean,
  isFullState: boolean,
): RoomPlan => ({ roomId, kind: 'join', from, upTo, isNew, isFullState, departure: undefined, isOutside: false })

/** Of a room that the user left, up to the event by which they did. */
export const departed = (
  roomId: RoomId,
  departure: EventId,
  position: number,
  from: MultiWriterToken | undefined,
  isFullState: boolean,
  isOutside: boolean,
): RoomPlan => ({
  roomId,
  kind: 'leave',
  from,
  // One process writes a room's events, so that its order is that of their numbers.
  upTo: tokenAt(position),
  isNew: false,
  isFullState: isFullState || from === undefined,
  departure,
  isOutside,
})

/** Invitations from users who are ignored are not told of (client-server-api, "Ignoring Users"). */
async function notIgnored(
  ignoredUsers: IgnoredUsers,
  userId: SyncRequest['userId'],
  invited: readonly OwnMembership[],
): Promise<readonly OwnMembership[]> {
  if (invited.length === 0) return invited
  const ignored = await ignoredUsers.of(userId)
  return invited.filter(({ sender }) => !ignored.has(sender))
}
