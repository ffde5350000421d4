/** New events of this server's users: built, authorised, and handed to the room's persister. */

import { randomBytes } from 'node:crypto'
import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'
import { makeLru } from '../lru.ts'
import type { Db } from '../storage/db.ts'
import { StorageError } from '../storage/postgres/errors.ts'
import { selectEventOfTransaction } from '../storage/transactions.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { shardOf } from '../streams/shard.ts'
import type { FilledEventStore } from './event-store.ts'
import { metadataOf } from './events/metadata.ts'
import type { Deliver } from './persist/deliver.ts'
import { isInRoom, type NewRoomEvent, type Persisted, type PersistRequest } from './persist/request.ts'
import type { Resolver } from './resolver.ts'
import type { RoomVersions } from './room-versions.ts'
import { type Chain, type ChainDeps, type Made, type MadeEvent, startChain, type Wish } from './send/chain.ts'
import { numberGroups } from './send/groups.ts'
import { firstPlace, placeIn } from './send/place.ts'
import type { FilledStateStore } from './state-store.ts'

/** On whose behalf an event is made. */
export interface Author {
  readonly userId: UserId
  readonly deviceId?: string | undefined
  readonly accessTokenId?: number | undefined
  readonly isGuest?: boolean | undefined
  /** What they send looks sent to them and reaches nobody. */
  readonly isShadowBanned?: boolean | undefined
  readonly appserviceId?: string | undefined
}

/** An event to be made. */
export interface EventIntent {
  readonly type: string
  /** Undefined: not a state event. */
  readonly stateKey?: string | undefined
  readonly content: JsonObject
  /** The author's user where absent: an admin or the server may speak for another of its users. */
  readonly sender?: UserId | undefined
  /** Of a redaction. */
  readonly redacts?: EventId | undefined
  /** Appservices may say when it happened, in milliseconds since 1970 (`?ts=`). */
  readonly originServerTs?: number | undefined
  /** Of an event that was delayed (MSC4140): its sender is shown it. */
  readonly delayId?: string | undefined
}

export interface Sent {
  readonly eventId: EventId
  /** Nothing was made: the transaction ID was known, or the state was so already. */
  readonly wasThere: boolean
}

export interface SendOptions {
  readonly txnId?: string | undefined
  /**
   * What must be there first: called with the events' IDs when all of them are made and allowed, and nothing is stored yet. What
   * it throws is thrown, and nothing is stored then. The room's other sends wait meanwhile.
   */
  readonly beforeStored?: ((eventIds: readonly EventId[]) => Promise<void>) | undefined
}

/** A room that is not there yet. */
export interface PlannedRoom {
  readonly roomId: RoomId
  /** Its first event; where the room's ID is the event's hash it may not be altered any more. */
  readonly create: EventIntent
}

export interface Sender {
  /**
   * Events of one room, each following on the one before, all of them or none. When it resolves they are stored, and this
   * process has seen them.
   *
   * `txnId`: of a single event, which is made once by that ID of the author's device, whichever process is asked again. A
   * state event that says what the state is already makes no new event.
   *
   * Throws M_FORBIDDEN where a rule of the room refuses, M_TOO_LARGE, M_BAD_JSON (an event that other servers would refuse),
   * M_NOT_FOUND for a room that is not known.
   */
  readonly send: (
    roomId: RoomId,
    intents: readonly EventIntent[],
    author: Author,
    options?: SendOptions,
  ) => Promise<readonly Sent[]>
  /**
   * A new room of its events, of which the first is `m.room.create`. `rest` makes the others from the room's ID, which in
   * rooms/v12 is the create event's hash; it is asked again where there is such a room. The room is there whole or not at all.
   */
  readonly createRoom: (
    version: RoomVersion,
    create: EventIntent,
    rest: (roomId: RoomId) => readonly EventIntent[] | Promise<readonly EventIntent[]>,
    author: Author,
    /** `isPublic`: in the room directory. */
    options: {
      readonly isPublic: boolean | ((roomId: RoomId) => boolean)
      readonly roomId?: RoomId | undefined
    },
  ) => Promise<{ readonly roomId: RoomId; readonly sent: readonly Sent[] }>
  /** The ID of a room that {@link createRoom} is to make with it, of its first event and for the same author. */
  readonly planRoom: (version: RoomVersion, create: EventIntent, author: Author) => Promise<PlannedRoom>
}

