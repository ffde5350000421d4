/** Which events of a room's state a client is told: of what changed, and of what it did not ask for before. */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import type { MultiWriterToken } from '../streams/vector-clock.ts'
import type { RoomPlan } from '../sync/room-plans.ts'
import type { Timeline } from '../sync/timelines.ts'
import type { ChangedState } from './changed-state.ts'
import type { LazilyNeeded } from './lazy-members.ts'
import type { SlidingSyncRequest } from './request.ts'
import { requiredStateChange } from './required-state.ts'
import { LAZY, ME, type RoomConfig, WILDCARD } from './room-config.ts'
import type { PlannedRoom } from './room-tasks.ts'
import { EVERYTHING, NOTHING, pick, type WantedState, wantedState, wants } from './wanted-state.ts'

const MEMBER = 'm.room.member'

export interface Wanted {
  /** Of what changed, or of all of an initial room. */
  readonly state: WantedState
  /** Of the current state, besides what changed. */
  readonly added: WantedState
  readonly remembered: ReadonlyMap<string, ReadonlySet<string>> | undefined
  readonly alsoSent: ReadonlySet<string>
  readonly forgotten: ReadonlySet<string>
}

const NOBODY: ReadonlySet<string> = new Set()

const WANTS_NOTHING: Wanted = {
  state: NOTHING,
  added: NOTHING,
  remembered: undefined,
  alsoSent: NOBODY,
  forgotten: NOBODY,
}

export function wantedOf(
  { task: { own, config, from }, plan, previous }: PlannedRoom,
  { userId }: SlidingSyncRequest,
  timelines: ReadonlyMap<RoomId, Timeline>,
  changedOf: ReadonlyMap<RoomId, ChangedState>,
  lazyOf: ReadonlyMap<RoomId, LazilyNeeded>,
): Wanted {
  if (plan?.isOutside) return WANTS_NOTHING
  const { needed, sent } = lazyOf.get(own.roomId)!
  const changed = changedOf.get(own.roomId)!
  const takesAllMembers = from !== undefined && timelines.get(own.roomId)?.isCut !== true
  const state = asked(config, userId, needed, takesAllMembers)
  if (from === undefined || previous === undefined)
    return plan === undefined ? WANTS_NOTHING : { ...WANTS_NOTHING, state }
  const change = requiredStateChange({
    userId,
    previous: previous.requiredState,
    requested: config.requiredState,
    lazySent: new Set(sent.keys()),
    lazyNeeded: needed,
    changed: changed.values().map(({ type, key }) => [type, key] as const),
  })
  // Who is only asked in is sent none of it, but what they ask for is kept in mind.
  return plan === undefined ? { ...WANTS_NOTHING, remembered: change.remembered } : { state, ...change }
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

export const needsState = ({ isFullState, isOutside }: RoomPlan, { added }: Wanted): boolean =>
  !isOutside && (isFullState || added === undefined || added.size > 0)

export interface ChosenEvents {
  /** Of the state that is told. */
  readonly required: readonly EventId[]
  /** Undefined: it is not told. */
  readonly name: EventId | undefined
  readonly avatar: EventId | undefined
}

export function chooseEvents(
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
