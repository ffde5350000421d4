/** Lists of a user's rooms: which rooms match, in the order of their last events, and which of them are in the client's windows. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { IgnoredUsers } from '../rooms/ignored-users.ts'
import type { OwnMembership } from '../rooms/memberships.ts'
import type { StateStore } from '../rooms/state-store.ts'
import type { RoomFacts } from '../storage/sliding-sync-rooms.ts'
import type { Activities } from './activity.ts'
import type { OwnRooms } from './own-rooms.ts'
import type { ListFilters, ListRequest, SlidingSyncRequest } from './request.ts'
import { combined, type RoomConfig } from './room-config.ts'
import type { RoomFactsStore } from './room-facts.ts'

export interface ListDeps {
  readonly ignoredUsers: IgnoredUsers
  readonly activities: Activities
  readonly roomFacts: RoomFactsStore
  readonly ownRooms: OwnRooms
  readonly states: Pick<StateStore, 'current'>
  readonly events: Pick<EventStore, 'get'>
}

export interface ListWindow {
  readonly range: readonly [first: number, last: number]
  readonly roomIds: readonly RoomId[]
}

export interface ListAnswer {
  /** Of all rooms that match. */
  readonly count: number
  readonly windows: readonly ListWindow[]
}

export interface InterestingRooms {
  readonly lists: ReadonlyMap<string, ListAnswer>
  /** Rooms in windows and subscriptions, and how much of them is wanted. */
  readonly configs: ReadonlyMap<RoomId, RoomConfig>
}

/** @param newlyLeft Rooms that the user left since the client was told. */
export async function interestingRooms(
  deps: ListDeps,
  { userId, lists, subscriptions }: SlidingSyncRequest,
  own: ReadonlyMap<RoomId, OwnMembership>,
  newlyLeft: ReadonlySet<RoomId>,
): Promise<InterestingRooms> {
  const configs = new Map<RoomId, RoomConfig>()
  const want = (roomId: RoomId, config: RoomConfig) => {
    const known = configs.get(roomId)
    configs.set(roomId, known === undefined ? config : combined(known, config))
  }
  const answers = new Map<string, ListAnswer>()
  if (lists.size > 0) {
    const shown = await shownRooms(deps, userId, own, newlyLeft)
    const last = await lastActivity(deps, shown)
    const sorted = shown.toSorted((a, b) => last.get(b.roomId)! - last.get(a.roomId)!)
    const loaded = await loadForFilters(deps, userId, sorted, [...lists.values()])
    for (const [name, list] of lists) {
      const test = await testOf(deps, own, loaded, list.filters)
      const matching = test === undefined ? sorted : sorted.filter(test)
      const windows = list.ranges.map(([first, last]): ListWindow => {
        const roomIds = matching.slice(first, last + 1).map(({ roomId }) => roomId)
        return { range: [first, last], roomIds }
      })
      for (const { roomIds } of windows) for (const roomId of roomIds) want(roomId, list.config)
      answers.set(name, { count: matching.length, windows })
    }
  }
  for (const [roomId, config] of subscriptions) {
    const membership = own.get(roomId)
    if (membership !== undefined && !membership.isForgotten) want(roomId, config)
  }
  return { lists: answers, configs }
}

/** Those that the user is in, is asked into, knocked at, or was thrown out of; and left, if the client does not know it yet. */
async function shownRooms(
  { ignoredUsers }: ListDeps,
  userId: UserId,
  own: ReadonlyMap<RoomId, OwnMembership>,
  newlyLeft: ReadonlySet<RoomId>,
): Promise<readonly OwnMembership[]> {
  const ignored = await ignoredUsers.of(userId)
  return [...own.values()].filter(({ roomId, membership, sender, isForgotten }) => {
    if (isForgotten) return false
    if (membership === 'invite') return !ignored.has(sender)
    return membership !== 'leave' || sender !== userId || newlyLeft.has(roomId)
  })
}

async function lastActivity(
  { activities }: ListDeps,
  rooms: readonly OwnMembership[],
): Promise<ReadonlyMap<RoomId, number>> {
  const joined = rooms.flatMap(({ roomId, membership }) => (membership === 'join' ? roomId : []))
  const known = await activities.of(joined)
  return new Map(
    rooms.map(({ roomId, membership, streamOrdering }) => [
      roomId,
      membership === 'join' ? (known.get(roomId)?.last ?? streamOrdering) : streamOrdering,
    ]),
  )
}

