/** Several processes that keep users' data, in this one: streams over a bus in memory, requests to each other as JSON. */

import { jsonTextOf } from '../../worker/json-text.ts'
import type { ReplicationClient } from '../../worker/replication/http-client.ts'
import { parseObject } from '../../worker/replication/http-client.ts'
import type { ReplicationEndpointName } from '../../worker/replication/http-endpoints.ts'
import { parsePath, printPath } from '../../worker/replication/http-path.ts'
import type { Db } from '../../worker/storage/db.ts'
import type { WritersKey } from '../../worker/streams/definitions.ts'
import type { OpenStreams } from '../../worker/streams/make-live-streams.ts'
import { connect, openStreams } from './live-streams.ts'
import { type MemoryBus, makeMemoryBus } from './memory-bus.ts'
import { until } from './until.ts'
import { makeUserDataProcess, type UserDataProcess } from './user-data.ts'

export interface NamedProcess extends UserDataProcess {
  readonly name: string
  readonly streams: OpenStreams
}

export interface ProcessesOptions {
  readonly names: readonly string[]
  readonly streamWriters: Readonly<Partial<Record<WritersKey, readonly string[]>>>
  readonly bus?: MemoryBus
  /** What was asked of whom. */
  readonly onCall?: (from: string, to: string, name: ReplicationEndpointName) => void
}

type T = { after(fn: () => Promise<void>): void }

export async function startUserDataProcesses(
  t: T,
  db: Db,
  { names, streamWriters, bus = makeMemoryBus(), onCall }: ProcessesOptions,
): Promise<readonly NamedProcess[]> {
  const processes = new Map<string, NamedProcess>()
  for (const name of names) {
    const streams: OpenStreams = await openStreams(t, db, {
      instance: name,
      streamWriters,
      fetch: () => async (instance, from, upTo) => {
        const updates = await processes.get(instance)!.ownUpdates.get('typing')?.(from, upTo)
        return updates ?? { rows: [], upTo, limited: false }
      },
    })
    const call: ReplicationClient['call'] = async (endpoint, { instance, args = {}, body = {} }) => {
      onCall?.(name, instance, endpoint)
      const to = processes.get(instance)!
      const handler = to.replicationHandlers[endpoint]
      if (handler === undefined) throw new Error(`${instance} does not serve ${endpoint}`)
      const parsed = parsePath(printPath(endpoint, args, 'txn'))!
      const request = { query: new URLSearchParams(), requestId: undefined }
      const answer = await handler({ args: parsed.args, body: parseObject(jsonTextOf(body))!, ...request })
      await until(() =>
        Object.entries(to.streams.ownPositions()).every(
          ([stream, position]) =>
            ['caches', 'events'].includes(stream) ||
            (streams.all.get(stream as 'typing')?.positions.positionOf(instance) ?? 0) >= position,
        ),
      )
      return parseObject(jsonTextOf(answer))!
    }
    processes.set(name, { name, streams, ...makeUserDataProcess(t, db, streams, { call }) })
  }
  for (const { streams } of processes.values()) await connect(t, streams, bus)
  return [...processes.values()]
}
