/**
 * What a client is told of rooms: their last events, their state as far as it is asked for, names, members. For all rooms
 * together, so that the statements are as many as for one.
 */

import { defaultFilter } from '../../shared/matrix/filter/filter.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import type { Queries } from '../storage/db.ts'
import { type MultiWriterToken, tokenAt } from '../streams/vector-clock.ts'
import { loadStateChanges } from '../sync/state-changes.ts'
import { statesAtEnd } from '../sync/states-at-end.ts'
import { strippedStates } from '../sync/stripped-rooms.ts'
import { loadMembers } from '../sync/summary.ts'
import { loadTimelines, type Timeline, type TimelineDeps } from '../sync/timelines.ts'
import type { Activities } from './activity.ts'
import { changedState, hasChanged } from './changed-state.ts'
import { type ConnectionChanges, type ConnectionState, setConfig } from './connection.ts'
import type { Connection } from './connections.ts'
import { lazilyNeeded, noteLazy } from './lazy-members.ts'
import { type PrintRoomsDeps, printRooms } from './print-rooms.ts'
import type { SlidingSyncRequest } from './request.ts'
import { answerRoom, isEmpty, type RoomAnswer, type UnprintedAnswer } from './room-answer.ts'
import type { RoomConfig } from './room-config.ts'
import { chooseEvents, needsState, wantedOf } from './room-state.ts'
import { type PlannedRoom, planRooms, type RoomTask } from './room-tasks.ts'

export interface RoomAnswerDeps extends TimelineDeps, PrintRoomsDeps {
  readonly db: Queries
  readonly states: Parameters<typeof statesAtEnd>[0]['states']
  readonly activities: Activities
}

const MEMBER = 'm.room.member'
/** Lets everything pass. */
const ALL_EVENTS = defaultFilter.room.timeline

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
  const rooms = await planRooms(deps, request, connection.state, tasks, now)
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

  const answers = new Map<RoomId, UnprintedAnswer>()
  for (const [i, room] of rooms.entries()) {
    const { own } = room.task
    const timeline = timelines.get(own.roomId)
    const answer = answerRoom(room, {
      timeline,
      members: members.get(own.roomId),
      hasMoved: hasChanged(changed.get(own.roomId)!, MEMBER) || room.task.isNewlyLeft,
      events: chosen[i]!,
      known,
      stripped: stripped.get(own.roomId),
      activity: activities.get(own.roomId),
      since: request.from === undefined ? undefined : sinceOf(request),
    })
    noteConfig(connection.state, changes, room, timeline, wanted[i]!.remembered)
    noteLazy(changes, own.roomId, wanted[i]!, lazy, deps.clock())
    if (!isEmpty(answer, room.task)) answers.set(own.roomId, answer)
  }
  return printRooms(deps, request, answers)
}

const NO_TIMELINES: ReadonlyMap<RoomId, Timeline> = new Map()

const sinceOf = ({ from }: SlidingSyncRequest): MultiWriterToken => {
  const { room } = from!.token
  return 'depth' in room ? tokenAt(Math.max(0, room.stream)) : room
}

function noteConfig(
  state: ConnectionState,
  changes: ConnectionChanges,
  { task: { own, config }, previous, isExpanded }: PlannedRoom,
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
