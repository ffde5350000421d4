/** The extension `account_data`: the user's own, and that of rooms in their lists. */

import { defaultFilter } from '../../../shared/matrix/filter/filter.ts'
import type { RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { arrayText, type JsonText, objectText } from '../../json-text.ts'
import type { StreamToken } from '../../streams/tokens.ts'
import { type AccountDataDeps, loadAccountData } from '../../sync/account-data.ts'
import type { News } from '../../sync/news.ts'
import { type ConnectionChanges, type ConnectionState, markSent, markUnsent } from '../connection.ts'
import type { ExtensionAnswer } from './answer.ts'

export interface AccountDataAsked {
  readonly userId: UserId
  /** Undefined: the client begins. */
  readonly since: StreamToken | undefined
  readonly news: News | undefined
  readonly rooms: ReadonlySet<RoomId>
  readonly state: ConnectionState
  readonly changes: ConnectionChanges
}

export async function accountDataExtension(
  deps: AccountDataDeps,
  { userId, since, news, rooms, state, changes }: AccountDataAsked,
): Promise<ExtensionAnswer> {
  const load = (from: number | undefined, ofNews: News | undefined) =>
    loadAccountData(deps, userId, defaultFilter, from, ofNews)
  const fresh = await load(since?.accountData, news)
  const isLive = (roomId: RoomId) => since !== undefined && state.accountData.get(roomId) === 'live'
  const behind = [...rooms].filter((roomId) => !isLive(roomId))
  // Where nothing was sent, or not since some time, all that there is: it is little, and mostly nothing.
  const all = since === undefined || behind.length === 0 ? fresh : await load(undefined, undefined)
  const byRoom: Record<RoomId, JsonText> = {}
  let hasNews = fresh.global.length > 0
  for (const roomId of rooms) {
    const events = (isLive(roomId) ? fresh : all).byRoom.get(roomId)
    hasNews ||= events !== undefined
    // Of a room that is new to the client, also that there is none.
    if (events !== undefined || (since === undefined ? undefined : state.accountData.get(roomId)) === undefined)
      byRoom[roomId] = arrayText(events ?? [])
  }
  markSent(state.accountData, changes.accountData, behind)
  if (since !== undefined) {
    const untold = [...fresh.byRoom.keys()].filter((roomId) => !rooms.has(roomId))
    markUnsent(state.accountData, changes.accountData, untold, since.accountData)
  }
  return {
    text: objectText({ global: arrayText(fresh.global), rooms: objectText(byRoom) }),
    hasNews,
  }
}
