/**
 * Stores events. A room's requests wait in its queue: whatever waits when the one before is done becomes one batch, one
 * transaction. So a busy room has few transactions, and a quiet one no delay.
 */

import type { EventId, RoomId, ServerName } from '../../../shared/matrix/ids.ts'
import { canonicalJson } from '../../../shared/matrix/json/canonical.ts'
import { makeLru } from '../../lru.ts'
import type { StateChange } from '../../storage/current-state.ts'
import type { Db } from '../../storage/db.ts'
import { selectKnownEventIds } from '../../storage/events.ts'
import { isUniqueViolation, StorageError } from '../../storage/postgres/errors.ts'
import { selectEventsOfTransactions } from '../../storage/transactions.ts'
import type { LiveStreams } from '../../streams/live-streams.ts'
import type { FilledEventStore } from '../event-store.ts'
import { metadataOf } from '../events/metadata.ts'
import type { PushAction, PushEvaluator } from '../push-actions.ts'
import type { Resolver } from '../resolver.ts'
import { changesBetween, emptyState, sizeOf } from '../state-maps.ts'
import type { FilledStateStore } from '../state-store.ts'
import { rowsOf } from './announce.ts'
import { advanceHead, loadHead, type RoomHead } from './head.ts'
import {
  isInRoom,
  type NewRoomEvent,
  type Persist,
  type Persisted,
  type PersistRequest,
  type StoredPlace,
} from './request.ts'
import { neededForRoomLists, roomListChanges } from './room-lists.ts'
import { type Batch, HeadMoved, type PlacedEvent, writeBatch } from './write.ts'

export interface PersisterDeps {
  readonly db: Db
  readonly streams: Pick<LiveStreams, 'instance' | 'write' | 'follow'>
  readonly serverName: ServerName
  readonly events: FilledEventStore
  readonly states: FilledStateStore
  readonly resolver: Resolver
  readonly push: PushEvaluator
  /** Whether messages are to be found by who searches: `enable_search`. */
  readonly isSearched?: boolean
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Entries of current states that are kept in memory. */
  readonly maxEntries?: number
}

interface Waiting {
  readonly request: PersistRequest
  readonly resolve: (persisted: Persisted) => void
  readonly reject: (error: unknown) => void
}

/** Events in a transaction: more would make those behind wait for longer than they gain. */
const MAX_BATCH = 100
const MAX_ENTRIES = 500_000
/** Who asks again does so within a minute. */
const MAX_NONCES = 10_000
/** Of a batch that another process was in the way of. */
const ATTEMPTS = 8
const TXN_KEY = 'event_txn_id_device_id_txn_id2'
const EVENT_KEY = 'events_event_id_key'

