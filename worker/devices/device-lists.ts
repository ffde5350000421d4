/** Whose devices changed, and who is to be told (client-server-api, "Tracking the device list for a user"). */

import type { RoomId, ServerName, UserId } from '../../shared/matrix/ids.ts'
import { serverNameOf } from '../../shared/matrix/ids.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Queries } from '../storage/db.ts'
import {
  selectDeviceChangesInRooms,
  selectDeviceChangesOfMembers,
  selectJoinedToAny,
  selectRoomsJoinedBy,
  selectSignings,
  type UserChange,
} from '../storage/device-lists.ts'
import type { MembershipDelta } from '../storage/membership-deltas.ts'
import type { StreamRow } from '../streams/definitions.ts'
import type { RecentRows } from '../streams/recent-rows.ts'
import { eventsOf, type StreamToken } from '../streams/tokens.ts'
import { isBetween, type MultiWriterToken, maxPosition, tokenAt } from '../streams/vector-clock.ts'
import type { DeviceChanges } from './device-changes.ts'
import { makeMembershipChanges } from './membership-changes.ts'

export interface ChangedUsers {
  readonly changed: readonly UserId[]
  readonly left: readonly UserId[]
}

export interface DeviceLists {
  /** Devices of one of our users are new, gone, renamed or have other keys; in any process: a writer of `device_lists` is asked. */
  readonly changed: (userId: UserId, deviceIds: readonly string[]) => Promise<void>
  /**
   * What `/sync` and `/keys/changes` say: `changed` are users who share a room with this one, and have other devices or came to share a
   * room with them between the tokens; `left` share none any more.
   */
  readonly between: (userId: UserId, from: StreamToken, to: StreamToken) => Promise<ChangedUsers>
}

export interface DeviceListsDeps {
  readonly db: Queries
  readonly memberships: Pick<Memberships, 'ofUser' | 'joined'>
  readonly changes: Pick<DeviceChanges, 'changed'>
  readonly recent: {
    readonly events: RecentRows<RoomId, StreamRow<'events'>>
    readonly deviceLists: RecentRows<UserId, StreamRow<'device_lists'>>
  }
  readonly serverName: ServerName
}

const NONE: ChangedUsers = { changed: [], left: [] }
/** After all that there is. */
const END = tokenAt(Number.MAX_SAFE_INTEGER)
/** For so many of our users memory is asked who shares a room, for more the table. */
const MAX_ASKED = 50

export function makeDeviceLists({ db, memberships, changes, recent, serverName }: DeviceListsDeps): DeviceLists {
  const membershipChanges = makeMembershipChanges({ db, recentEvents: recent.events })

  /** Who of `candidates` is joined to any of these rooms now. */
  async function sharing(candidates: ReadonlySet<UserId>, rooms: ReadonlySet<RoomId>): Promise<ReadonlySet<UserId>> {
    if (candidates.size === 0 || rooms.size === 0) return new Set()
    const all = [...candidates]
    if (all.length > MAX_ASKED || all.some((userId) => serverNameOf(userId) !== serverName))
      return new Set(await selectJoinedToAny(db, all, [...rooms]))
    const theirs = await Promise.all(all.map((userId) => memberships.ofUser(userId)))
    return new Set(
      all.filter((_, i) => {
        for (const { roomId, membership } of theirs[i]!.values())
          if (membership === 'join' && rooms.has(roomId)) return true
        return false
      }),
    )
  }

  /** Users with other devices, whether or not they share a room now; and whether the user's own signatures may have changed. */
  async function deviceChanges(
    userId: UserId,
    rooms: ReadonlySet<RoomId>,
    from: MultiWriterToken,
    to: MultiWriterToken,
  ) {
    if (recent.deviceLists.isComplete(from)) {
      const changed = new Set<UserId>()
      let hasSigned = false
      for (const { key, row } of recent.deviceLists.between(from, to))
        if (!row.isSignature && !row.hostsCalculated) changed.add(key)
        else if (row.isSignature && key === userId) hasSigned = true
      return { changed, hasSigned }
    }
    const [low, high] = [from.stream, maxPosition(to)]
    const inRange = ({ instanceName, streamId }: UserChange) => isBetween(from, to, instanceName, streamId)
    const [inRooms, own] = await Promise.all([
      selectDeviceChangesInRooms(db, [...rooms], low, high),
      selectDeviceChangesOfMembers(db, [], [userId], low, high),
    ])
    const rows = inRooms ?? (await selectDeviceChangesOfMembers(db, [...rooms], [], low, high))
    return { changed: new Set([...rows, ...own].filter(inRange).map((row) => row.userId)), hasSigned: true }
  }

  async function signedUsers(userId: UserId, from: MultiWriterToken, to: MultiWriterToken): Promise<readonly UserId[]> {
    const rows = await selectSignings(db, userId, from.stream, maxPosition(to))
    return rows
      .filter(({ instanceName, streamId }) => isBetween(from, to, instanceName, streamId))
      .flatMap(({ userIds }) => JSON.parse(userIds) as UserId[])
  }

  /** Members are those of this moment, which may be after `to`. */
  async function afterwards(rooms: readonly LeftRoom[], to: StreamToken) {
    const deltas =
      rooms.length === 0
        ? []
        : await membershipChanges(new Map(rooms.map((room) => [room.roomId, room])), eventsOf(to), END)
    const byRoom = Map.groupBy(deltas, (delta) => delta.roomId)
    return (roomId: RoomId) => {
      const [came, went] = [new Set<UserId>(), new Set<UserId>()]
      for (const [member, [first]] of Map.groupBy(byRoom.get(roomId) ?? [], (delta) => delta.userId))
        if (isHere(first!.before)) went.add(member)
        else came.add(member)
      return { came, went }
    }
  }

  return {
    changed: changes.changed,

    async between(userId, from, to) {
      const own = await memberships.ofUser(userId)
      const rooms = new Set<RoomId>()
      for (const { roomId, membership } of own.values()) if (membership === 'join') rooms.add(roomId)
      const [devices, deltas] = await Promise.all([
        deviceChanges(userId, rooms, from.deviceLists, to.deviceLists),
        membershipChanges(own, eventsOf(from), eventsOf(to)),
      ])
      if (devices.changed.size === 0 && !devices.hasSigned && deltas.length === 0) return NONE

      const moves = movesOf(userId, rooms, deltas)
      const [signed, joined, left] = await Promise.all([
        devices.hasSigned ? signedUsers(userId, from.deviceLists, to.deviceLists) : [],
        Promise.all(moves.roomsJoined.map((roomId) => memberships.joined(roomId))),
        Promise.all(moves.roomsLeft.map(({ roomId }) => memberships.joined(roomId))),
      ])
      const changed = new Set([...signed, ...moves.entered])
      for (const members of joined) for (const member of members) changed.add(member)
      if (devices.changed.has(userId)) changed.add(userId)

      const gone = new Set(moves.exited)
      const later = await afterwards(moves.roomsLeft, to)
      for (const [i, { roomId, strangers }] of moves.roomsLeft.entries()) {
        const { came, went } = later(roomId)
        for (const member of [...left[i]!, ...went]) if (!strangers.has(member) && !came.has(member)) gone.add(member)
      }
      gone.delete(userId)
      const unsure = new Set([...devices.changed, ...gone].filter((other) => other !== userId && !changed.has(other)))
      const shared = await sharing(unsure, rooms)
      for (const other of devices.changed) if (shared.has(other)) changed.add(other)
      return {
        changed: [...changed],
        left: [...gone].filter((other) => !changed.has(other) && !shared.has(other)),
      }
    },
  }
}

