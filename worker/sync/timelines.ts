/** The last events of rooms, between two tokens: of all rooms together, so that the statements are as many as for one. */

import type { EventFilter } from '../../shared/matrix/filter/event-filter.ts'
import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { membershipIn } from '../../shared/matrix/visibility.ts'
import type { EventStore, KnownEvent } from '../rooms/event-store.ts'
import type { Visibility, VisibleEvent } from '../rooms/visibility.ts'
import type { Queries } from '../storage/db.ts'
import { selectRecentEvents } from '../storage/timelines.ts'
import { isBetween, maxPosition } from '../streams/vector-clock.ts'
import type { Recent } from './recent.ts'
import type { RoomPlan } from './room-plans.ts'

export interface Timeline {
  /** In the order in which they arrived here. */
  readonly events: readonly VisibleEvent[]
  /** There are others before them that the client was not told of. */
  readonly isLimited: boolean
  /** There are more than were asked for, in what was looked at. */
  readonly isCut: boolean
  /** The client goes back in history from after this position; undefined: from where the answer ends. */
  readonly before: number | undefined
}

export interface TimelineDeps {
  readonly db: Queries
  readonly recent: Pick<Recent, 'events'>
  readonly events: Pick<EventStore, 'get'>
  readonly visibility: Pick<Visibility, 'filter'>
}

export interface TimelineOptions {
  readonly userId: UserId
  readonly filter: EventFilter
  /** Of each room, or by room. */
  readonly limit: number | ((roomId: RoomId) => number)
  /** Where the last events are not for the user, those before them are not looked for. */
  readonly isUnfilled?: boolean
  /** The user is in none of the rooms, and only looks in. */
  readonly isPeeking?: boolean
}

/** How often it is looked for older events where those that were found are not for the user. */
const MAX_ROUNDS = 5
const MAX_PAGE = 400
/** Of so many events of a room one is within the tokens, if any is. */
const MAX_WRITERS = 10

interface Place {
  readonly eventId: EventId
  readonly position: number
}

/** A room while it is filled, from its end. */
interface Filling {
  readonly plan: RoomPlan
  readonly limit: number
  /** What memory has, oldest first; what was looked at is taken off its end. Undefined: the table is asked. */
  readonly places: Place[] | undefined
  /** Oldest first. */
  found: VisibleEvent[]
  /** Events from here on were looked at. */
  oldest: number
  /** There is nothing before what was looked at. */
  isExhausted: boolean
  startsWithCreate: boolean
}

/** By room; each room of `plans` is in it. */
export async function loadTimelines(
  deps: TimelineDeps,
  plans: readonly RoomPlan[],
  options: TimelineOptions,
): Promise<ReadonlyMap<RoomId, Timeline>> {
  const { userId, filter, limit, isUnfilled = false, isPeeking = false } = options
  const rooms = plans.map((plan): Filling => {
    const places = plan.isOutside ? [] : recentPlaces(deps.recent, plan)
    return {
      plan,
      limit: typeof limit === 'number' ? limit : limit(plan.roomId),
      places,
      found: [],
      oldest: maxPosition(plan.upTo) + 1,
      isExhausted: places?.length === 0,
      startsWithCreate: false,
    }
  })
  const departures = new Set(plans.flatMap(({ departure }) => departure ?? []))
  const most = Math.max(0, ...rooms.map((room) => room.limit))
  const wantsNone = most === 0 || filter.passesNothing
  let page = most + 1
  if (wantsNone) {
    // Whether there is any.
    const unknown = rooms.filter(({ places }) => places === undefined)
    for (const { room, places } of await readPages(deps, unknown, MAX_WRITERS)) room.isExhausted = places.length === 0
  } else
    for (let round = 0; round < (isUnfilled ? 1 : MAX_ROUNDS); round++) {
      const open = rooms.filter((room) => !room.isExhausted && room.found.length <= room.limit)
      if (open.length === 0) break
      const pages = (await readPages(deps, open, page)).map((page) => (isUnfilled ? lastOf(page) : page))
      const known = await deps.events.get(pages.flatMap(({ places }) => places.map(({ eventId }) => eventId)))
      const candidates: KnownEvent[] = []
      for (const { room, places } of pages) {
        for (const { eventId } of places) {
          const event = known.get(eventId)
          if (event === undefined) continue
          if (event.event.type === 'm.room.create') room.startsWithCreate = true
          if (filter.passes(event.event)) candidates.push(event)
        }
      }
      if (candidates.length > 0) {
        const seen = await deps.visibility.filter(userId, candidates, { alwaysInclude: departures, isPeeking })
        const byRoom = Map.groupBy(seen, (event) => event.known.event.roomId)
        for (const { room } of pages) {
          const events = byRoom.get(room.plan.roomId)
          if (events !== undefined) room.found = [...events, ...room.found]
        }
      }
      page = Math.min(page * 2, MAX_PAGE)
    }
  const outside = await outsideEvents(deps, plans, filter)
  return new Map(
    rooms.map((room) => [
      room.plan.roomId,
      room.plan.isOutside ? outsideTimeline(outside.get(room.plan.departure!)) : finish(room, wantsNone),
    ]),
  )
}

