/**
 * What a client is told of rooms: their last events, their state as far as it is asked for, names, members. For all rooms
 * together, so that the statements are as many as for one.
 */

import { defaultFilter } from '../../shared/matrix/filter/filter.ts'
import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import type { JsonText } from '../json-text.ts'
import { type UnreadCount, type UnreadCounts, wholeRoom } from '../push/unread-counts.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import type { KnownEvent } from '../rooms/event-store.ts'
import type { OwnMembership } from '../rooms/memberships.ts'
import { asState, type VisibleEvent } from '../rooms/visibility.ts'
import type { Queries } from '../storage/db.ts'
import { type Hero, selectRoomsEverJoined } from '../storage/memberships.ts'
import { BUMP_TYPES } from '../storage/sliding-sync-rooms.ts'
import { isBetween, type MultiWriterToken, tokenAt } from '../streams/vector-clock.ts'
import type { RoomPlan } from '../sync/room-plans.ts'
import { loadStateChanges, type StateChange } from '../sync/state-changes.ts'
import { statesAtEnd } from '../sync/states-at-end.ts'
import { strippedStates } from '../sync/stripped-rooms.ts'
import { loadMembers, type RoomMembers } from '../sync/summary.ts'
import { loadTimelines, type Timeline, type TimelineDeps } from '../sync/timelines.ts'
import type { Activities } from './activity.ts'
import { type ConnectionChanges, type ConnectionState, type LazySent, setConfig } from './connection.ts'
import type { Connection } from './connections.ts'
import type { SlidingSyncRequest } from './request.ts'
import { requiredStateChange } from './required-state.ts'
import { LAZY, ME, type RoomConfig, WILDCARD } from './room-config.ts'
import { EVERYTHING, NOTHING, pick, type WantedState, wantedState, wants } from './wanted-state.ts'