interface Moves {
  /** Rooms that the user is in, and was not at some time in between. */
  readonly roomsJoined: readonly RoomId[]
  readonly roomsLeft: readonly LeftRoom[]
  /** Others who came into the user's rooms, or were asked in, and are still there. */
  readonly entered: ReadonlySet<UserId>
  /** Others who left rooms where the user was. */
  readonly exited: ReadonlySet<UserId>
}

interface LeftRoom {
  readonly roomId: RoomId
  /** Who came when the user had left: of them nothing is told. */
  readonly strangers: ReadonlySet<UserId>
}

const isHere = (membership: string | null): boolean =>
  membership === 'join' || membership === 'invite' || membership === 'knock'

/** Of who was only invited no changes were told, so that to join is to come in once more. */
const isEntry = ({ before, after }: MembershipDelta): boolean =>
  after === 'join' ? before !== 'join' : isHere(after) && !isHere(before)

function movesOf(userId: UserId, rooms: ReadonlySet<RoomId>, deltas: readonly MembershipDelta[]): Moves {
  const roomsJoined: RoomId[] = []
  const roomsLeft: LeftRoom[] = []
  const [entered, exited] = [new Set<UserId>(), new Set<UserId>()]
  for (const [roomId, inRoom] of Map.groupBy(deltas, (delta) => delta.roomId)) {
    const byMember = Map.groupBy(inRoom, (delta) => delta.userId)
    const own = byMember.get(userId) ?? []
    byMember.delete(userId)
    const isJoined = rooms.has(roomId)
    const strangers = new Set<UserId>()
    for (const [member, ofMember] of byMember) {
      if (isHere(ofMember.at(-1)!.after)) {
        if (isJoined && ofMember.some(isEntry)) entered.add(member)
        if (!isJoined && !haveMet(own, isJoined, ofMember)) strangers.add(member)
      } else if (haveMet(own, isJoined, ofMember)) exited.add(member)
    }
    if (isJoined && own.some(({ before, after }) => after === 'join' && before !== 'join')) roomsJoined.push(roomId)
    if (!isJoined && own.some(({ before }) => before === 'join')) roomsLeft.push({ roomId, strangers })
  }
  return { roomsJoined, roomsLeft, entered, exited }
}

/** Whether the user was in the room when the other was there. One process writes a room's events, so that their numbers are in order. */
function haveMet(own: readonly MembershipDelta[], isJoined: boolean, theirs: readonly MembershipDelta[]): boolean {
  let amIn = own.length === 0 ? isJoined : own[0]!.before === 'join'
  let areHere = isHere(theirs[0]!.before)
  for (let [i, j] = [0, 0]; !(amIn && areHere); ) {
    const [mine, other] = [own[i], theirs[j]]
    if (mine !== undefined && (other === undefined || mine.streamId < other.streamId)) {
      amIn = mine.after === 'join'
      i++
    } else if (other !== undefined) {
      areHere = isHere(other.after)
      j++
    } else return false
  }
  return true
}

/** Rooms that a user of any server is joined to. */
export const makeRoomsOf =
  ({ db, memberships, serverName }: Pick<DeviceListsDeps, 'db' | 'memberships' | 'serverName'>) =>
  async (userId: UserId): Promise<readonly RoomId[]> => {
    if (serverNameOf(userId) !== serverName) return selectRoomsJoinedBy(db, userId)
    const rooms: RoomId[] = []
    for (const { roomId, membership } of (await memberships.ofUser(userId)).values())
      if (membership === 'join') rooms.push(roomId)
    return rooms
  }
