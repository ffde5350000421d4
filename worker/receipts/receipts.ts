/** How far users have read: written by the processes of the stream `receipts`, which others ask. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { Db } from '../storage/db.ts'
import { upsertReceipt } from '../storage/receipts.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

export interface NewReceipt {
  readonly roomId: RoomId
  readonly receiptType: string
  readonly userId: UserId
  readonly eventId: EventId
  /** An event ID, `main`, or null: of the whole room. */
  readonly threadId: string | null
}

export interface Receipts {
  /** False: the user had one of that kind for the event or a later one, which stays. That it may be is for the caller to know. */
  readonly add: (receipt: NewReceipt) => Promise<boolean>
  readonly replicationHandlers: ReplicationHandlers
}

export interface ReceiptsDeps {
  readonly db: Db
  readonly streams: Pick<LiveStreams, 'instance' | 'write' | 'writes' | 'writersOf'>
  readonly client: Pick<ReplicationClient, 'call'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export function makeReceipts({ db, streams, client, now }: ReceiptsDeps): Receipts {
  const addHere = (receipt: NewReceipt): Promise<boolean> =>
    streams.write('receipts', 1, async ([streamId]) => {
      const data = { ts: now() }
      const row = { ...receipt, streamId: streamId!, instanceName: streams.instance, data: JSON.stringify(data) }
      const isNew = await db.transaction('read committed', (tx) => upsertReceipt(tx, row), 'add_receipt')
      return { result: isNew, rows: isNew ? [[streamId!, [{ ...receipt, data }]]] : [] }
    })

  return {
    async add(receipt) {
      if (streams.writes('receipts')) return addHere(receipt)
      const { roomId, receiptType, userId, eventId, threadId } = receipt
      const body = {
        room_id: roomId,
        receipt_type: receiptType,
        user_id: userId,
        event_id: eventId,
        thread_id: threadId,
      }
      const instance = writerFor(userId, streams.writersOf('receipts'))
      const { is_new: isNew } = await client.call('plexus_add_receipt', { instance, body })
      return isNew === true
    },
    replicationHandlers: {
      async plexus_add_receipt({ body }) {
        const isNew = await addHere({
          roomId: body.room_id as RoomId,
          receiptType: body.receipt_type as string,
          userId: body.user_id as UserId,
          eventId: body.event_id as EventId,
          threadId: body.thread_id as string | null,
        })
        return { is_new: isNew }
      },
    },
  }
}

/** Any would do; a user's go to the same one, so that they come in order. */
function writerFor(userId: UserId, writers: readonly string[]): string {
  let hash = 0
  for (let i = 0; i < userId.length; i++) hash = (Math.imul(hash, 31) + userId.charCodeAt(i)) >>> 0
  return writers[hash % writers.length]!
}
