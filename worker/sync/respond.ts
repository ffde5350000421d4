/** What a client is told between two tokens: sections are loaded for all rooms together, then printed. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { DeviceLists } from '../devices/device-lists.ts'
import type { JsonText } from '../json-text.ts'
import { type UnreadCounts, wholeRoom } from '../push/unread-counts.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { IgnoredUsers } from '../rooms/ignored-users.ts'
import type { OwnMembership } from '../rooms/memberships.ts'
import type { StateStore } from '../rooms/state-store.ts'
import { asState, type Visibility, type VisibleEvent } from '../rooms/visibility.ts'
import type { Queries } from '../storage/db.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { printStreamToken, type StreamToken } from '../streams/tokens.ts'
import type { Inbox } from '../to-device/inbox.ts'
import type { Typing } from '../typing/typing.ts'
import { loadAccountData } from './account-data.ts'
import { joinedRoomText, leftRoomText, printAnswer } from './answer.ts'
import type { DeviceKeys } from './device-keys.ts'
import { loadReceipts, receiptEvents, typingEvent } from './ephemeral.ts'
import type { LazyMembers } from './lazy-members.ts'
import { type News, newsOf } from './news.ts'
import { loadPresence, newUsers, type PresenceSectionDeps } from './presence.ts'
import { prevBatchPrinter } from './prev-batch.ts'
import type { Recent } from './recent.ts'
import { eventsOf, type SyncRequest } from './request.ts'
import { planIncremental, planInitial, type RoomPlan } from './room-plans.ts'
import { loadStates, type RoomStates } from './room-state.ts'
import { strippedRooms } from './stripped-rooms.ts'
import { loadSummaries } from './summary.ts'
import { loadTimelines, type Timeline } from './timelines.ts'
import { loadMessages } from './to-device.ts'

export interface RespondDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'instances'>
  readonly recent: Recent
  readonly events: Pick<EventStore, 'get'>
  readonly states: Pick<StateStore, 'current' | 'ofGroups'>
  readonly visibility: Pick<Visibility, 'filter'>
  readonly ignoredUsers: IgnoredUsers
  /** `exclude_rooms_from_sync`. */
  readonly excludedRooms: ReadonlySet<RoomId>
  readonly printer: EventPrinter
  readonly typing: Typing
  readonly unreadCounts: UnreadCounts
  readonly deviceKeys: DeviceKeys
  readonly deviceLists: Pick<DeviceLists, 'between'>
  readonly presence: PresenceSectionDeps
  readonly inbox: Pick<Inbox, 'mayHave' | 'messages' | 'forget'>
  readonly lazyMembers: LazyMembers
  /** The content of `m.push_rules` of a user. */
  readonly pushRules: (userId: UserId) => Promise<object>
  /** `filter_timeline_limit`: the most events of a room; Infinity: any number. */
  readonly maxTimelineLimit: number
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

const DEFAULT_TIMELINE_LIMIT = 10

/**
 * The answer as text; undefined if there is nothing new, and the client may wait. A client without `since`, or one that asks
 * for `full_state`, is always answered.
 *
 * @param own The user's memberships, none of them beyond `now` where there is a `since`.
 */
