/** What is new for a user after a token, as far as memory has it: mostly nothing, which is to cost nothing. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { StreamRow } from '../streams/definitions.ts'
import { ofKeys, type RecentRow } from '../streams/recent-rows.ts'
import type { StreamToken } from '../streams/tokens.ts'
import { tokenAt } from '../streams/vector-clock.ts'
import type { Recent } from './recent.ts'
import { eventsOf } from './request.ts'

export interface News {
  /** Rooms with new events, or with changes of their state; undefined: any may have. */
  readonly events: ReadonlySet<RoomId> | undefined
  /** Whether any of the user's own memberships may have changed. */
  readonly hasMoved: boolean
  readonly typing: ReadonlySet<RoomId> | undefined
  /** By position; undefined: the table has to be asked. */
  readonly receipts: readonly RecentRow<RoomId, StreamRow<'receipts'>>[] | undefined
  readonly accountData: readonly StreamRow<'account_data'>[] | undefined
  readonly pushRules: boolean
  /** Whether anybody's devices may have changed, of whom the user may be told. */
  readonly deviceLists: boolean
}

/** The rooms that may have news for the user: a set, or the keys of a map. */
type Rooms = Pick<ReadonlyMap<RoomId, unknown>, 'has' | 'keys' | 'size'>

export function newsOf(recent: Recent, userId: UserId, own: Rooms, since: StreamToken, now: StreamToken): News {
  const [from, upTo] = [eventsOf(since), eventsOf(now)]
  const events = ofKeys(recent.events, own, from, upTo)
  const accountData = tokenAt(since.accountData)
  const pushRules = tokenAt(since.pushRules)
  // Positions of typing begin anew with its writer.
  const typing = tokenAt(since.typing > now.typing ? -1 : since.typing)
  return {
    events: events && new Set(events.map(({ key }) => key)),
    hasMoved: events === undefined || events.some(({ row }) => isOwnMembership(row, userId)),
    typing: roomsIn(ofKeys(recent.typing, own, typing, tokenAt(now.typing))),
    receipts: ofKeys(recent.receipts, own, since.receipts, now.receipts),
    accountData: recent.accountData.isComplete(accountData)
      ? recent.accountData.of(userId, accountData, tokenAt(now.accountData)).map(({ row }) => row)
      : undefined,
    pushRules:
      !recent.pushRules.isComplete(pushRules) ||
      recent.pushRules.of(userId, pushRules, tokenAt(now.pushRules)).length > 0,
    deviceLists:
      !recent.deviceLists.isComplete(since.deviceLists) || recent.deviceLists.countAfter(since.deviceLists) > 0,
  }
}

/** But for {@link News.deviceLists}, of which most are of no concern. */
export const isNothing = ({ events, hasMoved, typing, receipts, accountData, pushRules }: News): boolean =>
  !hasMoved &&
  !pushRules &&
  events?.size === 0 &&
  typing?.size === 0 &&
  receipts?.length === 0 &&
  accountData?.length === 0

const roomsIn = <Row>(rows: readonly RecentRow<RoomId, Row>[] | undefined): ReadonlySet<RoomId> | undefined =>
  rows && new Set(rows.map(({ key }) => key))

const isOwnMembership = (row: StreamRow<'events'>, userId: UserId): boolean =>
  row.kind === 'ev' ? row.type === 'm.room.member' && row.stateKey === userId : row.kind === 'state-all'
