import { hash } from 'node:crypto'
import { authEventKeys } from '../event-auth/auth-events.ts'
import { authorise } from '../event-auth/authorise.ts'
import type { RoomEvent } from '../events/event.ts'
import type { EventId } from '../ids.ts'
import type { StateLookup, StateMap } from '../state-map.ts'
import type { AuthReader } from './auth-graph.ts'
import { type Conflict, complete, type Separated } from './separate.ts'

interface Contest {
  readonly type: string
  readonly stateKey: string
  /** Deepest first, then by the SHA-1 of the event ID. */
  readonly events: readonly RoomEvent[]
}

/**
 * State resolution of rooms/v1. Undefined: events are missing, `reader` has their IDs. `separated`, in which a key that
 * some states do not have is no conflict, is used up.
 *
 * NOTSPEC: the specification does not say what a membership in conflict is checked against while others are in conflict
 * too, nor what is left where nothing is allowed. Synapse, which made rooms of this version, is followed: all memberships
 * are resolved against state without those that are in conflict (but for the earlier candidates of the same key), and
 * where no other event passes the shallowest one is taken.
 */
export function resolveV1(reader: AuthReader, separated: Separated): StateMap | undefined {
  const contests: Contest[] = []
  const resolved = new Map<string, Map<string, EventId>>()
  const found = new Map<string, Map<string, RoomEvent>>()
  for (const conflict of separated.conflicts) {
    const events = candidates(reader, conflict)
    if (events.length > 1) contests.push({ ...conflict, events })
    // Only one is to be had: it stands for the key, but the rules do not get to see it.
    else if (events.length === 1) set(resolved, conflict, events[0]!.eventId)
  }
  readState(reader, separated.unconflicted, contests)
  if (reader.missing.length > 0) return undefined

  const state: StateLookup = (type, stateKey) => {
    const won = found.get(type)?.get(stateKey)
    if (won !== undefined) return won
    const id = separated.unconflicted.get(type)?.get(stateKey)
    return id === undefined ? undefined : reader.event(reader.indexOf(id))
  }
  const settle = (
    choose: (contest: Contest) => boolean,
    winner: (contest: Contest, reader: AuthReader, state: StateLookup) => RoomEvent,
  ): void => {
    const won = contests.filter(choose).map((contest) => ({ contest, event: winner(contest, reader, state) }))
    for (const { contest, event } of won) {
      set(found, contest, event)
      set(resolved, contest, event.eventId)
    }
  }
  const isPowerLevels = ({ type, stateKey }: Contest): boolean => type === 'm.room.power_levels' && stateKey === ''
  settle(isPowerLevels, lastAllowed)
  settle(({ type }) => type === 'm.room.join_rules', lastAllowed)
  settle(({ type }) => type === 'm.room.member', lastAllowed)
  settle(({ type, stateKey }) => !found.get(type)?.has(stateKey), deepestAllowed)
  return reader.missing.length > 0 ? undefined : complete(separated, resolved)
}

function set<T>(map: Map<string, Map<string, T>>, { type, stateKey }: Omit<Conflict, 'values'>, value: T): void {
  const keys = map.get(type)
  if (keys === undefined) map.set(type, new Map([[stateKey, value]]))
  else keys.set(stateKey, value)
}

function candidates(reader: AuthReader, { values }: Conflict): RoomEvent[] {
  const events: RoomEvent[] = []
  for (const id of new Set(values)) {
    const event = id === undefined ? undefined : reader.event(reader.indexOf(id))
    if (event !== undefined) events.push(event)
  }
  return events.sort((a, b) => b.depth - a.depth || (sha1(a) < sha1(b) ? -1 : 1))
}

const sha1 = ({ eventId }: RoomEvent): string => hash('sha1', eventId)

/** Reads all that rules may ask for, so that what is missing is named at once. */
function readState(reader: AuthReader, state: StateMap, contests: readonly Contest[]): void {
  for (const { events } of contests) {
    for (const event of events) {
      for (const [type, stateKey] of authEventKeys(event, reader.version)) {
        const id = state.get(type)?.get(stateKey)
        if (id !== undefined) reader.event(reader.indexOf(id))
      }
    }
  }
}

/** From the shallowest on, each must be allowed by the state with the one before it: the last before one that is not. */
function lastAllowed({ type, stateKey, events }: Contest, { version }: AuthReader, state: StateLookup): RoomEvent {
  let winner = events.at(-1)!
  const withWinner: StateLookup = (askedType, askedKey) =>
    askedType === type && askedKey === stateKey ? winner : state(askedType, askedKey)
  for (let at = events.length - 2; at >= 0; at--) {
    if (authorise(events[at]!, version, withWinner) !== undefined) break
    winner = events[at]!
  }
  return winner
}

/** The deepest that is allowed, or the shallowest. */
const deepestAllowed = ({ events }: Contest, { version }: AuthReader, state: StateLookup): RoomEvent =>
  events.find((event) => authorise(event, version, state) === undefined) ?? events.at(-1)!
