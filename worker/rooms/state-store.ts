/** The state of rooms: at an event, and now. State groups never change, so that what was read once is kept. */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import type { StateEntry, StateFilter } from '../storage/state-groups.ts'
import { selectChains, selectOwnEntries, selectStateOfGroups } from '../storage/state-groups.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { makeCurrentState } from './current-state.ts'
import type { KnownEvent } from './event-store.ts'
import { emptyState, entryOf, filterState, sizeOf, withEntries } from './state-maps.ts'

export interface StateStore {
  /** All state of these groups. */
  readonly ofGroups: (groups: readonly number[]) => Promise<ReadonlyMap<number, StateMap>>
  /** Some of the state of these groups, without reading all of it where it is not in memory. */
  readonly some: (groups: readonly number[], filters: readonly StateFilter[]) => Promise<ReadonlyMap<number, StateMap>>
  /**
   * Some of the state before each of these events, of all in one statement: the state after it, but for itself. Of a state
   * event what it replaced is looked up.
   */
  readonly before: (events: readonly KnownEvent[], filters: readonly StateFilter[]) => Promise<readonly StateMap[]>
  /**
   * The current state of a room, as of this process' position in the stream `events`; empty of a room that is not known.
   * In memory until it changes.
   */
  readonly current: (roomId: RoomId) => Promise<StateMap>
  /** One entry of {@link current}. */
  readonly currentEvent: (roomId: RoomId, type: string, stateKey: string) => Promise<EventId | undefined>
}

/** What the processes that make groups put in, before anybody asks. */
export interface FilledStateStore extends StateStore {
  readonly add: (group: number, state: StateMap) => void
  /** A group that differs from another: put in if the other is in memory. */
  readonly addDelta: (group: number, prevGroup: number, delta: readonly StateEntry[]) => void
}

export interface StateStoreDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'follow'>
  /** Entries of the state groups that are kept, and as many of current states. Those that maps share are counted in each. */
  readonly maxEntries?: number
}

const MAX_ENTRIES = 500_000

export function makeStateStore({ db, streams, maxEntries = MAX_ENTRIES }: StateStoreDeps): FilledStateStore {
  const kept = makeLru<number, StateMap>(maxEntries, (state) => 8 + sizeOf(state))
  const loading = new Map<number, Promise<ReadonlyMap<number, StateMap>>>()
  /** What was asked of groups that are not read whole: of a quiet room's messages it is the same again and again. */
  const parts = makeLru<number, Part>(maxEntries, ({ size }) => 8 + size)
  const currentState = makeCurrentState(db, streams, maxEntries)

  const load = async (groups: readonly number[]): Promise<ReadonlyMap<number, StateMap>> => {
    try {
      const states = await readGroups(db, groups, kept.get)
      for (const [group, state] of states) kept.set(group, state)
      return states
    } finally {
      for (const group of groups) loading.delete(group)
    }
  }

  const ofGroups = async (groups: readonly number[]): Promise<ReadonlyMap<number, StateMap>> => {
    const found = new Map<number, StateMap>()
    const missing: number[] = []
    const waitedFor = new Set<Promise<ReadonlyMap<number, StateMap>>>()
    for (const group of groups) {
      const state = kept.get(group)
      const underWay = state === undefined ? loading.get(group) : undefined
      if (state !== undefined) found.set(group, state)
      else if (underWay === undefined) missing.push(group)
      else waitedFor.add(underWay)
    }
    if (missing.length > 0) {
      const unique = [...new Set(missing)]
      const answer = load(unique)
      for (const group of unique) loading.set(group, answer)
      waitedFor.add(answer)
    }
    if (waitedFor.size === 0) return found
    for (const answer of await Promise.all(waitedFor))
      for (const group of groups) {
        const state = answer.get(group)
        if (state !== undefined) found.set(group, state)
      }
    return found
  }

  const some: StateStore['some'] = async (groups, filters) => {
    const found = new Map<number, StateMap>()
    const missing: number[] = []
    for (const group of new Set(groups)) {
      const state = kept.get(group)
      const part = state === undefined ? knownPart(parts.get(group), filters) : undefined
      if (state !== undefined) found.set(group, filterState(state, filters))
      else if (part !== undefined) found.set(group, part)
      else missing.push(group)
    }
    if (missing.length === 0) return found
    const entries = new Map<number, StateEntry[]>(missing.map((group) => [group, []]))
    for (const entry of await selectStateOfGroups(db, missing, filters)) entries.get(entry.group)!.push(entry)
    for (const [group, own] of entries) {
      found.set(group, withEntries(emptyState, own))
      parts.set(group, withPart(parts.peek(group), filters, own))
    }
    return found
  }

  return {
    ofGroups,
    some,
    async before(events, filters) {
      const states = await some(
        events.flatMap(({ stateGroup }) => stateGroup ?? []),
        filters,
      )
      return events.map(({ event, stateGroup, isRejected }) => {
        const after = (stateGroup === undefined ? undefined : states.get(stateGroup)) ?? emptyState
        const { type, stateKey } = event
        // A rejected event changed nothing.
        if (stateKey === undefined || isRejected || entryOf(after, type, stateKey) !== event.eventId) return after
        return withEntries(after, [{ type, stateKey, eventId: replacedBy(event) }])
      })
    },
    current: currentState.of,
    currentEvent: async (roomId, type, stateKey) => entryOf(await currentState.of(roomId), type, stateKey),
    add: kept.set,
    addDelta(group, prevGroup, delta) {
      const prev = kept.has(group) ? undefined : kept.get(prevGroup)
      if (prev !== undefined) kept.set(group, withEntries(prev, delta))
    },
  }
}