function finish({ plan, limit, found, oldest, isExhausted, startsWithCreate }: Filling, wantsNone: boolean): Timeline {
  if (wantsNone) {
    return { events: [], isLimited: plan.isNew || !isExhausted, isCut: !isExhausted, before: undefined }
  }
  const events = found.length > limit ? found.slice(found.length - limit) : found
  const isCut = found.length > limit || !isExhausted
  // Who joined over federation has only a part of the history here.
  const hasMore = plan.from === undefined && plan.kind === 'join' && !startsWithCreate
  const first = events[0]?.known.streamOrdering
  return {
    events,
    isLimited: isCut || plan.isNew || hasMore,
    isCut,
    before: first ?? (isCut ? oldest : undefined),
  }
}

/** Of a room that the user was never in: the event by which the invitation ended. */
const outsideTimeline = (known: KnownEvent | undefined): Timeline => ({
  events: known === undefined ? [] : [{ known, membership: membershipIn(known.event.content), isPruned: false }],
  isLimited: false,
  isCut: false,
  before: known?.streamOrdering,
})

async function outsideEvents(
  { events }: TimelineDeps,
  plans: readonly RoomPlan[],
  filter: EventFilter,
): Promise<ReadonlyMap<EventId, KnownEvent>> {
  const ids = plans.flatMap(({ isOutside, departure }) => (isOutside && departure !== undefined ? [departure] : []))
  if (ids.length === 0) return new Map()
  return new Map([...(await events.get(ids))].filter(([, { event }]) => filter.passes(event)))
}

/** Undefined: memory does not reach back as far. */
function recentPlaces({ events }: Pick<Recent, 'events'>, { roomId, from, upTo }: RoomPlan): Place[] | undefined {
  if (from === undefined || !events.isComplete(from)) return undefined
  return events
    .of(roomId, from, upTo)
    .flatMap(({ position, row }) =>
      row.kind === 'ev' && !row.outlier && !row.rejected ? [{ eventId: row.eventId as EventId, position }] : [],
    )
}

interface Page {
  readonly room: Filling
  /** Oldest first. */
  readonly places: readonly Place[]
}

/** The next `size` events of each room, before those that were looked at. One statement for all that memory has not. */
async function readPages({ db }: TimelineDeps, rooms: readonly Filling[], size: number): Promise<readonly Page[]> {
  const pages: Page[] = []
  const asked: Filling[] = []
  for (const room of rooms) {
    if (room.places === undefined) asked.push(room)
    else {
      const places = room.places.splice(Math.max(0, room.places.length - size))
      note(room, places, room.places.length === 0)
      pages.push({ room, places })
    }
  }
  if (asked.length === 0) return pages
  const to = Math.max(...asked.map(({ oldest }) => oldest - 1))
  const rows = await selectRecentEvents(
    db,
    asked.map(({ plan, oldest }) => ({ roomId: plan.roomId, from: plan.from?.stream ?? 0, to: oldest - 1 })),
    to,
    size,
  )
  const byRoom = Map.groupBy(rows, ({ roomId }) => roomId)
  for (const room of asked) {
    const { roomId, from, upTo } = room.plan
    const all = (byRoom.get(roomId) ?? []).toReversed()
    const places = all.map(({ eventId, streamOrdering }) => ({ eventId, position: streamOrdering }))
    note(room, places, all.length < size)
    // Of several writers some were beyond what the answer tells, or what the client was told.
    const inRange = all.filter(({ instanceName, streamOrdering }) =>
      isBetween(from, upTo, instanceName, streamOrdering),
    )
    const ids = new Set(inRange.map(({ eventId }) => eventId))
    pages.push({ room, places: places.filter(({ eventId }) => ids.has(eventId)) })
  }
  return pages
}

/** No more of it than are wanted. */
function lastOf({ room, places }: Page): Page {
  if (places.length <= room.limit) return { room, places }
  const last = places.slice(places.length - room.limit)
  note(room, last, false)
  return { room, places: last }
}

function note(room: Filling, places: readonly Place[], isExhausted: boolean): void {
  room.oldest = places[0]?.position ?? room.oldest
  room.isExhausted = isExhausted
}
