/** What was new lately in each of the streams that `/sync` tells of. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { StreamName, StreamRow } from '../streams/definitions.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { makeRecentRows, type RecentRows } from '../streams/recent-rows.ts'
import { maxPosition } from '../streams/vector-clock.ts'

export interface Recent {
  /** Events and changes of the current state, by room. After a row `state-all` the room's changes have to be looked up. */
  readonly events: RecentRows<RoomId, StreamRow<'events'>>
  readonly typing: RecentRows<RoomId, StreamRow<'typing'>>
  readonly receipts: RecentRows<RoomId, StreamRow<'receipts'>>
  readonly accountData: RecentRows<UserId, StreamRow<'account_data'>>
  readonly pushRules: RecentRows<UserId, StreamRow<'push_rules'>>
  readonly deviceLists: RecentRows<UserId, StreamRow<'device_lists'>>
}

/** Some megabytes at most: a row of an event is about 300 bytes. */
const CAPACITY = 20_000

/** To be called before the process is connected, so that nothing is missed. */
export function followRecent(
  streams: Pick<LiveStreams, 'current' | 'follow' | 'onReset'>,
  capacity = CAPACITY,
): Recent {
  const recent = <Name extends StreamName, Key>(name: Name, keyOf: (row: StreamRow<Name>) => Key) => {
    const kept = makeRecentRows<Key, StreamRow<Name>>(maxPosition(streams.current(name)), capacity)
    streams.follow(name, (rows, position, writer) => {
      for (const row of rows) kept.add(keyOf(row), position, writer, row)
    })
    return kept
  }
  const typing = recent('typing', ({ roomId }) => roomId as RoomId)
  streams.onReset('typing', (_writer, position) => typing.forget(position))
  return {
    events: recent('events', ({ roomId }) => roomId as RoomId),
    typing,
    receipts: recent('receipts', ({ roomId }) => roomId as RoomId),
    accountData: recent('account_data', ({ userId }) => userId as UserId),
    pushRules: recent('push_rules', ({ userId }) => userId as UserId),
    deviceLists: recent('device_lists', ({ userId }) => userId as UserId),
  }
}
