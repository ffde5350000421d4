/** Sliding sync of a client: an answer at once, or as soon as there is something for it. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { JsonText } from '../json-text.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { covers } from '../streams/stream-token.ts'
import { printStreamToken, type StreamToken } from '../streams/tokens.ts'
import type { Notifier } from '../sync/notifier.ts'
import { prevBatchPrinter } from '../sync/prev-batch.ts'
import { makeReach } from '../sync/reach.ts'
import { eventsOf } from '../sync/request.ts'
import { beyond } from '../sync/room-plans.ts'
import type { SyncWait } from '../sync/sync.ts'
import type { Inbox } from '../to-device/inbox.ts'
import { printAnswer } from './answer.ts'
import type { Connection, Connections } from './connections.ts'
import { forgetFetched } from './extensions/to-device.ts'
import type { SlidingSyncPosition, SlidingSyncRequest } from './request.ts'
import { type RespondDeps, type Response, respond } from './respond.ts'

export interface SlidingSyncDeps extends RespondDeps {
  readonly streams: Pick<LiveStreams, 'instances' | 'now' | 'reach'>
  readonly memberships: Pick<Memberships, 'ofUser'>
  readonly notifier: Notifier
  readonly connections: Connections
  readonly inbox: Pick<Inbox, 'messages' | 'forget'>
  /** Rooms that nobody is told of: `exclude_rooms_from_sync`. */
  readonly excludedRooms: ReadonlySet<RoomId>
}

export type SlidingSync = (request: SlidingSyncRequest, wait: SyncWait) => Promise<JsonText>

interface Looked {
  readonly response: Response
  readonly now: StreamToken
}

export function makeSlidingSync(deps: SlidingSyncDeps): SlidingSync {
  const { streams, memberships, notifier, connections, excludedRooms } = deps
  const reach = makeReach(streams)
  const printPos = ({ connection, token }: SlidingSyncPosition) =>
    `${connection}/${printStreamToken(token, streams.instances)}`

  const look = async (
    request: SlidingSyncRequest,
    connection: Connection,
    signal: AbortSignal | undefined,
  ): Promise<Looked> => {
    for (;;) {
      const now = streams.now()
      const own = without(await memberships.ofUser(request.userId), excludedRooms)
      // They moved since `now` was taken; soon it is known what happened before that.
      const ahead = beyond(own, eventsOf(now))
      if (ahead !== undefined && (await reach({ ...now, room: ahead }, signal))) continue
      return { response: await respond(deps, request, connection, own, now), now }
    }
  }

  const finish = async (request: SlidingSyncRequest, connection: Connection, { response, now }: Looked) => {
    const { userId, deviceId = '', connId } = request
    const position = await connections.save({ userId, deviceId, connId }, connection, response.changes)
    const pos = printPos({ connection: position, token: now })
    return printAnswer({ ...response, pos }, prevBatchPrinter(now, streams.instances))
  }

  return async (request, { timeoutMs, signal }) => {
    const { userId, deviceId = '', connId, from } = request
    const deadline = performance.now() + timeoutMs
    if (from !== undefined && !covers(streams.now(), from.token) && !(await reach(from.token, signal)))
      return printAnswer({ pos: printPos(from), lists: new Map(), rooms: new Map(), extensions: {} }, () => '')
    const connection = await connections.open({ userId, deviceId, connId }, from?.connection ?? 0)
    await forgetFetched(deps.inbox, request, streams.now())
    const watch = from === undefined || timeoutMs === 0 ? undefined : await notifier.watch(userId)
    try {
      for (;;) {
        const version = watch?.version()
        const looked = await look(request, connection, signal)
        if (looked.response.hasNews || watch === undefined) return await finish(request, connection, looked)
        if (!(await watch.changed(version!, deadline - performance.now(), signal)))
          return await finish(request, connection, looked)
      }
    } finally {
      watch?.end()
    }
  }
}

const without = <Room>(rooms: ReadonlyMap<RoomId, Room>, excluded: ReadonlySet<RoomId>): ReadonlyMap<RoomId, Room> =>
  excluded.size === 0 ? rooms : new Map([...rooms].filter(([roomId]) => !excluded.has(roomId)))