export async function respond(
  deps: RespondDeps,
  request: SyncRequest,
  own: ReadonlyMap<RoomId, OwnMembership>,
  now: StreamToken,
): Promise<JsonText | undefined> {
  const { userId, deviceId, filter, since } = request
  const news = since && newsOf(deps.recent, userId, own, since, now)
  const [accountData, toDevice] = await Promise.all([
    request.fullState
      ? loadAccountData(deps, userId, filter, undefined, undefined)
      : loadAccountData(deps, userId, filter, since?.accountData, news),
    loadMessages(deps.inbox, request, now),
  ])
  const upTo = eventsOf(now)
  const { rooms, invited, knocked } = news
    ? await planIncremental(
        deps,
        request,
        own,
        upTo,
        touchedRooms(request, own, news, accountData.byRoom),
        news.hasMoved,
      )
    : await planInitial(deps, request, own, upTo)
  const timelines = await loadTimelines(deps, rooms, {
    userId,
    filter: filter.room.timeline,
    limit: Math.min(filter.room.timeline.limit ?? DEFAULT_TIMELINE_LIMIT, deps.maxTimelineLimit),
  })

  const joined = rooms.filter(({ kind }) => kind === 'join')
  const isLazy = filter.room.state.lazyLoadMembers
  const sent = isLazy
    ? deps.lazyMembers.of(userId, deviceId, since && printStreamToken(since, deps.streams.instances))
    : NONE_SENT
  const [deviceLists, ephemeral, [summaries, states], invite, knock] = await Promise.all([
    since && deps.deviceLists.between(userId, since, now),
    loadEphemeral(deps, request, joined, now, news),
    (async () => {
      const summarised = isLazy ? joined.filter((plan) => needsSummary(plan, timelines.get(plan.roomId)!, since)) : []
      const found = await loadSummaries(
        deps,
        userId,
        summarised.map(({ roomId }) => roomId),
      )
      const heroes = new Map([...found].map(([roomId, summary]) => [roomId, summary.heroes ?? []]))
      const isAfter = request.useStateAfter
      return [
        found,
        await loadStates(deps, rooms, timelines, { userId, filter: filter.room.state, isAfter, sent, heroes }),
      ] as const
    })(),
    strippedRooms(deps, invited, 'invite'),
    strippedRooms(deps, knocked, 'knock'),
  ])

  const told = rooms.filter((plan) => {
    const { roomId } = plan
    const timeline = timelines.get(roomId)!
    return (
      plan.kind === 'leave' ||
      plan.isNew ||
      request.fullState ||
      timeline.events.length > 0 ||
      states.byRoom.get(roomId)?.length ||
      ephemeral.get(roomId)?.length ||
      accountData.byRoom.has(roomId)
    )
  })
  const fresh = newUsers(request, rooms, timelines, states)
  const presence = await loadPresence(deps.presence, request, own, rooms, fresh, now, deps.clock())
  const devices = deviceLists === undefined ? 0 : deviceLists.changed.length + deviceLists.left.length
  const others = accountData.global.length + toDevice.messages.length + presence.length + devices
  const isEmpty = told.length + invite.size + knock.size + others === 0
  if (isEmpty && since !== undefined && !request.fullState) return undefined

  const toldJoined = told.flatMap(({ kind, roomId }) => (kind === 'join' ? roomId : []))
  const [texts, unread, keys] = await Promise.all([
    printEvents(deps, request, told, timelines, states),
    toldJoined.length === 0 ? undefined : deps.unreadCounts.of(userId, toldJoined),
    deps.deviceKeys.of(userId, deviceId),
  ])

  const next = toDevice.upTo === now.toDevice ? now : { ...now, toDevice: toDevice.upTo }
  const nextBatch = printStreamToken(next, deps.streams.instances)
  const prevBatch = prevBatchPrinter(next, deps.streams.instances)
  const [join, leave] = [new Map<RoomId, JsonText>(), new Map<RoomId, JsonText>()]
  for (const { roomId, kind } of told) {
    const { isLimited, before } = timelines.get(roomId)!
    const { events, state } = texts.get(roomId)!
    const shared = {
      timeline: { events, isLimited, prevBatch: prevBatch(before) },
      state: { name: request.useStateAfter ? 'state_after' : 'state', events: state },
      accountData: accountData.byRoom.get(roomId) ?? [],
    }
    if (kind === 'leave') {
      leave.set(roomId, leftRoomText(shared))
      continue
    }
    const counts = unread?.get(roomId) ?? NOTHING_UNREAD
    const byThread = filter.room.timeline.unreadThreadNotifications
    join.set(
      roomId,
      joinedRoomText({
        ...shared,
        ephemeral: ephemeral.get(roomId) ?? [],
        unread: byThread ? counts : wholeRoom(counts),
        threads: byThread ? counts.threads : undefined,
        summary: summaries.get(roomId),
      }),
    )
  }
  if (isLazy) deps.lazyMembers.note(userId, deviceId, nextBatch, states.members)
  return printAnswer({
    nextBatch,
    accountData: accountData.global,
    toDevice: toDevice.messages,
    deviceLists,
    presence,
    keys,
    join,
    invite,
    knock,
    leave,
  })
}

