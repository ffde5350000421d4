/** The current states of rooms: read when they are asked for, then kept up to date by the rows of the stream `events`. */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import { makeLru } from '../lru.ts'
import { selectCurrentState } from '../storage/current-state.ts'
import type { Queries } from '../storage/db.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { type StateEntryChange, sizeOf, stateOf, withEntries } from './state-maps.ts'

export interface CurrentState {
  readonly of: (roomId: RoomId) => Promise<StateMap>
}

interface Kept {
  readonly state: StateMap
  /** Not in it yet: it is copied when somebody asks. */
  readonly changes: StateEntryChange[]
}

/** More than nobody asked for are not gathered. */
const MAX_CHANGES = 100
/** Each time, the state changed while it was read. */
const ATTEMPTS = 5

export function makeCurrentState(db: Queries, streams: Pick<LiveStreams, 'follow'>, maxEntries: number): CurrentState {
  const kept = makeLru<RoomId, Kept>(maxEntries, ({ state }) => 8 + sizeOf(state))
  const loading = new Map<RoomId, { readonly state: Promise<StateMap>; isStale: boolean }>()

  streams.follow('events', (rows) => {
    for (const row of rows) {
      if (row.kind === 'ev') continue
      const roomId = row.roomId as RoomId
      // What was read may be older than the row, or newer: it is read again.
      const underWay = loading.get(roomId)
      if (underWay !== undefined) underWay.isStale = true
      const known = kept.peek(roomId)
      if (known === undefined) continue
      if (row.kind === 'state-all' || known.changes.length === MAX_CHANGES) kept.delete(roomId)
      else known.changes.push({ type: row.type, stateKey: row.stateKey, eventId: row.eventId as EventId | null })
    }
  })

  const read = gathered(db)
  const load = async (roomId: RoomId): Promise<StateMap> => {
    try {
      for (let attempt = 1; ; attempt++) {
        const entry = loading.get(roomId)
        if (entry !== undefined) entry.isStale = false
        const state = await read(roomId)
        const isStale = loading.get(roomId)?.isStale === true
        if (isStale && attempt < ATTEMPTS) continue
        if (!isStale) kept.set(roomId, { state, changes: [] })
        return state
      }
    } finally {
      loading.delete(roomId)
    }
  }

  return {
    of(roomId) {
      const known = kept.get(roomId)
      if (known === undefined) {
        const underWay = loading.get(roomId)
        if (underWay !== undefined) return underWay.state
        const state = load(roomId)
        loading.set(roomId, { state, isStale: false })
        return state
      }
      if (known.changes.length === 0) return Promise.resolve(known.state)
      const state = withEntries(known.state, known.changes)
      kept.set(roomId, { state, changes: [] })
      return Promise.resolve(state)
    },
  }
}

/** Of so many rooms at once. */
const MAX_ROOMS = 100

/** Reads what is asked for in one turn with one statement: a first sync asks for all of a user's rooms. */
function gathered(db: Queries): (roomId: RoomId) => Promise<StateMap> {
  let asked: RoomId[] = []
  let answer: Promise<ReadonlyMap<RoomId, StateMap>> | undefined

  const send = async (roomIds: readonly RoomId[]) => {
    // Whoever asks in this turn is among them.
    await undefined
    answer = undefined
    const byRoom = Map.groupBy(await selectCurrentState(db, roomIds), (entry) => entry.roomId)
    return new Map(roomIds.map((roomId) => [roomId, stateOf(byRoom.get(roomId) ?? [])]))
  }

  return async (roomId) => {
    if (answer === undefined || asked.length >= MAX_ROOMS) {
      asked = []
      answer = send(asked)
    }
    asked.push(roomId)
    return (await answer).get(roomId)!
  }
}