/** The part of this process in the stream `events`: only rooms that are its own may be handed to it. */
export function makePersister(deps: PersisterDeps): Persist {
  const { db, streams, serverName, events, states, resolver, push } = deps
  const { now = Date.now, isSearched = true, maxEntries = MAX_ENTRIES } = deps
  const heads = makeLru<RoomId, RoomHead>(maxEntries, ({ state, extremities }) => 8 + extremities.size + sizeOf(state))
  const queues = new Map<RoomId, Waiting[]>()
  /** By the first event of who made a room lately. */
  const nonces = makeLru<EventId, string>(MAX_NONCES)
  // Somebody removed more than can be told (a purge): nothing in memory is sure any longer.
  streams.follow('events', (rows, _position, writer) => {
    for (const row of rows)
      if (writer !== streams.instance || row.kind === 'state-all') heads.delete(row.roomId as RoomId)
  })

  const drain = async (roomId: RoomId, queue: Waiting[]): Promise<void> => {
    while (queue.length > 0) {
      const batch = takeBatch(queue)
      try {
        await settle(roomId, batch)
      } catch (error) {
        heads.delete(roomId)
        // One of them cannot be stored, and it is not known which: each by itself.
        if (batch.length > 1 && !isAway(error)) {
          for (const waiting of batch)
            await settle(roomId, [waiting]).catch((failure: unknown) => {
              heads.delete(roomId)
              waiting.reject(failure)
            })
        } else for (const { reject } of batch) reject(error)
      }
    }
    queues.delete(roomId)
  }

  /** Stores what can be stored of the batch, and answers all of it. */
  const settle = async (roomId: RoomId, batch: readonly Waiting[]): Promise<void> => {
    let waiting = batch
    for (let attempt = 1; waiting.length > 0; attempt++) {
      waiting = answerKnown(waiting, places(waiting.flatMap(({ request }) => request.events)))
      if (waiting.length === 0) return
      try {
        const stored = await store(roomId, waiting)
        for (const { request, resolve } of waiting) {
          if (request.nonce !== undefined) nonces.set(request.events[0]!.event.eventId, request.nonce)
          resolve({ kind: 'stored', events: placesOf(request, stored) })
        }
        return
      } catch (error) {
        heads.delete(roomId)
        if (attempt === ATTEMPTS) throw error
        if (isUniqueViolation(error, TXN_KEY)) waiting = await answerTransactions(waiting)
        else if (isUniqueViolation(error, EVENT_KEY)) waiting = await answerStored(waiting)
        else if (!(error instanceof HeadMoved)) throw error
      }
    }
  }

  /** Where events are that this process has in memory. */
  const places = (added: readonly NewRoomEvent[]): ReadonlyMap<EventId, number> => {
    const found = new Map<EventId, number>()
    for (const { event, isOutlier } of added) {
      const known = events.peek(event.eventId)
      if (known !== undefined && (isOutlier || !known.isOutlier)) found.set(event.eventId, known.streamOrdering)
    }
    return found
  }

  /** Requests are stored whole, so that one event tells of all: answers those that are there, and returns the others. */
  const answerKnown = (waiting: readonly Waiting[], known: ReadonlyMap<EventId, number>): readonly Waiting[] => {
    const rest: Waiting[] = []
    const taken = new Set<EventId>()
    for (const entry of waiting) {
      const { request, resolve, reject } = entry
      if (request.events.every(({ event }) => known.has(event.eventId)))
        resolve(isRepeated(request) ? { kind: 'stored', events: placesOf(request, known) } : anew)
      // Made by two processes within a millisecond, of which one was first.
      else if (request.events.some(({ event }) => known.has(event.eventId))) resolve(anew)
      // The same request twice, at the same time.
      else if (request.events.some(({ event }) => taken.has(event.eventId))) persist(request).then(resolve, reject)
      else {
        for (const { event } of request.events) taken.add(event.eventId)
        rest.push(entry)
      }
    }
    return rest
  }

  /**
   * Two processes that are asked for the same message within a millisecond make the same event. Whoever has asked under
   * another transaction ID wants a second one.
   */
  const isRepeated = ({ events: added, nonce }: PersistRequest): boolean => {
    const made = nonces.get(added[0]!.event.eventId)
    if (nonce !== undefined && made !== undefined && made !== nonce) return false
    return added.every(({ event, internal }) => {
      const known = events.peek(event.eventId)?.metadata.transactionId
      return internal.txn_id === undefined || known === undefined || known === internal.txn_id
    })
  }

  /** An earlier life of this process stored some of them, or another process that had this room. */
  const answerStored = async (waiting: readonly Waiting[]): Promise<readonly Waiting[]> => {
    const ids = waiting.flatMap(({ request }) => request.events.map(({ event }) => event.eventId))
    const known = await events.get(ids)
    const rest = answerKnown(waiting, new Map([...known].map(([id, { streamOrdering }]) => [id, streamOrdering])))
    if (rest.length === waiting.length) throw new Error('an event is there, and cannot be read')
    return rest
  }

  /** Transaction IDs that other events have: whoever asked is told which. Of two of the same that wait, the first stays. */
  const answerTransactions = async (waiting: readonly Waiting[]): Promise<readonly Waiting[]> => {
    const transactions = waiting.flatMap(({ request }) => request.events.flatMap(transactionOf))
    const rows = await selectEventsOfTransactions(db, transactions)
    const winners = new Map<string, StoredPlace>(rows.map((row) => [keyOf(row), row]))
    const rest: Waiting[] = []
    const taken = new Set<string>()
    for (const entry of waiting) {
      const { request, resolve, reject } = entry
      const own = request.events.map((added) => transactionOf(added).map(keyOf)[0])
      const known = new Map<number, StoredPlace>()
      for (const [index, key] of own.entries()) {
        const winner = key === undefined ? undefined : winners.get(key)
        if (winner !== undefined) known.set(index, { eventId: winner.eventId, streamOrdering: winner.streamOrdering })
      }
      if (known.size > 0) resolve({ kind: 'known', events: known })
      else if (own.some((key) => key !== undefined && taken.has(key))) persist(request).then(resolve, reject)
      else {
        for (const key of own) if (key !== undefined) taken.add(key)
        rest.push(entry)
      }
    }
    return rest
  }

  /** All of it, or an error. */
  const store = async (roomId: RoomId, waiting: readonly Waiting[]): Promise<ReadonlyMap<EventId, number>> => {
    const added = waiting.flatMap(({ request }) => request.events)
    for (const { event, stateGroupBefore, deltas } of added) {
      if (event.prevEvents.length === 0 && stateGroupBefore !== undefined) states.add(stateGroupBefore, emptyState)
      for (const { from, to, entries } of deltas) states.addDelta(to, from, entries)
    }
    const [head, actions] = await Promise.all([
      heads.get(roomId) ?? loadHead(db, resolver, roomId, added[0]!.version),
      pushActionsOf(added),
    ])
    const after = await advanceHead(head, added, resolver)
    const changes = changesBetween(head.state, after.state)
    const addedIds = new Set(added.map(({ event }) => event.eventId))
    const needed = [
      ...changes.flatMap(({ eventId }) => eventId ?? []),
      ...neededForRoomLists(changes, after.state, serverName),
    ]
    const others = await events.get(needed.filter((id) => !addedIds.has(id)))

    return streams.write('events', added.length, async (ids) => {
      const placed = added.map(
        (event, index): PlacedEvent => ({
          ...event,
          streamOrdering: ids[index]!,
          text: canonicalJson(event.event.json),
          pushActions: actions[index]!,
        }),
      )
      const byId = new Map(placed.map((event) => [event.event.eventId, event]))
      const stateChanges = changes.map((change): StateChange => {
        const own = change.eventId === null ? undefined : byId.get(change.eventId)
        const event = change.eventId === null ? undefined : (own ?? others.get(change.eventId))
        return {
          ...change,
          streamId: own?.streamOrdering ?? ids.at(-1)!,
          eventStreamOrdering: event?.streamOrdering ?? null,
          membership: change.type === 'm.room.member' ? textOf(event?.event.content.membership) : null,
        }
      })
      const find = (eventId: EventId) => {
        const own = byId.get(eventId)
        return own === undefined ? others.get(eventId) : { ...own, instanceName: streams.instance }
      }
      const batch: Batch = {
        roomId,
        instance: streams.instance,
        serverName,
        events: placed,
        extremitiesBefore: new Set(head.extremities.keys()),
        extremitiesAfter: new Set(after.extremities.keys()),
        stateChanges,
        roomLists: roomListChanges({ roomId, serverName, changes, after: after.state, find }),
        isPublic: waiting.some(({ request }) => request.isPublic === true),
        isSearched,
        receivedTs: now(),
      }
      await commit(batch)
      for (const event of placed) remember(event, streams.instance)
      heads.set(roomId, after)
      return {
        result: new Map(placed.map(({ event, streamOrdering }) => [event.eventId, streamOrdering])),
        rows: rowsOf(placed, stateChanges),
      }
    })
  }

  /** The transaction; again where the connection broke at the commit and nothing was stored. */
  const commit = async (batch: Batch): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await writeBatch(db, batch)
      } catch (error) {
        if (!(error instanceof StorageError) || !error.mayHaveCommitted || attempt === ATTEMPTS) throw error
        // Nobody else has this batch's IDs, so what is there was stored a moment ago.
        const known = await selectKnownEventIds(db, [batch.events[0]!.event.eventId])
        if (known.size > 0) return
      }
    }
  }

  const pushActionsOf = async (added: readonly NewRoomEvent[]): Promise<readonly (readonly PushAction[])[]> => {
    const groups = added.flatMap((event) => (notifies(event) ? [event.stateGroupBefore!] : []))
    const before = await states.ofGroups(groups)
    const together = new Map(added.map(({ event }) => [event.eventId, event]))
    return Promise.all(
      added.map((added) =>
        notifies(added)
          ? push.evaluate(added.event, added.version, before.get(added.stateGroupBefore!) ?? emptyState, together)
          : [],
      ),
    )
  }

  const remember = ({ event, version, streamOrdering, ...added }: PlacedEvent, instance: string): void =>
    events.add(
      {
        event,
        version,
        streamOrdering,
        topologicalOrdering: event.depth,
        instanceName: instance,
        isOutlier: added.isOutlier,
        isRejected: added.rejectedReason !== null,
        stateGroup: added.stateGroup,
        metadata: metadataOf(added.internal),
        redactedBecause: undefined,
      },
      added.text.length,
    )

  const persist: Persist = (request) =>
    new Promise((resolve, reject) => {
      const waiting = { request, resolve, reject }
      const queue = queues.get(request.roomId)
      if (queue !== undefined) queue.push(waiting)
      else {
        const own = [waiting]
        queues.set(request.roomId, own)
        void drain(request.roomId, own)
      }
    })
  return persist
}

