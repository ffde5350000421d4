/** Where rooms end, and what brought them up last: in memory, and followed from there on. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { BUMP_TYPES, selectActivity } from '../storage/sliding-sync-rooms.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

export interface RoomActivity {
  /** Position of the last event; it may be ahead of what clients may see yet. 0: the room has none. */
  readonly last: number
  /** Undefined: nothing brought the room up so far. */
  readonly bumpStamp: number | undefined
}

export interface Activities {
  /** Of rooms that we are in; one statement for those that are not in memory. */
  readonly of: (roomIds: Iterable<RoomId>) => Promise<ReadonlyMap<RoomId, RoomActivity>>
}

const MAX_ROOMS = 200_000
const NONE: RoomActivity = { last: 0, bumpStamp: undefined }
const bumps: ReadonlySet<string> = new Set(BUMP_TYPES)

/** To be made before the process is connected: it follows the stream `events`. */
export function makeActivities(db: Queries, streams: Pick<LiveStreams, 'follow'>, maxRooms = MAX_ROOMS): Activities {
  const kept = makeLru<RoomId, RoomActivity>(maxRooms)
  /** Of rooms that are read at the moment: what was heard of them. */
  const heard = new Map<RoomId, { activity: RoomActivity; readers: number }>()

  streams.follow('events', (rows, position) => {
    for (const row of rows) {
      if (row.kind !== 'ev' || row.outlier || row.rejected) continue
      const roomId = row.roomId as RoomId
      const more = { last: position, bumpStamp: bumps.has(row.type) ? position : undefined }
      const known = kept.peek(roomId)
      if (known !== undefined) kept.set(roomId, later(known, more))
      const reading = heard.get(roomId)
      if (reading !== undefined) reading.activity = later(reading.activity, more)
    }
  })

  const read = async (roomIds: readonly RoomId[], found: Map<RoomId, RoomActivity>) => {
    for (const roomId of roomIds) {
      const reading = heard.get(roomId)
      if (reading === undefined) heard.set(roomId, { activity: NONE, readers: 1 })
      else reading.readers++
    }
    try {
      for (const { roomId, last, bumpStamp } of await selectActivity(db, roomIds)) {
        const activity = later({ last, bumpStamp: bumpStamp ?? undefined }, heard.get(roomId)!.activity)
        kept.set(roomId, activity)
        found.set(roomId, activity)
      }
    } finally {
      for (const roomId of roomIds) if (--heard.get(roomId)!.readers === 0) heard.delete(roomId)
    }
  }

  return {
    async of(roomIds) {
      const found = new Map<RoomId, RoomActivity>()
      const missing: RoomId[] = []
      for (const roomId of roomIds) {
        const known = kept.get(roomId)
        if (known === undefined) missing.push(roomId)
        else found.set(roomId, known)
      }
      if (missing.length > 0) await read(missing, found)
      return found
    },
  }
}

const later = (a: RoomActivity, b: RoomActivity): RoomActivity => ({
  last: Math.max(a.last, b.last),
  bumpStamp: b.bumpStamp === undefined ? a.bumpStamp : Math.max(a.bumpStamp ?? 0, b.bumpStamp),
})
