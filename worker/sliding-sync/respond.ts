/** What a client of sliding sync is told between two tokens: its lists, the rooms in them, and the extensions it asked for. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { JsonText } from '../json-text.ts'
import type { ThreadChanges } from '../push/thread-subscriptions.ts'
import type { OwnMembership } from '../rooms/memberships.ts'
import { selectMembershipChanges } from '../storage/memberships.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import type { StreamToken } from '../streams/tokens.ts'
import { isBetween, type MultiWriterToken, maxPosition } from '../streams/vector-clock.ts'
import type { AccountDataDeps } from '../sync/account-data.ts'
import type { EphemeralDeps } from '../sync/ephemeral.ts'
import { type News, newsOf } from '../sync/news.ts'
import type { Recent } from '../sync/recent.ts'
import { eventsOf } from '../sync/request.ts'
import type { Inbox } from '../to-device/inbox.ts'
import { type ConnectionChanges, markSent, markUnsent, noChanges } from './connection.ts'
import { type Connection, unknownPosition } from './connections.ts'
import { accountDataExtension } from './extensions/account-data.ts'
import type { ExtensionAnswer } from './extensions/answer.ts'
import { type E2eeDeps, e2eeExtension } from './extensions/e2ee.ts'
import { receiptsExtension } from './extensions/receipts.ts'
import { roomsInScope } from './extensions/scope.ts'
import { threadSubscriptionsExtension } from './extensions/thread-subscriptions.ts'
import { toDeviceExtension } from './extensions/to-device.ts'
import { typingExtension } from './extensions/typing.ts'
import { type InterestingRooms, interestingRooms, type ListAnswer, type ListDeps } from './lists.ts'
import type { SlidingSyncRequest } from './request.ts'
import type { RoomAnswer } from './room-answer.ts'
import { answerRooms, type RoomAnswerDeps } from './room-answers.ts'
import { combined, isSameConfig } from './room-config.ts'
import type { RoomTask } from './room-tasks.ts'

export interface RespondDeps
  extends RoomAnswerDeps,
    Omit<ListDeps, 'states'>,
    AccountDataDeps,
    EphemeralDeps,
    E2eeDeps {
  readonly recent: Recent
  readonly streams: Pick<LiveStreams, 'instances'>
  readonly inbox: Pick<Inbox, 'messages'>
  /** Undefined: threads are not followed on this server (MSC4306). */
  readonly threadChanges: ThreadChanges | undefined
}

export interface Response {
  readonly lists: ReadonlyMap<string, ListAnswer>
  readonly rooms: ReadonlyMap<RoomId, RoomAnswer>
  readonly extensions: Readonly<Record<string, JsonText | undefined>>
  /** Of the connection, once the client has this. */
  readonly changes: ConnectionChanges
  /** Whether a client that waits is to be told. */
  readonly hasNews: boolean
}

/** @param own The user's memberships, none of them beyond `now`. */
export async function respond(
  deps: RespondDeps,
  request: SlidingSyncRequest,
  connection: Connection,
  own: ReadonlyMap<RoomId, OwnMembership>,
  now: StreamToken,
): Promise<Response> {
  const { userId, from, lists, subscriptions } = request
  const since = from?.token
  const news = since && newsOf(deps.recent, userId, own, since, now)
  const changes = noChanges()
  let interesting: InterestingRooms = { lists: new Map(), configs: new Map() }
  let rooms: ReadonlyMap<RoomId, RoomAnswer> = new Map()
  if (lists.size > 0 || subscriptions.size > 0) {
    const moved = await movesOf(deps, request, own, news, now)
    interesting = await interestingRooms(deps, request, own, moved.left)
    const direct = await deps.ownRooms.direct(userId)
    const touched = await touchedRooms(deps, connection, interesting, since && eventsOf(since), news)
    const tasks = tasksOf(request, connection, interesting, own, { news, moved, touched, direct })
    checkAge(deps, connection, since, touched)
    rooms = await answerRooms(deps, request, connection, changes, tasks, eventsOf(now))
    const { state } = connection
    markSent(
      state.rooms,
      changes.rooms,
      tasks.map((task) => task.own.roomId),
    )
    if (since !== undefined) markUnsent(state.rooms, changes.rooms, touched.outside, eventsOf(since))
  }
  const extensions = await extensionsOf(deps, request, connection, interesting, rooms, changes, news, now)
  const answered = Object.values(extensions)
  return {
    lists: interesting.lists,
    rooms,
    extensions: Object.fromEntries(Object.entries(extensions).map(([name, answer]) => [name, answer?.text])),
    changes,
    hasNews: rooms.size > 0 || answered.some((answer) => answer?.hasNews === true),
  }
}