/** Make it again: what was there when it was made is not what is there now. */
const anew: Persisted = { kind: 'known', events: new Map() }

const notifies = (added: NewRoomEvent): boolean =>
  isInRoom(added) && added.internal.soft_failed !== true && added.stateGroupBefore !== undefined

function takeBatch(queue: Waiting[]): readonly Waiting[] {
  let count = 0
  let size = 0
  while (count < queue.length && (count === 0 || size + queue[count]!.request.events.length <= MAX_BATCH))
    size += queue[count++]!.request.events.length
  return queue.splice(0, count)
}

/** Postgres cannot be reached, or is too slow: for one it would be no better than for all. */
const isAway = (error: unknown): boolean =>
  error instanceof StorageError && (error.kind === 'unavailable' || error.kind === 'timeout')

const placesOf = ({ events }: PersistRequest, places: ReadonlyMap<EventId, number>): readonly StoredPlace[] =>
  events.map(({ event: { eventId } }) => ({ eventId, streamOrdering: places.get(eventId)! }))

const transactionOf = ({ event: { roomId, sender }, internal: { txn_id, device_id } }: NewRoomEvent) =>
  txn_id === undefined || device_id === undefined
    ? []
    : [{ userId: sender, deviceId: device_id, roomId, txnId: txn_id }]

const keyOf = ({ userId, deviceId, roomId, txnId }: ReturnType<typeof transactionOf>[number]): string =>
  JSON.stringify([userId, deviceId, roomId, txnId])

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