interface LoadedForFilters {
  readonly facts: ReadonlyMap<RoomId, RoomFacts>
  readonly direct: ReadonlySet<RoomId>
  readonly tags: ReadonlyMap<RoomId, ReadonlySet<string>>
}

const needsFacts = ({ isEncrypted, roomTypes, notRoomTypes, nameLike }: ListFilters): boolean =>
  isEncrypted !== undefined || roomTypes !== undefined || notRoomTypes !== undefined || nameLike !== undefined

async function loadForFilters(
  { roomFacts, ownRooms }: ListDeps,
  userId: UserId,
  rooms: readonly OwnMembership[],
  lists: readonly ListRequest[],
): Promise<LoadedForFilters> {
  const filters = lists.flatMap((list) => list.filters ?? [])
  const [facts, direct, tags] = await Promise.all([
    filters.some(needsFacts) ? roomFacts.of(userId, rooms) : new Map(),
    filters.some(({ isDirect }) => isDirect !== undefined) ? ownRooms.direct(userId) : new Set<RoomId>(),
    filters.some(({ tags, notTags }) => tags !== undefined || notTags !== undefined)
      ? ownRooms.tags(userId)
      : new Map(),
  ])
  return { facts, direct, tags }
}

type Test = (room: OwnMembership) => boolean

/** Undefined: all rooms match. Rooms of which nothing is known match no filter that asks what they are. */
async function testOf(
  deps: ListDeps,
  own: ReadonlyMap<RoomId, OwnMembership>,
  { facts, direct, tags }: LoadedForFilters,
  filters: ListFilters | undefined,
): Promise<Test | undefined> {
  if (filters === undefined) return undefined
  const { isDirect, isEncrypted, isInvite, roomTypes, notRoomTypes, nameLike, spaces } = filters
  const tests: Test[] = []
  if (isDirect !== undefined) tests.push(({ roomId }) => direct.has(roomId) === isDirect)
  if (isInvite !== undefined) tests.push(({ membership }) => (membership === 'invite') === isInvite)
  if (isEncrypted !== undefined) tests.push(({ roomId }) => facts.get(roomId)?.isEncrypted === isEncrypted)
  const ofType = (test: (type: string | null) => boolean) =>
    tests.push(({ roomId }) => {
      const known = facts.get(roomId)
      return known !== undefined && test(known.roomType)
    })
  if (roomTypes !== undefined) ofType((type) => roomTypes.includes(type))
  if (notRoomTypes !== undefined) ofType((type) => !notRoomTypes.includes(type))
  if (nameLike !== undefined) {
    const wanted = nameLike.toLowerCase()
    tests.push(({ roomId }) => facts.get(roomId)?.roomName?.toLowerCase().includes(wanted) === true)
  }
  if (spaces !== undefined) {
    const children = await childrenOf(deps, own, spaces)
    tests.push(({ roomId }) => children.has(roomId))
  }
  const tagsOf = (roomId: RoomId) => tags.get(roomId) ?? NO_TAGS
  if (filters.tags !== undefined) {
    const wanted = new Set(filters.tags)
    tests.push(({ roomId }) => !tagsOf(roomId).isDisjointFrom(wanted))
  }
  if (filters.notTags !== undefined) {
    const unwanted = new Set(filters.notTags)
    tests.push(({ roomId }) => tagsOf(roomId).isDisjointFrom(unwanted))
  }
  return (room) => tests.every((test) => test(room))
}

const NO_TAGS: ReadonlySet<string> = new Set()

/** Rooms that these spaces name, as far as the user is in the spaces. */
async function childrenOf(
  { states, events }: ListDeps,
  own: ReadonlyMap<RoomId, OwnMembership>,
  spaces: readonly string[],
): Promise<ReadonlySet<string>> {
  const joined = [...new Set(spaces as readonly RoomId[])].filter((space) => own.get(space)?.membership === 'join')
  const current = await Promise.all(joined.map((space) => states.current(space)))
  const links = current.flatMap((state) => [...(state.get('m.space.child') ?? [])])
  const known = await events.get(links.map(([, eventId]) => eventId))
  // One that was taken out stays in the state, without servers to find it by.
  const isLink = (eventId: EventId) => Array.isArray(known.get(eventId)?.event.content.via)
  return new Set(links.flatMap(([child, eventId]) => (isLink(eventId) ? child : [])))
}
