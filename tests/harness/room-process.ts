/**
 * Processes that send and persist, in this one: streams over a bus in memory, requests to each other as JSON, one Postgres.
 *
 *     const [sender, persister] = await startRoomProcesses(t, db, { names: ['sender', 'persister'], persisters: ['persister'] })
 */

import type { ServerName, UserId } from '../../shared/matrix/ids.ts'
import { readKeyFile } from '../../shared/matrix/signing/key-file.ts'
import type { ReplicationClient } from '../../worker/replication/http-client.ts'
import type { ReplicationHandlers } from '../../worker/replication/http-server.ts'
import { makeRoomStores, makeRoomWriting, type RoomStores, type RoomWriting } from '../../worker/rooms/make-rooms.ts'
import { prejoinStateOf } from '../../worker/rooms/prejoin-state.ts'
import type { PushEvaluator } from '../../worker/rooms/push-actions.ts'
import type { Author, EventIntent } from '../../worker/rooms/sender.ts'
import type { Db } from '../../worker/storage/db.ts'
import type { WritersKey } from '../../worker/streams/definitions.ts'
import type { OpenStreams } from '../../worker/streams/make-live-streams.ts'
import { connect, openStreams } from './live-streams.ts'
import { type MemoryBus, makeMemoryBus } from './memory-bus.ts'
import { until } from './until.ts'

export const serverName = 'example.com' as ServerName
export const signingKey = (() => {
  const keys = readKeyFile('ed25519 a_test AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8')
  if (!keys.ok) throw new Error(keys.reason)
  return keys.value[0]!
})()

export interface RoomProcess extends RoomStores, RoomWriting {
  readonly name: string
  readonly streams: OpenStreams
}

export interface RoomProcessesOptions {
  readonly names?: readonly string[]
  readonly persisters?: readonly string[]
  /** Of other streams than `events`. */
  readonly streamWriters?: Readonly<Partial<Record<WritersKey, readonly string[]>>>
  readonly push?: PushEvaluator
  /** The database of a process, if it has not that of all. */
  readonly dbOf?: (name: string) => Db
  readonly bus?: MemoryBus
  /** Before the process is connected: for what follows streams. */
  readonly onMade?: (process: RoomProcess) => void
  /** Before a request reaches its process, and before its answer goes back: may throw, as a connection that breaks. */
  readonly onCall?: (from: string, to: string, when: 'request' | 'answer') => void | Promise<void>
  /** Whoever gets no answer asks again, of a process that remembers nothing. */
  readonly asksAgain?: boolean
  /** Of streams; without it they fail the test. */
  readonly onProblem?: (problem: string) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const nobody: PushEvaluator = { evaluate: async () => [] }

export async function startRoomProcesses(
  t: { after(fn: () => Promise<void>): void },
  db: Db,
  {
    names = ['master'],
    persisters = ['master'],
    streamWriters,
    push = nobody,
    dbOf = () => db,
    bus = makeMemoryBus(),
    onCall,
    asksAgain,
    onProblem,
    onMade,
    now,
  }: RoomProcessesOptions = {},
): Promise<readonly RoomProcess[]> {
  const handlers = new Map<string, ReplicationHandlers>()
  const processes: RoomProcess[] = []
  for (const name of names) {
    const own = dbOf(name)
    const streams = await openStreams(t, own, {
      instance: name,
      streamWriters: { ...streamWriters, events: persisters },
      ...(onProblem !== undefined && { onProblem }),
    })
    const callOnce: ReplicationClient['call'] = async (endpoint, { instance, body }) => {
      await onCall?.(name, instance, 'request')
      const handler = handlers.get(instance)?.[endpoint]
      if (handler === undefined) throw new Error(`${instance} does not serve ${endpoint}`)
      const copy = JSON.parse(JSON.stringify(body)) as Record<string, unknown>
      const answer = await handler({ args: {}, body: copy, query: new URLSearchParams(), requestId: undefined })
      const position = processes.find((process) => process.name === instance)!.streams.all.get('events')!.positions
      const written = position.minimalLocal()
      await onCall?.(name, instance, 'answer')
      await until(() => streams.all.get('events')!.positions.positionOf(instance) >= written)
      return JSON.parse(JSON.stringify(answer)) as Record<string, unknown>
    }
    const call: ReplicationClient['call'] = (endpoint, to) =>
      callOnce(endpoint, to).catch((error) => {
        if (asksAgain !== true) throw error
        return call(endpoint, to)
      })
    const stores = makeRoomStores({ db: own, streams })
    const writing = makeRoomWriting({
      ...stores,
      db: own,
      streams,
      serverName,
      signingKey,
      client: { call },
      push,
      ...(now !== undefined && { now }),
      prejoinState: prejoinStateOf({ disableDefaultEventTypes: false, additionalEventTypes: [] }),
    })
    handlers.set(name, writing.replicationHandlers)
    const process = { name, streams, ...stores, ...writing }
    onMade?.(process)
    processes.push(process)
  }
  for (const { streams } of processes) await connect(t, streams, bus, onProblem)
  return processes
}

export const user = (localpart: string): UserId => `@${localpart}:${serverName}` as UserId
export const author = (localpart: string, deviceId?: string): Author => ({ userId: user(localpart), deviceId })

/** Events of a new room, after the create event: all may do everything, if `levels` does not say otherwise. */
export const roomIntents = (creator: UserId, levels: object = {}, joinRule = 'public'): readonly EventIntent[] => [
  { type: 'm.room.member', stateKey: creator, content: { membership: 'join' } },
  {
    type: 'm.room.power_levels',
    stateKey: '',
    content: { users: { [creator]: 100 }, ...levels } as EventIntent['content'],
  },
  { type: 'm.room.join_rules', stateKey: '', content: { join_rule: joinRule } },
  { type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: 'shared' } },
]

export const createIntent = (version: string, creator: UserId): EventIntent => ({
  type: 'm.room.create',
  stateKey: '',
  content: { room_version: version, ...(Number(version) < 11 && { creator }) },
})

export const message = (body: string): EventIntent => ({
  type: 'm.room.message',
  content: { msgtype: 'm.text', body },
})

export const member = (userId: UserId, membership: string): EventIntent => ({
  type: 'm.room.member',
  stateKey: userId,
  content: { membership },
})
