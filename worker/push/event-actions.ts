/** Whom events notify, as the tables have it: read once for all users of this process who have a count to keep. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { selectPushActions, type UserActionRow } from '../storage/push-actions.ts'

export interface HeardEvent {
  readonly roomId: RoomId
  readonly eventId: EventId
}

export interface EventActions {
  /**
   * What the events do to the user, by event; those that do nothing are not in it. One statement for those that are not in
   * memory, which are read for `others` too: who else may ask soon.
   */
  readonly of: (
    events: readonly HeardEvent[],
    userId: UserId,
    others: () => Iterable<UserId>,
  ) => Promise<ReadonlyMap<EventId, readonly UserActionRow[]>>
  /** It was redacted. What is being read is not used by who asks from now on. */
  readonly forget: (eventId: EventId) => void
}

interface Read {
  /** For whom. */
  readonly users: ReadonlySet<UserId>
  readonly byUser: ReadonlyMap<UserId, readonly UserActionRow[]>
}

/** Actions and the users they were read for: some megabytes. */
const MAX_KEPT = 100_000

export function makeEventActions({ db, maxKept = MAX_KEPT }: { db: Queries; maxKept?: number }): EventActions {
  const kept = makeLru<EventId, Read>(maxKept, ({ byUser }) => 1 + byUser.size)
  /** Being read, with others in one statement. */
  const loading = new Map<EventId, { readonly users: ReadonlySet<UserId>; readonly reads: Promise<Reads> }>()
  type Reads = ReadonlyMap<EventId, Read>

  const load = (events: readonly HeardEvent[], users: ReadonlySet<UserId>): Promise<Reads> => {
    const reads = read(db, events, users)
    const own = { users, reads }
    for (const { eventId } of events) loading.set(eventId, own)
    const settle = (found: Reads | undefined) => {
      for (const { eventId } of events) {
        if (loading.get(eventId) !== own) continue
        loading.delete(eventId)
        if (found !== undefined) kept.set(eventId, found.get(eventId)!)
      }
    }
    reads.then(settle, () => settle(undefined))
    return reads
  }

  return {
    async of(events, userId, others) {
      const found = new Map<EventId, readonly UserActionRow[]>()
      const missing: HeardEvent[] = []
      const waitedFor: (readonly [EventId, Promise<Reads>])[] = []
      const note = (eventId: EventId, { byUser }: Read) => {
        const own = byUser.get(userId)
        if (own !== undefined) found.set(eventId, own)
      }
      for (const event of events) {
        const known = kept.get(event.eventId)
        const underWay = loading.get(event.eventId)
        if (known?.users.has(userId)) note(event.eventId, known)
        else if (underWay?.users.has(userId)) waitedFor.push([event.eventId, underWay.reads])
        else missing.push(event)
      }
      if (missing.length > 0) {
        const reads = load(missing, new Set([userId, ...others()]))
        for (const { eventId } of missing) waitedFor.push([eventId, reads])
      }
      for (const [eventId, reads] of waitedFor) note(eventId, (await reads).get(eventId)!)
      return found
    },
    forget(eventId) {
      kept.delete(eventId)
      loading.delete(eventId)
    },
  }
}

async function read(db: Queries, events: readonly HeardEvent[], users: ReadonlySet<UserId>) {
  const found = new Map<EventId, { users: ReadonlySet<UserId>; byUser: Map<UserId, UserActionRow[]> }>()
  for (const { eventId } of events) found.set(eventId, { users, byUser: new Map() })
  for (const row of await selectPushActions(db, events, [...users])) {
    const { byUser } = found.get(row.eventId)!
    const own = byUser.get(row.userId)
    if (own === undefined) byUser.set(row.userId, [row])
    else own.push(row)
  }
  return found
}