export interface RoomAnswerDeps extends TimelineDeps {
  readonly db: Queries
  readonly states: Parameters<typeof statesAtEnd>[0]['states']
  readonly printer: EventPrinter
  readonly activities: Activities
  readonly unreadCounts: Pick<UnreadCounts, 'of'>
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** A room that there may be something to tell of. */
export interface RoomTask {
  readonly own: OwnMembership
  readonly config: RoomConfig
  /** The client has all up to here; undefined: it knows nothing of the room. */
  readonly from: MultiWriterToken | undefined
  /** The user left since then. */
  readonly isNewlyLeft: boolean
  readonly isDirect: boolean
  /** The user read something there since then. */
  readonly hasRead: boolean
}

export interface RoomAnswer {
  readonly isInitial: boolean
  /** All of the timeline is sent, as more of it is wanted than before. */
  readonly isExpanded: boolean
  readonly isDirect: boolean
  readonly name: string | undefined
  readonly avatar: string | undefined
  readonly heroes: readonly HeroAnswer[]
  readonly joinedCount: number | undefined
  readonly invitedCount: number | undefined
  readonly unread: UnreadCount
  readonly bumpStamp: number | undefined
  readonly requiredState: readonly JsonText[]
  readonly strippedState: readonly JsonText[]
  /** Undefined: none was asked for. */
  readonly timeline: TimelineAnswer | undefined
}

export interface TimelineAnswer {
  readonly events: readonly JsonText[]
  readonly eventIds: readonly EventId[]
  readonly isLimited: boolean
  /** Where history goes on, as in {@link Timeline}. */
  readonly before: number | undefined
  /** How many of the events happened since the client's token. */
  readonly live: number
}

export interface HeroAnswer {
  readonly userId: string
  readonly displayName: string | undefined
  readonly avatarUrl: string | undefined
}

const MEMBER = 'm.room.member'
const bumps: ReadonlySet<string> = new Set(BUMP_TYPES)
/** Lets everything pass. */
const ALL_EVENTS = defaultFilter.room.timeline

/** A room with what was loaded of it. */
interface Loading {
  readonly task: RoomTask
  /** Undefined: the user is only asked in. */
  readonly plan: RoomPlan | undefined
  readonly previous: RoomConfig | undefined
  readonly isExpanded: boolean
}

/** By room; those of which there is nothing to tell are left out, but for initial ones. Notes in `changes` what is told. */
export async function answerRooms(
  deps: RoomAnswerDeps,
  request: SlidingSyncRequest,
  connection: Connection,
  changes: ConnectionChanges,
  tasks: readonly RoomTask[],
  now: MultiWriterToken,
): Promise<ReadonlyMap<RoomId, RoomAnswer>> {
  if (tasks.length === 0) return new Map()
  const { db } = deps
  const { userId } = request
  const rooms = await planned(deps, request, connection.state, tasks, now)
  const plans = rooms.flatMap(({ plan }) => plan ?? [])

  const limits = new Map(rooms.map(({ task }) => [task.own.roomId, task.config.timelineLimit]))
  const withTimeline = rooms.flatMap(({ plan, isExpanded }) =>
    plan === undefined || limits.get(plan.roomId)! <= 0 ? [] : isExpanded ? { ...plan, from: undefined } : plan,
  )
  const [timelines, stateChanges, stripped] = await Promise.all([
    withTimeline.length === 0
      ? NO_TIMELINES
      : loadTimelines(deps, withTimeline, {
          userId,
          filter: ALL_EVENTS,
          limit: (roomId) => limits.get(roomId)!,
          isUnfilled: true,
        }),
    loadStateChanges(
      deps,
      plans.filter(({ from, isOutside }) => from !== undefined && !isOutside),
    ),
    strippedStates(
      deps,
      rooms.flatMap(({ task, plan }) => (plan === undefined ? task.own : [])),
    ),
  ])

  const changed = new Map(rooms.map((room) => [room.task.own.roomId, changedState(room, userId, stateChanges)]))
  const lazy = await lazilyNeeded(rooms, userId, connection, timelines, changed)
  const wanted = rooms.map((room) => wantedOf(room, request, timelines, changed, lazy))
  const summarised = rooms.flatMap(({ task: { own, from } }) =>
    own.membership === 'join' && (from === undefined || hasChanged(changed.get(own.roomId)!, MEMBER)) ? own.roomId : [],
  )
  const [states, members, activities] = await Promise.all([
    statesAtEnd(
      deps,
      rooms.flatMap(({ plan }, i) => (plan !== undefined && needsState(plan, wanted[i]!) ? plan : [])),
    ),
    loadMembers(db, userId, summarised),
    deps.activities.of(rooms.flatMap(({ task: { own } }) => (own.membership === 'join' ? own.roomId : []))),
  ])

  const chosen = rooms.map(({ task: { own, from }, plan }, i) =>
    chooseEvents(from, plan, wanted[i]!, changed.get(own.roomId)!, states.get(own.roomId)),
  )
  const known = await deps.events.get([
    ...chosen.flatMap(({ required, name, avatar }) => [
      ...required,
      ...[name, avatar].filter((id) => id !== undefined),
    ]),
    ...[...members.values()].flatMap(({ heroes }) => heroes.map(({ eventId }) => eventId)),
  ])

  const answers = new Map<RoomId, Omit<RoomAnswer, 'unread' | 'requiredState' | 'timeline'> & Printing>()
  for (const [i, room] of rooms.entries()) {
    const { own } = room.task
    const timeline = timelines.get(own.roomId)
    const answer = answerRoom(room, {
      timeline,
      members: members.get(own.roomId),
      hasMoved: hasChanged(changed.get(own.roomId)!, MEMBER) || room.task.isNewlyLeft,
      events: chosen[i]!,
      known,
      stripped: stripped.get(own.roomId) ?? [],
      activity: activities.get(own.roomId),
      since: request.from === undefined ? undefined : sinceOf(request),
    })
    noteConfig(connection.state, changes, room, timeline, wanted[i]!.remembered)
    noteLazy(changes, own.roomId, wanted[i]!, lazy, deps.clock())
    if (!isEmpty(answer, room.task)) answers.set(own.roomId, answer)
  }
  return printed(deps, request, answers)
}

const NO_TIMELINES: ReadonlyMap<RoomId, Timeline> = new Map()

const sinceOf = ({ from }: SlidingSyncRequest): MultiWriterToken => {
  const { room } = from!.token
  return 'depth' in room ? tokenAt(Math.max(0, room.stream)) : room
}

async function planned(
  { db }: RoomAnswerDeps,
  { userId }: SlidingSyncRequest,
  state: ConnectionState,
  tasks: readonly RoomTask[],
  now: MultiWriterToken,
): Promise<readonly Loading[]> {
  const isGone = ({ own: { membership } }: RoomTask) => membership === 'leave' || membership === 'ban'
  const gone = tasks.flatMap((task) => (isGone(task) ? task.own.roomId : []))
  const been = gone.length === 0 ? NOWHERE : await selectRoomsEverJoined(db, userId, gone)
  return tasks.map((task) => {
    const { own, from, config } = task
    const { roomId, eventId, streamOrdering, membership } = own
    const previous = state.configs.get(roomId)
    const isExpanded = from !== undefined && previous !== undefined && previous.timelineLimit < config.timelineLimit
    const shared = { roomId, from, isNew: false, isFullState: from === undefined }
    const plan: RoomPlan | undefined = isGone(task)
      ? {
          ...shared,
          kind: 'leave',
          // One process writes a room's events, so that its order is that of their numbers.
          upTo: tokenAt(streamOrdering),
          departure: eventId,
          isOutside: !been.has(roomId),
        }
      : membership === 'join'
        ? { ...shared, kind: 'join', upTo: now, departure: undefined, isOutside: false }
        : undefined
    return { task, plan, previous, isExpanded }
  })
}

const NOWHERE: ReadonlySet<RoomId> = new Set()

/** Entries of the state that changed since the client was told, and their events; null: there is none any more. */
type ChangedState = ReadonlyMap<string, ChangedEntry>
interface ChangedEntry {
  readonly type: string
  readonly key: string
  readonly eventId: EventId | null
}

function changedState(
  { task: { own, isNewlyLeft, from } }: Loading,
  userId: string,
  changes: ReadonlyMap<RoomId, readonly StateChange[]>,
): ChangedState {
  const entries = new Map<string, ChangedEntry>()
  if (from === undefined) return entries
  const add = (type: string, key: string, eventId: EventId | null) =>
    entries.set(`${type}\0${key}`, { type, key, eventId })
  for (const { type, stateKey, eventId } of changes.get(own.roomId) ?? []) add(type, stateKey, eventId)
  if (isNewlyLeft) add(MEMBER, userId, own.eventId)
  return entries
}

const hasChanged = (changed: ChangedState, type: string, key?: string): boolean =>
  key === undefined ? changed.values().some((entry) => entry.type === type) : changed.has(`${type}\0${key}`)

interface LazilyNeeded {
  readonly needed: ReadonlySet<string>
  readonly sent: LazySent
}

const NOBODY: LazilyNeeded = { needed: new Set(), sent: new Map() }

const isLazy = ({ requiredState }: RoomConfig): boolean => requiredState.get(MEMBER)?.has(LAZY) === true

/** Whose memberships the timelines need, and whose were sent. */
async function lazilyNeeded(
  rooms: readonly Loading[],
  userId: string,
  connection: Connection,
  timelines: ReadonlyMap<RoomId, Timeline>,
  changed: ReadonlyMap<RoomId, ChangedState>,
): Promise<ReadonlyMap<RoomId, LazilyNeeded>> {
  const asked = rooms.filter(({ task: { from }, plan }) => plan !== undefined && from !== undefined)
  const sent = await connection.lazySent(
    asked.flatMap(({ task: { own, config }, previous }) =>
      isLazy(config) || (previous !== undefined && isLazy(previous)) ? own.roomId : [],
    ),
  )
  return new Map(
    rooms.map(({ task: { own, config, from }, plan }) => {
      const { roomId } = own
      if (plan === undefined) return [roomId, NOBODY]
      const known = from === undefined ? NOBODY.sent : (sent.get(roomId) ?? NOBODY.sent)
      if (!isLazy(config)) return [roomId, { needed: NOBODY.needed, sent: known }]
      const needed = new Set<string>()
      const timeline = timelines.get(roomId)
      for (const { known: event } of timeline?.events ?? []) {
        const { sender, type, stateKey } = event.event
        needed.add(sender)
        if (type === MEMBER && stateKey !== undefined) needed.add(stateKey)
      }
      if (from !== undefined && timeline?.isCut !== true)
        for (const { type, key } of changed.get(roomId)!.values()) if (type === MEMBER) needed.add(key)
      const named = new Set([...config.requiredState.get(MEMBER)!].map((key) => (key === ME ? userId : key)))
      return [roomId, { needed: needed.difference(named), sent: known }]
    }),
  )
}

interface Wanted {
  /** Of what changed, or of all of an initial room. */
  readonly state: WantedState
  /** Of the current state, besides what changed. */
  readonly added: WantedState
  readonly remembered: ReadonlyMap<string, ReadonlySet<string>> | undefined
  readonly alsoSent: ReadonlySet<string>
  readonly forgotten: ReadonlySet<string>
}

const WANTS_NOTHING: Wanted = {
  state: NOTHING,
  added: NOTHING,
  remembered: undefined,
  alsoSent: NOBODY.needed,
  forgotten: NOBODY.needed,
}

function wantedOf(
  { task: { own, config, from }, plan, previous }: Loading,
  { userId }: SlidingSyncRequest,
  timelines: ReadonlyMap<RoomId, Timeline>,
  changedOf: ReadonlyMap<RoomId, ChangedState>,
  lazyOf: ReadonlyMap<RoomId, LazilyNeeded>,
): Wanted {
  if (plan === undefined || plan.isOutside) return WANTS_NOTHING
  const { needed, sent } = lazyOf.get(own.roomId)!
  const changed = changedOf.get(own.roomId)!
  const takesAllMembers = from !== undefined && timelines.get(own.roomId)?.isCut !== true
  const state = asked(config, userId, needed, takesAllMembers)
  if (from === undefined || previous === undefined) return { ...WANTS_NOTHING, state }
  const change = requiredStateChange({
    userId,
    previous: previous.requiredState,
    requested: config.requiredState,
    lazySent: new Set(sent.keys()),
    lazyNeeded: needed,
    changed: changed.values().map(({ type, key }) => [type, key] as const),
  })
  return { state, ...change }
}

/** What is asked for by the names of types and keys. A type `*` with one key only is taken for all of the state. */
function asked(
  { requiredState }: RoomConfig,
  userId: string,
  needed: ReadonlySet<string>,
  takesAllMembers: boolean,
): WantedState {
  if (requiredState.has(WILDCARD)) return EVERYTHING
  const pairs: (readonly [string, string])[] = []
  for (const [type, keys] of requiredState)
    for (const key of keys) {
      if (type !== MEMBER || key !== LAZY) pairs.push([type, key === ME ? userId : key])
      else if (takesAllMembers) pairs.push([MEMBER, WILDCARD])
      else for (const user of needed) pairs.push([MEMBER, user])
    }
  return wantedState(pairs)
}

const needsState = ({ isFullState, isOutside }: RoomPlan, { added }: Wanted): boolean =>
  !isOutside && (isFullState || added === undefined || added.size > 0)

interface ChosenEvents {
  /** Of the state that is told. */
  readonly required: readonly EventId[]
  /** Undefined: it is not told. */
  readonly name: EventId | undefined
  readonly avatar: EventId | undefined
}

function chooseEvents(
  from: MultiWriterToken | undefined,
  plan: RoomPlan | undefined,
  { state, added }: Wanted,
  changed: ChangedState,
  current: StateMap | undefined,
): ChosenEvents {
  if (plan === undefined || plan.isOutside) return { required: [], name: undefined, avatar: undefined }
  const entryOf = (type: string): EventId | undefined =>
    from === undefined ? current?.get(type)?.get('') : (changed.get(`${type}\0`)?.eventId ?? undefined)
  const required = new Map<string, EventId>()
  if (from === undefined) {
    for (const { type, key, eventId } of pick(current ?? NO_STATE, state)) required.set(`${type}\0${key}`, eventId)
  } else {
    for (const [entry, { type, key, eventId }] of changed)
      if (eventId !== null && wants(state, type, key)) required.set(entry, eventId)
    if (current !== undefined)
      for (const { type, key, eventId } of pick(current, added))
        if (wants(state, type, key)) required.set(`${type}\0${key}`, eventId)
  }
  return {
    required: [...required.values()],
    name: entryOf('m.room.name'),
    // Whoever is sent the event is told what it says.
    avatar: entryOf('m.room.avatar') ?? required.get('m.room.avatar\0'),
  }
}

const NO_STATE: StateMap = new Map()

interface RoomParts {
  readonly timeline: Timeline | undefined
  readonly members: RoomMembers | undefined
  /** Somebody's membership changed since the client was told. */
  readonly hasMoved: boolean
  readonly events: ChosenEvents
  readonly known: ReadonlyMap<EventId, KnownEvent>
  readonly stripped: readonly JsonText[]
  readonly activity: { readonly bumpStamp: number | undefined } | undefined
  readonly since: MultiWriterToken | undefined
}

/** Events that are not printed yet. */
interface Printing {
  readonly isJoined: boolean
  readonly state: readonly KnownEvent[]
  readonly shown: Timeline | undefined
  readonly live: number
}

function answerRoom(
  { task, plan, isExpanded }: Loading,
  { timeline, members, events, known, stripped, activity, since }: RoomParts,
): Omit<RoomAnswer, 'unread' | 'requiredState' | 'timeline'> & Printing {
  const { own, from } = task
  const isInitial = from === undefined
  const contentOf = (eventId: EventId | undefined) =>
    eventId === undefined ? undefined : known.get(eventId)?.event.content
  const name = textOf(contentOf(events.name)?.name)
  const shown = plan === undefined || task.config.timelineLimit <= 0 ? undefined : timeline
  const isCut = shown?.isCut
  const alwaysStamps = own.membership !== 'join' || isCut !== false || isInitial
  return {
    isInitial,
    isExpanded,
    isDirect: task.isDirect,
    name: name === '' ? undefined : name,
    avatar: textOf(contentOf(events.avatar)?.url),
    heroes: name === undefined || name === '' ? heroesOf(members?.heroes ?? [], known) : [],
    joinedCount: members?.joined,
    invitedCount: members?.invited,
    bumpStamp: bumpStampOf(own, shown, alwaysStamps, activity?.bumpStamp),
    strippedState: stripped,
    isJoined: own.membership === 'join',
    state: events.required.flatMap((eventId) => known.get(eventId) ?? []),
    shown,
    live: liveOf(shown, since),
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const heroesOf = (heroes: readonly Hero[], known: ReadonlyMap<EventId, KnownEvent>): readonly HeroAnswer[] =>
  heroes.flatMap(({ userId, eventId }) => {
    const content = known.get(eventId)?.event.content
    if (content === undefined) return []
    return [{ userId, displayName: textOf(content.displayname), avatarUrl: textOf(content.avatar_url) }]
  })

/** What brought the room up last: in the timeline, else before it; if nothing did, the user's own membership. */
function bumpStampOf(
  own: OwnMembership,
  timeline: Timeline | undefined,
  isWanted: boolean,
  latest: number | undefined,
): number | undefined {
  if (own.membership === 'join') {
    const bump = timeline?.events.findLast(({ known }) => bumps.has(known.event.type) && known.streamOrdering > 0)
    if (bump !== undefined) return bump.known.streamOrdering
    if (isWanted && latest !== undefined) return latest
  }
  return isWanted ? Math.max(0, own.streamOrdering) : undefined
}

function liveOf(timeline: Timeline | undefined, since: MultiWriterToken | undefined): number {
  if (timeline === undefined || since === undefined) return 0
  const lastOld = timeline.events.findLastIndex(
    ({ known }) => !isBetween(since, undefined, known.instanceName, known.streamOrdering),
  )
  return timeline.events.length - 1 - lastOld
}

function noteConfig(
  state: ConnectionState,
  changes: ConnectionChanges,
  { task: { own, config }, previous, isExpanded }: Loading,
  timeline: Timeline | undefined,
  remembered: RoomConfig['requiredState'] | undefined,
): void {
  const isReduced = timeline?.isCut === true && previous !== undefined && previous.timelineLimit > config.timelineLimit
  if (previous !== undefined && !isExpanded && !isReduced && remembered === undefined) return
  setConfig(state, changes, own.roomId, {
    timelineLimit: config.timelineLimit,
    requiredState: remembered ?? config.requiredState,
  })
}

/** How long it is noted for when somebody's membership was needed last. */
const SEEN_AGAIN_MS = 3_600_000

function noteLazy(
  changes: ConnectionChanges,
  roomId: RoomId,
  { forgotten, alsoSent }: Wanted,
  lazyOf: ReadonlyMap<RoomId, LazilyNeeded>,
  at: number,
): void {
  const { needed, sent } = lazyOf.get(roomId)!
  const fresh = new Set(
    [...needed, ...alsoSent].filter((userId) => at - (sent.get(userId) ?? Number.NEGATIVE_INFINITY) >= SEEN_AGAIN_MS),
  )
  if (fresh.size > 0) changes.lazySent.set(roomId, fresh)
  if (forgotten.size > 0) changes.lazyForgotten.set(roomId, forgotten)
}

const isEmpty = (
  {
    isInitial,
    name,
    avatar,
    heroes,
    joinedCount,
    state,
    shown,
    strippedState,
  }: Omit<RoomAnswer, 'unread' | 'requiredState' | 'timeline'> & Printing,
  { hasRead }: RoomTask,
): boolean =>
  !isInitial &&
  !hasRead &&
  name === undefined &&
  avatar === undefined &&
  joinedCount === undefined &&
  heroes.length + state.length + (shown?.events.length ?? 0) + strippedState.length === 0

/** All events of all rooms at once, so that what they refer to is read once. */
async function printed(
  { printer, unreadCounts, clock }: RoomAnswerDeps,
  { userId, deviceId }: SlidingSyncRequest,
  answers: ReadonlyMap<RoomId, Omit<RoomAnswer, 'unread' | 'requiredState' | 'timeline'> & Printing>,
): Promise<ReadonlyMap<RoomId, RoomAnswer>> {
  const all: VisibleEvent[] = []
  for (const { state, shown } of answers.values()) {
    for (const known of state) all.push(asState(known))
    if (shown !== undefined) all.push(...shown.events)
  }
  const joined = [...answers].flatMap(([roomId, { isJoined }]) => (isJoined ? roomId : []))
  const [texts, unread] = await Promise.all([
    printer.print(all, { userId, deviceId }, { withRoomId: false, now: clock() }),
    joined.length === 0 ? undefined : unreadCounts.of(userId, joined),
  ])
  let at = 0
  const take = (count: number) => {
    at += count
    return texts.slice(at - count, at)
  }
  return new Map(
    [...answers].map(([roomId, { isJoined: _, state, shown, live, ...answer }]) => {
      const counts = unread?.get(roomId)
      return [
        roomId,
        {
          ...answer,
          unread: counts === undefined ? NOTHING_UNREAD : wholeRoom(counts),
          requiredState: take(state.length),
          timeline: shown && {
            events: take(shown.events.length),
            eventIds: shown.events.map(({ known }) => known.event.eventId),
            isLimited: shown.isCut,
            before: shown.before,
            live,
          },
        },
      ]
    }),
  )
}

const NOTHING_UNREAD: UnreadCount = { notificationCount: 0, highlightCount: 0 }