const NONE_SENT = { has: () => false }
const NOTHING_UNREAD = { notificationCount: 0, highlightCount: 0, threads: new Map() }

/** An answer that says nothing but where the client is now. */
export const printNothing = async (
  { deviceKeys, streams }: Pick<RespondDeps, 'deviceKeys' | 'streams'>,
  { userId, deviceId }: SyncRequest,
  nextBatch: StreamToken | string,
): Promise<JsonText> => {
  const known = deviceKeys.of(userId, deviceId)
  return printAnswer({
    nextBatch: typeof nextBatch === 'string' ? nextBatch : printStreamToken(nextBatch, streams.instances),
    accountData: [],
    deviceLists: undefined,
    toDevice: [],
    presence: [],
    keys: known instanceof Promise ? await known : known,
    join: NO_ROOMS,
    invite: NO_ROOMS,
    knock: NO_ROOMS,
    leave: NO_ROOMS,
  })
}
const NO_ROOMS = new Map()

/** Rooms of which there is something to tell, as far as is known before it is loaded. */
function touchedRooms(
  { fullState }: SyncRequest,
  own: ReadonlyMap<RoomId, OwnMembership>,
  { events, typing, receipts }: News,
  accountData: ReadonlyMap<RoomId, unknown>,
): Iterable<RoomId> {
  if (fullState || events === undefined || typing === undefined || receipts === undefined) return own.keys()
  return new Set([...events, ...typing, ...receipts.map(({ key }) => key), ...accountData.keys()])
}

/** Of all `joined` rooms, where there are any: who types, then receipts. */
async function loadEphemeral(
  deps: RespondDeps,
  { userId, filter, since }: SyncRequest,
  joined: readonly RoomPlan[],
  now: StreamToken,
  news: News | undefined,
): Promise<ReadonlyMap<RoomId, readonly JsonText[]>> {
  const events = new Map<RoomId, readonly JsonText[]>()
  const wanted = filter.room.ephemeral
  if (wanted.passesNothing || joined.length === 0) return events
  const whole = new Set(joined.flatMap(({ roomId, from }) => (from === undefined ? roomId : [])))
  const roomIds = joined.map(({ roomId }) => roomId)
  const receipts = receiptEvents(await loadReceipts(deps, roomIds, whole, since, now, news?.receipts), userId, wanted)
  for (const roomId of roomIds) {
    const typing = typingEvent(deps, roomId, whole.has(roomId) ? undefined : since, now, wanted)
    const found = [typing, receipts.get(roomId)].filter((event) => event !== undefined)
    if (found.length > 0) events.set(roomId, found)
  }
  return events
}

/** The client cannot know these numbers by itself where it was not told of every member. */
const needsSummary = ({ from, isFullState }: RoomPlan, timeline: Timeline, since: StreamToken | undefined): boolean =>
  since === undefined ||
  from === undefined ||
  isFullState ||
  timeline.isLimited ||
  timeline.events.some(({ known }) => known.event.type === 'm.room.member')

interface RoomEventTexts {
  readonly events: readonly JsonText[]
  readonly state: readonly JsonText[]
}

/** All events of all rooms at once, so that what they refer to is read once. */
async function printEvents(
  { printer, clock }: RespondDeps,
  { userId, deviceId, filter }: SyncRequest,
  plans: readonly RoomPlan[],
  timelines: ReadonlyMap<RoomId, Timeline>,
  states: RoomStates,
): Promise<ReadonlyMap<RoomId, RoomEventTexts>> {
  const all: VisibleEvent[] = []
  const sizes = plans.map(({ roomId }) => {
    const { events } = timelines.get(roomId)!
    const state = states.byRoom.get(roomId) ?? []
    all.push(...events)
    for (const known of state) all.push(asState(known))
    return { roomId, events: events.length, state: state.length }
  })
  const texts = await printer.print(
    all,
    { userId, deviceId },
    { withRoomId: false, format: filter.eventFormat, fields: filter.keepFields, now: clock() },
  )
  let at = 0
  const take = (count: number) => {
    at += count
    return texts.slice(at - count, at)
  }
  return new Map(sizes.map(({ roomId, events, state }) => [roomId, { events: take(events), state: take(state) }]))
}
