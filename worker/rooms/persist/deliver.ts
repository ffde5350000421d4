/** To the room's persister, wherever it is; and its ear for the others. */

import type { ReplicationClient } from '../../replication/http-client.ts'
import type { ReplicationHandlers } from '../../replication/http-server.ts'
import type { LiveStreams } from '../../streams/live-streams.ts'
import { shardOf } from '../../streams/shard.ts'
import { maxPosition } from '../../streams/vector-clock.ts'
import type { Persist, Persisted, PersistRequest } from './request.ts'
import { printPersisted, printRequest, type Requester, readPersisted, readRequest } from './wire.ts'

/** Resolves when this process has seen what was stored. */
export type Deliver = (request: PersistRequest, requester: Requester) => Promise<Persisted>

export interface DeliverDeps {
  readonly streams: Pick<LiveStreams, 'instance' | 'writersOf'>
  /** Of this process, if it writes events. */
  readonly persist: Persist | undefined
  readonly client: Pick<ReplicationClient, 'call'>
  /** Of the request that is worked on, for the other side's log. */
  readonly requestId?: () => string | undefined
}

export const makeDeliver =
  ({ streams, persist, client, requestId }: DeliverDeps): Deliver =>
  async (request, requester) => {
    const writers = streams.writersOf('events')
    const writer = writers[shardOf(request.roomId, writers.length)]!
    if (writer === streams.instance) {
      if (persist === undefined) throw new Error(`${writer} writes events and was given no persister`)
      return persist(request)
    }
    const id = requestId?.()
    const answer = await client.call('send_events', {
      instance: writer,
      body: printRequest(request, requester),
      ...(id !== undefined && { requestId: id }),
    })
    return readPersisted(answer, request)
  }

/** Of a process that writes events. */
export const persistHandlers = (persist: Persist, streams: Pick<LiveStreams, 'current'>): ReplicationHandlers => ({
  async send_events({ body }) {
    const request = readRequest(body)
    return printPersisted(await persist(request), request, maxPosition(streams.current('events')))
  },
})
