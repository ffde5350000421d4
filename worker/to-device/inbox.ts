/** Messages from device to device, kept until they were fetched (client-server-api, "Send-to-Device messaging"). */

import { createHash } from 'node:crypto'
import { type ServerName, serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { asJsonText, type JsonText, jsonTextOf, objectText } from '../json-text.ts'
import { makeLru } from '../lru.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { Db } from '../storage/db.ts'
import {
  deleteInboxMessages,
  deleteOldInboxTransactions,
  type InboxMessage,
  insertInboxMessages,
  insertInboxMessagesOnce,
  insertOutboxEdus,
  selectInboxMessages,
} from '../storage/device-inbox.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { makeRecentRows } from '../streams/recent-rows.ts'
import { maxPosition, tokenAt } from '../streams/vector-clock.ts'
import { type ContentTexts, directToDeviceEdus } from './edus.ts'

/** By user, by device; the device `*`, alone, is all that the user has. */
export type ToDeviceMessages = ReadonlyMap<UserId, ReadonlyMap<string, JsonObject>>

export interface Inbox {
  /**
   * Stores messages of one type; in any process: the writer of the stream `to_device` is asked. Unknown devices get none.
   * Users of other servers are written down for whoever sends to servers.
   *
   * @param transaction what names the request among all: if it comes again, also to another process, nothing is done
   */
  readonly send: (sender: UserId, type: string, messages: ToDeviceMessages, transaction?: string) => Promise<void>
  /** Whether {@link messages} may find any, as far as memory has it: false for nearly all who ask. */
  readonly mayHave: (userId: UserId, deviceId: string, from: number, upTo: number) => boolean
  /**
   * Of a device, in order, after `from` and not beyond `upTo` (positions of `to_device`). `upTo` of the answer: where to go on, less than
   * what was asked where `limit` cut it off.
   */
  readonly messages: (
    userId: UserId,
    deviceId: string,
    from: number,
    upTo: number,
    limit: number,
  ) => Promise<{ readonly messages: readonly JsonText[]; readonly upTo: number }>
  /** They were fetched: the client came back with a token at or beyond `upTo`, which this process has reached. */
  readonly forget: (userId: UserId, deviceId: string, upTo: number) => Promise<void> | undefined
}

export interface LiveInbox extends Inbox {
  readonly replicationHandlers: ReplicationHandlers
  /** Removes what is remembered of requests that no client sends again any more. */
  readonly sweep: () => Promise<void>
}

export interface InboxDeps {
  readonly db: Db
  readonly streams: Pick<LiveStreams, 'instance' | 'writes' | 'writersOf' | 'write' | 'follow' | 'current'>
  readonly client: Pick<ReplicationClient, 'call'>
  readonly serverName: ServerName
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** How many rows of the stream are kept in memory. */
  readonly recentRows?: number
}

const MAX_DEVICES = 50_000
const RECENT_ROWS = 20_000
/** A client that was offline for longer, in the middle of a request, may send a message twice. */
const TRANSACTIONS_KEPT_MS = 24 * 3_600_000
const EVERY_DEVICE = '*'

/** To be made before the process is connected: it follows streams. */
export function makeInbox(deps: InboxDeps): LiveInbox {
  const { db, streams, client, serverName, now, recentRows = RECENT_ROWS } = deps
  const recent = makeRecentRows<string, undefined>(maxPosition(streams.current('to_device')), recentRows)
  streams.follow('to_device', (rows, position, writer) => {
    for (const { entity } of rows) if (entity.startsWith('@')) recent.add(entity, position, writer, undefined)
  })
  /** By device: up to there it has no messages, neither delivered nor waiting. */
  const empty = makeLru<string, number>(MAX_DEVICES)
  const keyOf = (userId: UserId, deviceId: string) => `${userId} ${deviceId}`

  const mayHaveAfter = (userId: UserId, from: number, upTo: number): boolean => {
    if (from >= upTo) return false
    const token = tokenAt(from)
    return !recent.isComplete(token) || recent.of(userId, token, tokenAt(upTo)).length > 0
  }

  const sendHere = async (
    sender: UserId,
    type: string,
    messages: ContentTexts,
    transaction: string | undefined,
  ): Promise<void> => {
    const local: InboxMessage[] = []
    const remote = new Map<ServerName, Map<UserId, ReadonlyMap<string, JsonText>>>()
    const common = { type: jsonTextOf(type), sender: jsonTextOf(sender) }
    for (const [userId, devices] of messages) {
      const server = serverNameOf(userId)
      if (server === serverName) {
        const isEvery = devices.size === 1 && devices.has(EVERY_DEVICE)
        for (const [deviceId, content] of devices) {
          // No device has a NUL, which Postgres refuses.
          if (deviceId.includes('\0')) continue
          const message = objectText({ content, ...common })
          local.push({ userId, deviceId: isEvery ? undefined : deviceId, message })
        }
      } else if (devices.size > 0) {
        const of = remote.get(server)
        if (of === undefined) remote.set(server, new Map([[userId, devices]]))
        else of.set(userId, devices)
      }
    }
    const edus = [...remote].flatMap(([destination, users]) =>
      directToDeviceEdus(sender, type, users).map((content) => ({ destination, content })),
    )
    if (local.length + edus.length === 0) return

    const { instance } = streams
    await streams.write('to_device', 1 + edus.length, async (ids) => {
      const position = { streamId: ids[0]!, instanceName: instance }
      const outgoing = edus.map((edu, index) => ({ ...edu, streamId: ids[index + 1]! }))
      const told = (users: readonly UserId[]) => ({
        result: undefined,
        rows: [
          [ids[0]!, users.map((entity) => ({ entity }))] as const,
          ...outgoing.map(({ streamId, destination }) => [streamId, [{ entity: destination }]] as const),
        ],
      })
      if (transaction === undefined && outgoing.length === 0)
        return told(await insertInboxMessages(db, local, position))
      const users = await db.transaction(
        'read committed',
        async (tx) => {
          const stored = await (transaction === undefined
            ? insertInboxMessages(tx, local, position)
            : insertInboxMessagesOnce(tx, local, position, {
                origin: serverName,
                messageId: hashOf(transaction),
                nowMs: now(),
              }))
          if (stored !== undefined && outgoing.length > 0) await insertOutboxEdus(tx, outgoing, instance, now())
          return stored
        },
        'send_to_device',
      )
      return users === undefined ? { result: undefined, rows: [] } : told(users)
    })
  }

  return {
    async send(sender, type, messages, transaction) {
      const texts = new Map(
        [...messages].map(([userId, devices]) => [
          userId,
          new Map([...devices].map(([deviceId, content]) => [deviceId, jsonTextOf(content)])),
        ]),
      )
      if (streams.writes('to_device')) return sendHere(sender, type, texts, transaction)
      // As text, for numbers that would not be the same when they were read and printed again.
      const printed = Object.fromEntries([...texts].map(([userId, devices]) => [userId, Object.fromEntries(devices)]))
      const body = { sender, type, messages: printed, transaction: transaction ?? null }
      await client.call('plexus_send_to_device', { instance: streams.writersOf('to_device')[0]!, body })
    },
    mayHave: (userId, deviceId, from, upTo) =>
      mayHaveAfter(userId, Math.max(from, empty.peek(keyOf(userId, deviceId)) ?? 0), upTo),
    async messages(userId, deviceId, from, upTo, limit) {
      const key = keyOf(userId, deviceId)
      const known = empty.get(key) ?? 0
      const after = Math.max(from, known)
      const rows = mayHaveAfter(userId, after, upTo)
        ? await selectInboxMessages(db, userId, deviceId, after, upTo, limit)
        : []
      // Only if nothing waits from before `from` either.
      if (rows.length === 0 && known >= from && upTo > known) empty.set(key, upTo)
      return {
        messages: rows.map(({ message }) => asJsonText(message)),
        upTo: rows.length < limit ? upTo : rows.at(-1)!.streamId,
      }
    },
    forget(userId, deviceId, upTo) {
      const key = keyOf(userId, deviceId)
      const known = empty.get(key)
      if (known !== undefined && known >= upTo) return undefined
      const note = () => void empty.set(key, Math.max(upTo, empty.peek(key) ?? 0))
      if (known === undefined || mayHaveAfter(userId, known, upTo))
        return deleteInboxMessages(db, userId, deviceId, upTo).then(note)
      note()
      return undefined
    },
    replicationHandlers: {
      async plexus_send_to_device({ body }) {
        const { sender, type, messages, transaction } = body
        const read = Object.entries(messages as Readonly<Record<UserId, Readonly<Record<string, JsonText>>>>)
        await sendHere(
          sender as UserId,
          type as string,
          new Map(read.map(([userId, devices]) => [userId as UserId, new Map(Object.entries(devices))])),
          (transaction as string | null) ?? undefined,
        )
        return {}
      },
    },
    sweep: async () => void (await deleteOldInboxTransactions(db, serverName, now() - TRANSACTIONS_KEPT_MS)),
  }
}

const hashOf = (transaction: string): string => createHash('sha256').update(transaction).digest('base64url')
