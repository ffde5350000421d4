/** Work of the process that does background tasks: rows of rooms from before there were such, and connections that nobody uses. */

import type { StateStore } from '../rooms/state-store.ts'
import type { Db } from '../storage/db.ts'
import { deleteUnusedConnections } from '../storage/sliding-sync-connections.ts'
import {
  fillMembershipSnapshots,
  selectMissingSnapshots,
  selectRoomsWithoutRow,
  upsertJoinedRooms,
} from '../storage/sliding-sync-rooms.ts'
import { currentFacts, type FactsDeps, factsAtEvents } from './room-facts.ts'

export interface UpkeepDeps extends FactsDeps {
  readonly db: Db
  readonly states: Pick<StateStore, 'current' | 'some'>
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface Upkeep {
  /** Fills in all that is missing; resolves when nothing is, or at the next step after {@link close}. */
  readonly fill: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Of rooms, and of memberships. */
const AT_ONCE = 100
const UNUSED_FOR_MS = 7 * 24 * 3_600_000
const INTERVAL_MS = 3_600_000

export function startUpkeep({ db, events, states, onProblem, now }: UpkeepDeps): Upkeep {
  let isClosed = false
  let filling: Promise<void> | undefined

  const fillRooms = async () => {
    for (let skipped = 0; !isClosed; ) {
      const roomIds = await selectRoomsWithoutRow(db, AT_ONCE + skipped)
      const facts = await currentFacts({ events, states }, roomIds)
      const rooms = roomIds.flatMap((roomId) => {
        const own = facts.get(roomId)
        return own === undefined ? [] : { roomId, facts: own }
      })
      if (rooms.length === 0) return
      skipped = roomIds.length - rooms.length
      await upsertJoinedRooms(db, rooms)
    }
  }
  const fillMemberships = async () => {
    for (let after = { roomId: '', userId: '' }; !isClosed; ) {
      const missing = await selectMissingSnapshots(db, after, AT_ONCE)
      if (missing.length === 0) return
      const facts = await factsAtEvents(
        { events, states },
        missing.map(({ eventId }) => eventId),
      )
      await fillMembershipSnapshots(
        db,
        missing.map((row) => ({ ...row, facts: facts.get(row.eventId) })),
      )
      after = missing.at(-1)!
    }
  }
  const fill = () => {
    filling ??= (async () => {
      await fillRooms()
      await fillMemberships()
    })().finally(() => {
      filling = undefined
    })
    return filling
  }

  const work = () => {
    fill().catch((error: unknown) => onProblem('rows of rooms’ lists are not filled in', error))
    deleteUnusedConnections(db, now() - UNUSED_FOR_MS).catch((error: unknown) =>
      onProblem('old connections of sliding sync stay', error),
    )
  }
  const first = setTimeout(work, 1_000)
  const timer = setInterval(work, INTERVAL_MS)
  first.unref()
  timer.unref()
  return {
    fill,
    async close() {
      isClosed = true
      clearTimeout(first)
      clearInterval(timer)
      await filling?.catch(() => undefined)
    },
  }
}
