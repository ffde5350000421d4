/** The fully read marker (client-server-api, "Fully read markers"): account data of the room that only goes forward. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { AccountData } from '../account-data/account-data.ts'
import type { EventStore, KnownEvent } from '../rooms/event-store.ts'
import { selectRoomAccountDataOfType } from '../storage/account-data.ts'
import type { Queries } from '../storage/db.ts'

export const FULLY_READ = 'm.fully_read'

export interface FullyRead {
  /** Throws M_NOT_FOUND for an event that is not in the room. */
  readonly set: (userId: UserId, roomId: RoomId, eventId: EventId) => Promise<void>
}

export interface FullyReadDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
  readonly accountData: Pick<AccountData, 'setInRoom'>
}

export function makeFullyRead({ db, events, accountData }: FullyReadDeps): FullyRead {
  /** Of a user in a room one after the other: the later event wins, whatever comes first. */
  const last = new Map<string, Promise<void>>()

  const set = async (userId: UserId, roomId: RoomId, eventId: EventId) => {
    const stored = await selectRoomAccountDataOfType(db, userId, roomId, FULLY_READ)
    const before = stored === undefined ? undefined : eventIdIn(stored)
    const known = await events.get(before === undefined ? [eventId] : [eventId, before])
    const [event, old] = [inRoom(known.get(eventId), roomId), inRoom(known.get(before!), roomId)]
    if (event === undefined)
      throw new MatrixError('M_UNKNOWN', `Could not find event ${eventId} in room ${roomId}`, {}, 404)
    if (old !== undefined && !isAfter(event, old)) return
    await accountData.setInRoom(userId, roomId, FULLY_READ, { event_id: eventId })
  }

  return {
    set(userId, roomId, eventId) {
      const key = `${userId} ${roomId}`
      const done = (last.get(key) ?? Promise.resolve()).then(() => set(userId, roomId, eventId))
      const settled = done
        .catch(() => undefined)
        .finally(() => {
          if (last.get(key) === settled) last.delete(key)
        })
      last.set(key, settled)
      return done
    },
  }
}

const inRoom = (known: KnownEvent | undefined, roomId: RoomId): KnownEvent | undefined =>
  known?.event.roomId === roomId ? known : undefined

const isAfter = (a: KnownEvent, b: KnownEvent): boolean =>
  a.topologicalOrdering > b.topologicalOrdering ||
  (a.topologicalOrdering === b.topologicalOrdering && a.streamOrdering > b.streamOrdering)

function eventIdIn(content: string): EventId | undefined {
  const { event_id: eventId } = JSON.parse(content) as { readonly event_id?: unknown }
  return typeof eventId === 'string' ? (eventId as EventId) : undefined
}
