/**
 * Threads that users follow (MSC4306): written by the processes of the stream `thread_subscriptions`, which others ask; and what
 * changed of them (MSC4308).
 */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { Db, Queries } from '../storage/db.ts'
import {
  endThreadSubscription,
  lockThreadSubscription,
  selectThreadSubscriptionChanges,
  type ThreadName,
  upsertThreadSubscription,
} from '../storage/thread-subscriptions.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

/** The event of the thread that makes the user follow it by itself. */
export interface Cause {
  /** Negative of backfilled events. */
  readonly streamOrdering: number
  readonly depth: number
}

export interface ThreadSubscriptions {
  /** `cause`: automatically, by that event; undefined: as the user wishes. Throws where the user left the thread since the cause. */
  readonly subscribe: (thread: ThreadName, cause: Cause | undefined) => Promise<void>
  /** Whether they follow it or not. */
  readonly unsubscribe: (thread: ThreadName) => Promise<void>
  readonly replicationHandlers: ReplicationHandlers
}

export interface ThreadSubscriptionsDeps {
  readonly db: Db
  readonly streams: Pick<LiveStreams, 'instance' | 'write' | 'writes' | 'writersOf'>
  readonly client: Pick<ReplicationClient, 'call'>
}

/** Synapse's processes have no way to ask each other for this. */
const CHANGE = 'plexus_change_thread_subscription'

const conflict = () =>
  new MatrixError(
    'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION',
    'Automatic subscription obsoleted by an unsubscription request.',
    {},
    409,
  )

export function makeThreadSubscriptions({ db, streams, client }: ThreadSubscriptionsDeps): ThreadSubscriptions {
  type Outcome = 'changed' | 'same' | 'conflict'

  const change = async (
    thread: ThreadName,
    work: (tx: Queries, position: { streamId: number; instanceName: string }) => Promise<Outcome>,
  ): Promise<Outcome> =>
    streams.write('thread_subscriptions', 1, async ([streamId]) => {
      const position = { streamId: streamId!, instanceName: streams.instance }
      const result = await db.transaction('read committed', (tx) => work(tx, position), 'change_thread_subscription')
      const { userId, roomId, rootId } = thread
      return { result, rows: result === 'changed' ? [[streamId!, [{ userId, roomId, eventId: rootId }]]] : [] }
    })

  const here: Omit<ThreadSubscriptions, 'replicationHandlers'> = {
    async subscribe(thread, cause) {
      const outcome = await change(thread, async (tx, position) => {
        const known = await lockThreadSubscription(tx, thread)
        const isAutomatic = cause !== undefined
        // Who wished to follow it does not follow it automatically by what others say.
        if (known?.subscribed && (!known.automatic || isAutomatic)) return 'same'
        if (known?.subscribed === false && isAutomatic && isBefore(cause, known)) return 'conflict'
        await upsertThreadSubscription(tx, thread, isAutomatic, position)
        return 'changed'
      })
      if (outcome === 'conflict') throw conflict()
    },
    async unsubscribe(thread) {
      await change(thread, async (tx, position) =>
        (await endThreadSubscription(tx, thread, position)) > 0 ? 'changed' : 'same',
      )
    },
  }

  const ask = async (thread: ThreadName, body: Readonly<Record<string, unknown>>) => {
    const writers = streams.writersOf('thread_subscriptions')
    await client.call(CHANGE, { instance: writers[0]!, body: { thread, ...body } })
  }
  const there: typeof here = {
    subscribe: (thread, cause) => ask(thread, { subscribe: true, cause }),
    unsubscribe: (thread) => ask(thread, { subscribe: false }),
  }

  const replicationHandlers: ReplicationHandlers = {
    async [CHANGE]({ body }) {
      const { thread, subscribe, cause } = body as unknown as {
        readonly thread: ThreadName
        readonly subscribe: boolean
        readonly cause?: Cause
      }
      await (subscribe ? here.subscribe(thread, cause) : here.unsubscribe(thread))
      return {}
    },
  }
  return { ...(streams.writes('thread_subscriptions') ? here : there), replicationHandlers }
}

/** The user left the thread after that event. Of backfilled events only their depth tells. */
function isBefore(
  { streamOrdering, depth }: Cause,
  {
    unsubscribedAtStream,
    unsubscribedAtDepth,
  }: { readonly unsubscribedAtStream: number | null; readonly unsubscribedAtDepth: number | null },
): boolean {
  if (streamOrdering > 0) return (unsubscribedAtStream ?? 0) >= streamOrdering
  return (unsubscribedAtDepth ?? 0) >= depth
}

export interface ThreadChangesAnswer {
  readonly bySubscription: {
    readonly subscribed?: Readonly<Record<RoomId, Readonly<Record<EventId, object>>>>
    readonly unsubscribed?: Readonly<Record<RoomId, Readonly<Record<EventId, object>>>>
  }
  /** Undefined: there are none. `isCut`: there may be more before it. */
  readonly earliest: { readonly position: number; readonly isCut: boolean } | undefined
}

/** The last changes after `from`, up to and including `to`. */
export type ThreadChanges = (userId: UserId, from: number, to: number, limit: number) => Promise<ThreadChangesAnswer>

export const makeThreadChanges =
  (db: Queries): ThreadChanges =>
  async (userId, from, to, limit) => {
    const rows = from >= to || limit <= 0 ? [] : await selectThreadSubscriptionChanges(db, userId, from, to, limit)
    const [subscribed, unsubscribed]: Record<RoomId, Record<EventId, object>>[] = [{}, {}]
    for (const { roomId, rootId, streamId, automatic, ...row } of rows) {
      const of = row.subscribed ? subscribed! : unsubscribed!
      of[roomId] ??= {}
      of[roomId][rootId] = row.subscribed ? { automatic, bump_stamp: streamId } : { bump_stamp: streamId }
    }
    return {
      bySubscription: {
        ...(Object.keys(subscribed!).length > 0 && { subscribed: subscribed! }),
        ...(Object.keys(unsubscribed!).length > 0 && { unsubscribed: unsubscribed! }),
      },
      earliest: rows.length === 0 ? undefined : { position: rows[0]!.streamId, isCut: rows.length === limit },
    }
  }

/** Tokens of the list: `ts5`. */
export const printThreadToken = (position: number): string => `ts${position}`
/** Undefined: it is none. */
export const parseThreadToken = (text: string): number | undefined =>
  /^ts-?\d{1,15}$/.test(text) ? Number(text.slice(2)) : undefined
