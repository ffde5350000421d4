/** What a client is told of a room, but for the events, which are printed for all rooms at once. */

import type { EventId } from '../../shared/matrix/ids.ts'
import type { JsonText } from '../json-text.ts'
import type { UnreadCount } from '../push/unread-counts.ts'
import type { KnownEvent } from '../rooms/event-store.ts'
import type { OwnMembership } from '../rooms/memberships.ts'
import type { Hero } from '../storage/memberships.ts'
import { BUMP_TYPES } from '../storage/sliding-sync-rooms.ts'
import { isBetween, type MultiWriterToken } from '../streams/vector-clock.ts'
import type { StrippedState } from '../sync/stripped-rooms.ts'
import type { RoomMembers } from '../sync/summary.ts'
import type { Timeline } from '../sync/timelines.ts'
import type { ChosenEvents } from './room-state.ts'
import type { PlannedRoom, RoomTask } from './room-tasks.ts'

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

const bumps: ReadonlySet<string> = new Set(BUMP_TYPES)

export interface RoomParts {
  readonly timeline: Timeline | undefined
  readonly members: RoomMembers | undefined
  /** Somebody's membership changed since the client was told. */
  readonly hasMoved: boolean
  readonly events: ChosenEvents
  readonly known: ReadonlyMap<EventId, KnownEvent>
  /** Undefined: the user is, or was, in the room. */
  readonly stripped: StrippedState | undefined
  readonly activity: { readonly bumpStamp: number | undefined } | undefined
  readonly since: MultiWriterToken | undefined
}

/** Events that are not printed yet. */
export interface UnprintedAnswer extends Omit<RoomAnswer, 'unread' | 'requiredState' | 'timeline'> {
  readonly isJoined: boolean
  readonly state: readonly KnownEvent[]
  readonly shown: Timeline | undefined
  readonly live: number
}

export function answerRoom(
  { task, plan, isExpanded }: PlannedRoom,
  { timeline, members, events, known, stripped, activity, since }: RoomParts,
): UnprintedAnswer {
  const { own, from } = task
  const isInitial = from === undefined
  // Who is only asked in knows what the invitation says, whatever the room has become.
  const contentOf = (type: string, eventId: EventId | undefined) =>
    eventId !== undefined ? known.get(eventId)?.event.content : isInitial ? stripped?.contentOf(type) : undefined
  const name = textOf(contentOf('m.room.name', events.name)?.name)
  const shown = plan === undefined || task.config.timelineLimit <= 0 ? undefined : timeline
  const isCut = shown?.isCut
  const alwaysStamps = own.membership !== 'join' || isCut !== false || isInitial
  return {
    isInitial,
    isExpanded,
    isDirect: task.isDirect,
    name: name === '' ? undefined : name,
    avatar: textOf(contentOf('m.room.avatar', events.avatar)?.url),
    heroes: name === undefined || name === '' ? heroesOf(members?.heroes ?? [], known) : [],
    joinedCount: members?.joined,
    invitedCount: members?.invited,
    bumpStamp: bumpStampOf(own, shown, alwaysStamps, activity?.bumpStamp),
    strippedState: stripped?.state ?? [],
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

export const isEmpty = (
  { isInitial, name, avatar, heroes, joinedCount, state, shown, strippedState }: UnprintedAnswer,
  { hasRead }: RoomTask,
): boolean =>
  !isInitial &&
  !hasRead &&
  name === undefined &&
  avatar === undefined &&
  joinedCount === undefined &&
  heroes.length + state.length + (shown?.events.length ?? 0) + strippedState.length === 0