interface Moves {
  /** Rooms that the user came into since the client was told. */
  readonly joined: ReadonlySet<RoomId>
  /** And those they left, or were thrown out of. */
  readonly left: ReadonlySet<RoomId>
  /** Any of the user's memberships that changed. */
  readonly all: ReadonlySet<RoomId>
}

const NO_ROOMS: ReadonlySet<RoomId> = new Set()
const NO_MOVES: Moves = { joined: NO_ROOMS, left: NO_ROOMS, all: NO_ROOMS }

async function movesOf(
  { db }: Pick<RespondDeps, 'db'>,
  { userId, from }: SlidingSyncRequest,
  own: ReadonlyMap<RoomId, OwnMembership>,
  news: News | undefined,
  now: StreamToken,
): Promise<Moves> {
  if (from === undefined || news?.hasMoved !== true) return NO_MOVES
  const since = eventsOf(from.token)
  const isNew = ({
    instanceName,
    streamOrdering,
  }: {
    readonly instanceName: string
    readonly streamOrdering: number
  }) => isBetween(since, undefined, instanceName, streamOrdering)
  const changed = own.values().filter(isNew).toArray()
  if (changed.length === 0) return NO_MOVES
  const rows = await selectMembershipChanges(
    db,
    userId,
    changed.map(({ roomId }) => roomId),
    since.stream,
    maxPosition(eventsOf(now)),
  )
  const byRoom = Map.groupBy(rows, ({ roomId }) => roomId)
  const [joined, left] = [new Set<RoomId>(), new Set<RoomId>()]
  for (const { roomId, membership } of changed) {
    const steps = (byRoom.get(roomId) ?? []).filter((step, i, all) => step.membership !== all[i - 1]?.membership)
    const last = steps.at(-1)
    // A change of name or avatar is none.
    if (last === undefined || !isNew(last)) continue
    if (membership === 'join') joined.add(roomId)
    else if (membership === 'leave') left.add(roomId)
  }
  return { joined, left, all: new Set(changed.map(({ roomId }) => roomId)) }
}

interface Touched {
  /** Rooms in windows and subscriptions with new events. */
  readonly inside: ReadonlySet<RoomId>
  /** Rooms that the client was told of, and has now out of its sight. */
  readonly outside: readonly RoomId[]
}

/** Where something happened since the client was told: from memory, or by where rooms end. */
async function touchedRooms(
  { activities }: Pick<RespondDeps, 'activities'>,
  { state }: Connection,
  { configs }: InterestingRooms,
  since: MultiWriterToken | undefined,
  news: News | undefined,
): Promise<Touched> {
  if (since === undefined) return { inside: NO_ROOMS, outside: [] }
  const isHidden = (roomId: RoomId) => !configs.has(roomId) && state.rooms.get(roomId) === 'live'
  if (news?.events !== undefined) {
    const all = [...news.events]
    return { inside: new Set(all.filter((roomId) => configs.has(roomId))), outside: all.filter(isHidden) }
  }
  const hidden = [...state.rooms.keys()].filter(isHidden)
  const last = await activities.of([...configs.keys(), ...hidden])
  const isTouched = (roomId: RoomId) => (last.get(roomId)?.last ?? 0) > since.stream
  return { inside: new Set([...configs.keys()].filter(isTouched)), outside: hidden.filter(isTouched) }
}

