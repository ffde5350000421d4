/** Who follows which thread, for push rules that ask it (MSC4306): in memory until somebody comes or goes. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { selectThreadSubscribers } from '../storage/thread-subscriptions.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

export interface ThreadSubscribers {
  readonly of: (roomId: RoomId, rootId: EventId) => Promise<ReadonlySet<UserId>>
}

const MAX_THREADS = 1_000

/** To be made before the process is connected: it follows the stream `thread_subscriptions`. */
export function makeThreadSubscribers(db: Queries, streams: Pick<LiveStreams, 'follow'>): ThreadSubscribers {
  const threads = makeLru<string, ReadonlySet<UserId>>(MAX_THREADS)
  /** What is read while it changes is not kept: it may be from before. */
  let changes = 0
  const keyOf = (roomId: string, rootId: string) => `${roomId} ${rootId}`
  streams.follow('thread_subscriptions', (rows) => {
    for (const { roomId, eventId } of rows) {
      changes++
      threads.delete(keyOf(roomId, eventId))
    }
  })
  return {
    async of(roomId, rootId) {
      const key = keyOf(roomId, rootId)
      const known = threads.get(key)
      if (known !== undefined) return known
      const before = changes
      const rows = await selectThreadSubscribers(db, roomId, rootId)
      const users = new Set(rows.map(({ userId }) => userId))
      if (changes === before) threads.set(key, users)
      return users
    },
  }
}