/** Whoever stores a state event notes in it what it replaces; Synapse does so too. */
function replacedBy({ json: { unsigned } }: KnownEvent['event']): EventId | null {
  const replaced = isObject(unsigned) ? unsigned.replaces_state : undefined
  return typeof replaced === 'string' ? (replaced as EventId) : null
}

/**
 * Two statements: which groups each is made of, and what those have. Where one of them is in memory only what comes after it
 * is read, and all that does not differ is shared with it.
 */
async function readGroups(
  db: Queries,
  groups: readonly number[],
  inMemory: (group: number) => StateMap | undefined,
): Promise<ReadonlyMap<number, StateMap>> {
  const chains = new Map<number, number[]>()
  const bases = new Map<number, StateMap>()
  for (const { root, group } of await selectChains(db, groups)) {
    if (bases.has(root)) continue
    const state = inMemory(group)
    if (state !== undefined) bases.set(root, state)
    else if (chains.has(root)) chains.get(root)!.push(group)
    else chains.set(root, [group])
  }
  const own = new Map<number, StateEntry[]>()
  for (const entry of await selectOwnEntries(db, [...new Set([...chains.values()].flat())])) {
    const entries = own.get(entry.group)
    if (entries === undefined) own.set(entry.group, [entry])
    else entries.push(entry)
  }
  const states = new Map<number, StateMap>()
  for (const group of groups) {
    const chain = chains.get(group) ?? []
    const base = bases.get(group) ?? emptyState
    states.set(
      group,
      withEntries(
        base,
        chain.toReversed().flatMap((part) => own.get(part) ?? []),
      ),
    )
  }
  return states
}

/** Entries by {@link partKey}; null: there is none. */
type Part = ReadonlyMap<string, EventId | null>
const partKey = (type: string, stateKey: string): string => `${type}\0${stateKey}`

/** Undefined if not all of it was asked for before. */
function knownPart(part: Part | undefined, filters: readonly StateFilter[]): StateMap | undefined {
  if (part === undefined) return undefined
  const entries: StateEntry[] = []
  for (const { type, stateKey } of filters) {
    const eventId = stateKey === undefined ? undefined : part.get(partKey(type, stateKey))
    if (eventId === undefined) return undefined
    if (eventId !== null) entries.push({ type, stateKey: stateKey!, eventId })
  }
  return withEntries(emptyState, entries)
}

function withPart(part: Part | undefined, filters: readonly StateFilter[], entries: readonly StateEntry[]): Part {
  const known = new Map(part)
  for (const { type, stateKey } of filters) if (stateKey !== undefined) known.set(partKey(type, stateKey), null)
  for (const { type, stateKey, eventId } of entries) known.set(partKey(type, stateKey), eventId)
  return known
}