export interface SenderDeps extends Omit<ChainDeps, 'events' | 'now'> {
  readonly db: Db
  readonly streams: Pick<LiveStreams, 'instance' | 'writersOf'>
  readonly events: FilledEventStore
  readonly states: FilledStateStore
  readonly resolver: Resolver
  readonly versions: RoomVersions
  readonly deliver: Deliver
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

interface Job extends Wish, Pick<SendOptions, 'beforeStored'> {
  isDone: boolean
  readonly resolve: (sent: readonly Sent[]) => void
  readonly reject: (error: unknown) => void
}

/** Events of one request to a persister. */
const MAX_GATHERED = 50
/** Postgres has no index entries beyond 2,700 bytes; there are IDs of user, device and room besides. */
const MAX_TXN_ID = 1_024
/** Of transaction IDs without a device (appservices), which no table has: as long as this process remembers. */
const MAX_REMEMBERED = 10_000
/** To make a room that is not there. */
const ATTEMPTS = 20

export function makeSender(deps: SenderDeps): Sender {
  const { db, streams, versions, deliver } = deps
  const chainDeps: ChainDeps = { ...deps, now: deps.now ?? Date.now }
  /** A room's jobs are done one after the other; what comes while one is under way goes together. */
  const queues = new Map<RoomId, Job[]>()
  const underWay = new Map<string, Promise<readonly Sent[]>>()
  const remembered = makeLru<string, readonly Sent[]>(MAX_REMEMBERED)

  const drain = async (roomId: RoomId, queue: Job[]): Promise<void> => {
    while (queue.length > 0) {
      const jobs = take(queue)
      try {
        await sendAll(roomId, jobs)
      } catch (error) {
        const left = jobs.filter(({ isDone }) => !isDone)
        // It may be the fault of one of them alone. But what may have been stored is not to be made a second time.
        if (left.length > 1 && isUndone(error)) for (const job of left) await sendAll(roomId, [job]).catch(job.reject)
        else for (const { reject } of left) reject(error)
      }
    }
    queues.delete(roomId)
  }

  /** Settles all jobs, or throws: then those that were not settled failed. */
  const sendAll = async (roomId: RoomId, all: readonly Job[]): Promise<void> => {
    const version = await versions.of(roomId)
    if (version === undefined) throw new MatrixError('M_NOT_FOUND', `Unknown room ${roomId}`)
    for (let jobs = all; jobs.length > 0; ) {
      const place = await placeIn(deps, roomId, version)
      if (place === undefined) throw new MatrixError('M_FORBIDDEN', 'This server is not in the room')
      const chain = startChain(chainDeps, version, roomId, place)
      const added = await addAll(chain, roomId, jobs)
      // Such a job is alone, and has no transaction ID by which it could be known and be made again.
      for (const { job, result } of added) await job.beforeStored?.(result.map((made) => sentOf(made).eventId))
      const persisted = await persist(chain, version, roomId, jobs[0]!.author)
      const known = persisted.kind === 'known' ? persisted.events : undefined
      // A process that was asked the same had stored it: that one is answered, and the others follow what is there now.
      jobs = added.flatMap(({ job, result }) => {
        if (known === undefined) return settle(job, result)
        const [own] = result
        const winner = own !== undefined && 'made' in own ? known.get(chain.events().indexOf(own.made)) : undefined
        if (winner === undefined) return [job]
        job.resolve([{ eventId: winner.eventId, wasThere: true }])
        return []
      })
    }
  }

  const settle = (job: Job, result: readonly Made[]): [] => {
    job.resolve(result.map(sentOf))
    return []
  }

  /** Those that are allowed; the others are told why not. */
  const addAll = async (chain: Chain, roomId: RoomId, jobs: readonly Job[]) => {
    const added: { readonly job: Job; readonly result: readonly Made[] }[] = []
    for (const job of jobs) {
      try {
        added.push({ job, result: await chain.add(job) })
      } catch (error) {
        // Asked again after it was done, it need not be allowed any longer: they left the room.
        const eventId = error instanceof MatrixError ? await transactionOf(roomId, job) : undefined
        if (eventId === undefined) job.reject(error)
        else job.resolve([{ eventId, wasThere: true }])
      }
    }
    return added
  }

  const transactionOf = async (roomId: RoomId, { author, txnId, intents }: Job): Promise<EventId | undefined> => {
    const { userId, deviceId } = author
    if (txnId === undefined || deviceId === undefined || (intents[0]?.sender ?? userId) !== userId) return undefined
    return selectEventOfTransaction(db, { userId, deviceId, roomId, txnId })
  }

  const persist = async (
    chain: Chain,
    version: RoomVersion,
    roomId: RoomId,
    author: Author,
    made: Pick<PersistRequest, 'isPublic' | 'nonce'> = {},
  ): Promise<Persisted> => {
    const chained = chain.events()
    if (chained.length === 0) return { kind: 'stored', events: [] }
    const groups = await numberGroups(
      db,
      deps.states,
      roomId,
      chained.flatMap(({ before, after }) => [before, after]),
    )
    const events = chained.map(
      ({ event, internal, before, after }: MadeEvent): NewRoomEvent => ({
        event,
        version,
        internal,
        isOutlier: false,
        rejectedReason: null,
        stateGroup: groups.numberOf(after),
        stateGroupBefore: groups.numberOf(before),
        deltas: groups.deltasOf(before === after ? [before] : [before, after]),
      }),
    )
    const request = { roomId, events, ...made }
    const persisted = await deliver(request, author)
    if (persisted.kind === 'stored') remember(request, persisted)
    return persisted
  }

  /** State events are asked for by whoever sends next; in the persister's process they are there already. */
  const remember = ({ roomId, events }: PersistRequest, { events: places }: Persisted & { kind: 'stored' }): void => {
    const writers = streams.writersOf('events')
    const instanceName = writers[shardOf(roomId, writers.length)]!
    for (const [index, added] of events.entries()) {
      const { event, version, internal, stateGroup } = added
      if (!isInRoom(added) || event.stateKey === undefined || deps.events.peek(event.eventId) !== undefined) continue
      deps.events.add(
        {
          event,
          version,
          streamOrdering: places[index]!.streamOrdering,
          topologicalOrdering: event.depth,
          instanceName,
          isOutlier: false,
          isRejected: false,
          stateGroup,
          metadata: metadataOf(internal),
          redactedBecause: undefined,
        },
        canonicalJson(event.json).length,
      )
    }
  }

  const enqueue = (roomId: RoomId, wish: Wish & Pick<SendOptions, 'beforeStored'>): Promise<readonly Sent[]> =>
    new Promise((resolve, reject) => {
      const job: Job = {
        ...wish,
        isDone: false,
        resolve(sent) {
          job.isDone = true
          resolve(sent)
        },
        reject(error) {
          job.isDone = true
          reject(error)
        },
      }
      const queue = queues.get(roomId)
      if (queue !== undefined) queue.push(job)
      else {
        const own = [job]
        queues.set(roomId, own)
        void drain(roomId, own)
      }
    })

  /** Asked twice at the same time, here: once. Asked of two processes, the table of transaction IDs decides. */
  const once = (roomId: RoomId, wish: Wish & { readonly txnId: string }): Promise<readonly Sent[]> => {
    const { author, txnId } = wish
    const key = JSON.stringify([author.userId, author.deviceId ?? null, author.accessTokenId ?? null, roomId, txnId])
    const before = underWay.get(key) ?? remembered.get(key)
    if (before !== undefined) return Promise.resolve(before).then((sent) => sent.map(asThere))
    const answer = enqueue(roomId, wish)
    const sent = answer.then((sent) => {
      if (author.deviceId === undefined) remembered.set(key, sent)
      return sent
    })
    const kept = sent.finally(() => underWay.delete(key))
    underWay.set(key, kept)
    return kept
  }

  let lastCreateTs = 0
  /** Two rooms that a user makes within a millisecond would be one, where the room's ID is the create event's hash. */
  const createTs = ({ originServerTs }: EventIntent): number => {
    lastCreateTs = Math.max(originServerTs ?? chainDeps.now(), lastCreateTs + 1)
    return lastCreateTs
  }

  return {
    async send(roomId, intents, author, { txnId, beforeStored } = {}) {
      if (txnId !== undefined && intents.length !== 1) throw new Error('a transaction ID is of a single event')
      if (txnId !== undefined && !isStorable(txnId))
        throw new MatrixError('M_INVALID_PARAM', `the transaction ID has a NUL, or more than ${MAX_TXN_ID} bytes`)
      if (author.isShadowBanned === true && !intents.every((intent) => isOwnLeave(intent, author)))
        return intents.map(() => ({ eventId: `$${randomBytes(32).toString('base64url')}` as EventId, wasThere: false }))
      return txnId === undefined
        ? enqueue(roomId, { intents, author, beforeStored })
        : once(roomId, { intents, author, txnId })
    },
    async planRoom(version, create, author) {
      if (!version.roomIdIsCreateHash) return { roomId: newRoomId(chainDeps.serverName), create }
      const planned = { ...create, originServerTs: createTs(create) }
      const chain = startChain(chainDeps, version, undefined, firstPlace)
      await chain.add({ intents: [planned], author })
      return { roomId: chain.events()[0]!.event.roomId, create: planned }
    },
    async createRoom(version, create, rest, author, { isPublic, roomId: planned }) {
      for (let attempt = 1; ; attempt++) {
        const roomId = version.roomIdIsCreateHash ? undefined : (planned ?? newRoomId(chainDeps.serverName))
        const chain = startChain(chainDeps, version, roomId, firstPlace)
        const intent = planned === undefined ? { ...create, originServerTs: createTs(create) } : create
        const first = await chain.add({ intents: [intent], author })
        const made = chain.events()[0]!.event.roomId
        const sent = [...first, ...(await chain.add({ intents: await rest(made), author }))]
        const nonce = randomBytes(12).toString('base64url')
        const isPublished = typeof isPublic === 'boolean' ? isPublic : isPublic(made)
        const persisted = await persist(chain, version, made, author, { isPublic: isPublished, nonce })
        if (persisted.kind === 'stored') return { roomId: made, sent: sent.map(sentOf) }
        // Another process made that one, for the same user, in the same millisecond: a later one is another room.
        if (attempt === ATTEMPTS || planned !== undefined) throw new Error(`${made} is there already`)
      }
    },
  }
}

/** Postgres refused it, and has undone the transaction. */
const isUndone = (error: unknown): boolean =>
  error instanceof StorageError && (error.kind === 'failed' || error.kind === 'constraint')

const mayJoin = ({ intents, beforeStored }: Job, size: number): boolean =>
  beforeStored === undefined && size + intents.length <= MAX_GATHERED

function take(queue: Job[]): readonly Job[] {
  if (queue[0]?.beforeStored !== undefined) return queue.splice(0, 1)
  let count = 0
  let size = 0
  while (count < queue.length && (count === 0 || mayJoin(queue[count]!, size))) size += queue[count++]!.intents.length
  return queue.splice(0, count)
}

const isStorable = (txnId: string): boolean => !txnId.includes('\0') && Buffer.byteLength(txnId) <= MAX_TXN_ID

const sentOf = (made: Made): Sent =>
  'there' in made ? { eventId: made.there, wasThere: true } : { eventId: made.made.event.eventId, wasThere: false }

const asThere = ({ eventId }: Sent): Sent => ({ eventId, wasThere: true })

/** The shadow-banned may leave in truth. */
const isOwnLeave = ({ type, stateKey, content, sender }: EventIntent, { userId }: Author): boolean =>
  type === 'm.room.member' && stateKey === userId && (sender ?? userId) === userId && content.membership === 'leave'

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
/** As Synapse's: 18 letters. 52 does not divide 256; the first four letters come a little more often. */
const newRoomId = (serverName: string): RoomId =>
  `!${Array.from(randomBytes(18), (byte) => LETTERS[byte % LETTERS.length]).join('')}:${serverName}` as RoomId