/** Who comes back after an hour to many rooms begins anew, as with Synapse: that is less than all that happened. */
const MAX_AGE_MS = 3_600_000
const MANY_ROOMS = 100

function checkAge(
  { clock }: Pick<RespondDeps, 'clock'>,
  { lastUsedTs }: Connection,
  since: StreamToken | undefined,
  { inside }: Touched,
): void {
  if (since === undefined || inside.size <= MANY_ROOMS || lastUsedTs === undefined) return
  if (clock() - lastUsedTs > MAX_AGE_MS) throw unknownPosition()
}

interface WhatHappened {
  readonly news: News | undefined
  readonly moved: Moves
  readonly touched: Touched
  readonly direct: ReadonlySet<RoomId>
}

/** The rooms that there may be something to tell of. */
function tasksOf(
  { userId, from }: SlidingSyncRequest,
  { state }: Connection,
  { configs }: InterestingRooms,
  own: ReadonlyMap<RoomId, OwnMembership>,
  { news, moved, touched, direct }: WhatHappened,
): readonly RoomTask[] {
  const read = new Set(news?.receipts?.flatMap(({ key, row }) => (row.userId === userId ? key : [])))
  const tasks: RoomTask[] = []
  for (const [roomId, config] of configs) {
    const membership = own.get(roomId)!
    const status = from === undefined || moved.joined.has(roomId) ? undefined : state.rooms.get(roomId)
    const hasRead = membership.membership === 'join' && read.has(roomId)
    if (status === 'live') {
      const known = state.configs.get(roomId)
      const wantsMore = known !== undefined && !isSameConfig(combined(known, config), known)
      // Who is not in the room is told when that changes.
      const isTouched = membership.membership === 'join' ? touched.inside.has(roomId) : moved.all.has(roomId)
      if (!wantsMore && !isTouched && !hasRead) continue
    }
    tasks.push({
      own: membership,
      config,
      from: status === undefined ? undefined : status === 'live' ? eventsOf(from!.token) : status.since,
      isNewlyLeft: moved.left.has(roomId),
      isDirect: direct.has(roomId),
      hasRead,
    })
  }
  return tasks
}

/** Those that were asked for, by the names that they have in the answer. */
async function extensionsOf(
  deps: RespondDeps,
  request: SlidingSyncRequest,
  { state }: Connection,
  interesting: InterestingRooms,
  answers: ReadonlyMap<RoomId, RoomAnswer>,
  changes: ConnectionChanges,
  news: News | undefined,
  now: StreamToken,
): Promise<Readonly<Record<string, ExtensionAnswer | undefined>>> {
  const { userId, from, extensions } = request
  const { toDevice, e2ee, accountData, receipts, typing, threadSubscriptions } = extensions
  const shared = { userId, since: from?.token, now, news, state, changes }
  const scope = (of: NonNullable<typeof accountData>) => roomsInScope(of, interesting)
  const [messages, keys, data, read, threads] = await Promise.all([
    toDevice && toDeviceExtension(deps.inbox, request, now),
    e2ee ? e2eeExtension(deps, request, now) : undefined,
    accountData && accountDataExtension(deps, { ...shared, rooms: scope(accountData) }),
    receipts && receiptsExtension(deps, { ...shared, rooms: scope(receipts), answers }),
    threadSubscriptions && deps.threadChanges && threadSubscriptionsExtension(deps.threadChanges, request, now),
  ])
  return {
    to_device: messages,
    e2ee: keys,
    account_data: data,
    receipts: read,
    typing: typing && typingExtension(deps, scope(typing), from?.token, now),
    'io.element.msc4308.thread_subscriptions': threads,
  }
}
