/** What is asked of the contestants. A scenario makes its requests' functions once, and each call is one request. */

import { type Ask, bodyOf } from './http.ts'
import { type BenchUser, roomPath, type Sockets, sendMessage, type World } from './world.ts'

export interface Context {
  readonly ask: Ask
  readonly sockets: Sockets
  readonly world: World
}

export interface Scenario {
  readonly title: string
  /** Arrivals a second: what Synapse can serve on half of two cores. */
  readonly rate: number
  /**
   * Resolves to a function that makes the n-th request and checks its answer. `prepare`, where there is one, is called before
   * every `each` requests, and what it costs is not counted.
   */
  readonly make: (context: Context) => Promise<{
    readonly request: (n: number) => Promise<void>
    readonly prepare?: { readonly each: number; readonly run: () => Promise<void> }
    readonly stop?: () => Promise<void>
  }>
}

const V3 = '/_matrix/client/v3'
const FILTER = { room: { timeline: { limit: 10 }, state: { lazy_load_members: true } } }
/** Stored, as clients do: an inline one costs Synapse more than the rest of a sync. `salt` makes it another one. */
const storeFilter = async ({ ask, sockets }: Context, { userId, token }: BenchUser, salt = 0): Promise<string> => {
  const filter = { ...FILTER, account_data: { limit: 1_000 + salt } }
  const path = `${V3}/user/${encodeURIComponent(userId)}/filter`
  return bodyOf(await ask(sockets.client, 'POST', path, token, filter)).filter_id
}

const send =
  (rooms: number): Scenario['make'] =>
  async ({ ask, sockets, world }) => ({
    async request(n) {
      const r = n % rooms
      const members = world.members[r]!
      const sender = world.users[members[Math.floor(n / rooms) % members.length]!]!
      await sendMessage(ask, sockets, world.rooms[r]!, sender.token)
    },
  })

const syncPath = (filter: string, since?: string, timeout = 0): string =>
  `${V3}/sync?timeout=${timeout}&filter=${filter}${since === undefined ? '' : `&since=${since}`}`

/** A user that syncs. */
interface Reader extends BenchUser {
  readonly filter: string
  since: string
}

const readersOf = (context: Context): Promise<Reader[]> =>
  Promise.all(
    context.world.users.map(async (user) => {
      const filter = await storeFilter(context, user)
      const answer = bodyOf(await context.ask(context.sockets.sync, 'GET', syncPath(filter), user.token))
      return { ...user, filter, since: answer.next_batch as string }
    }),
  )

const GROUPS = 8
let salt = 0
/**
 * The same token in other words: the field of `groups`, a feature that is gone, means nothing. Synapse keeps answers of
 * /sync for two minutes, and would otherwise serve those.
 */
const asNobodyAsked = (since: string): string => {
  const fields = since.split('_')
  fields[GROUPS] = String(++salt)
  return fields.join('_')
}

/** A sync from before a message, which has to have it. */
const syncOneMessage: Scenario['make'] = async (context) => {
  const { ask, sockets, world } = context
  const [sender, ...readers] = await readersOf(context)
  let expected = ''
  return {
    async request(n) {
      const reader = readers[n % readers.length]!
      const { status, text } = await ask(sockets.sync, 'GET', syncPath(reader.filter, reader.since), reader.token)
      if (status !== 200 || !text.includes(expected)) throw new Error(`no message in ${status} ${text.slice(0, 300)}`)
      reader.since = JSON.parse(text).next_batch
    },
    prepare: {
      each: readers.length,
      async run() {
        const eventId = await sendMessage(ask, sockets, world.rooms[0]!, sender!.token)
        // It is there for all once it is there for one.
        for (let isThere = false; !isThere; ) {
          const path = syncPath(sender!.filter, sender!.since, 5_000)
          const { status, text } = await ask(sockets.sync, 'GET', path, sender!.token)
          if (status !== 200) throw new Error(`${status} ${text.slice(0, 300)}`)
          isThere = text.includes(eventId)
          sender!.since = JSON.parse(text).next_batch
        }
        expected = eventId
        // What goes on after a send is the send's.
        await new Promise((resolve) => setTimeout(resolve, 250))
      },
    },
  }
}

/** One message at a time, until it has arrived in another user's long poll. */
const delivery: Scenario['make'] = async (context) => {
  const { ask, sockets, world } = context
  const [sender, receiver] = await readersOf(context)
  const waiting = new Map<string, () => void>()
  const arrived = new Set<string>()
  let isStopped = false
  const poll = async () => {
    while (!isStopped) {
      const path = syncPath(receiver!.filter, receiver!.since, 3_000)
      const answer = bodyOf(await ask(sockets.sync, 'GET', path, receiver!.token))
      receiver!.since = answer.next_batch
      for (const { event_id: id } of answer.rooms?.join?.[world.rooms[0]!]?.timeline.events ?? []) {
        const resolve = waiting.get(id)
        if (resolve === undefined) arrived.add(id)
        else resolve()
      }
    }
  }
  const polling = poll()
  return {
    async request() {
      const eventId = await sendMessage(ask, sockets, world.rooms[0]!, sender!.token)
      if (arrived.delete(eventId)) return
      await Promise.race([
        new Promise<void>((resolve) => waiting.set(eventId, resolve)),
        polling.then(() => {
          throw new Error('the receiver stopped')
        }),
        new Promise((_, reject) => setTimeout(reject, 10_000, new Error('a message did not arrive')).unref()),
      ])
      waiting.delete(eventId)
    },
    async stop() {
      isStopped = true
      await polling
    },
  }
}

/** The first users, who are in all rooms. */
const IN_ALL_ROOMS = 5
/** An initial sync that was answered already is not measured again: so many that the first is forgotten before its turn. */
const INITIAL_FILTERS = 300

/** In the order in which they run: those that leave more behind come later. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  whoami: {
    title: 'whoami',
    rate: 400,
    make: async ({ ask, sockets, world }) => ({
      async request(n) {
        const { token, userId } = world.users[n % world.users.length]!
        const body = bodyOf(await ask(sockets.client, 'GET', `${V3}/account/whoami`, token))
        if (body.user_id !== userId) throw new Error(`whoami is ${body.user_id}`)
      },
    }),
  },
  sync_idle: {
    title: 'incremental sync, nothing new',
    rate: 200,
    async make(context) {
      const readers = await readersOf(context)
      return {
        async request(n) {
          const { filter, since, token } = readers[n % readers.length]!
          const path = syncPath(filter, asNobodyAsked(since))
          const answer = bodyOf(await context.ask(context.sockets.sync, 'GET', path, token))
          if (Object.keys(answer.rooms?.join ?? {}).length > 0) throw new Error('there was something new')
        },
      }
    },
  },
  messages: {
    title: '/messages, 50 events',
    rate: 20,
    async make({ ask, sockets, world }) {
      const path = `${roomPath(world.rooms[0]!)}/messages?dir=b&limit=50`
      // Starting points all over the room.
      const from: string[] = []
      let at = ''
      for (let i = 0; i < 8; i++) {
        const answer = bodyOf(await ask(sockets.client, 'GET', `${path}${at && `&from=${at}`}`, world.users[0]!.token))
        from.push(at)
        at = answer.end
      }
      return {
        async request(n) {
          const start = from[n % from.length]!
          const { token } = world.users[n % world.users.length]!
          const answer = bodyOf(await ask(sockets.client, 'GET', `${path}${start && `&from=${start}`}`, token))
          if (answer.chunk.length < 50) throw new Error(`${answer.chunk.length} events`)
        },
      }
    },
  },
  sync_initial: {
    title: 'initial sync, 20 rooms',
    rate: 2,
    async make(context) {
      const { ask, sockets, world } = context
      const users = world.users.slice(0, IN_ALL_ROOMS)
      const filters: { readonly token: string; readonly filter: string }[] = []
      for (let i = 0; i < INITIAL_FILTERS; i++) {
        const user = users[i % users.length]!
        filters.push({ token: user.token, filter: await storeFilter(context, user, ++salt) })
      }
      return {
        async request(n) {
          const { token, filter } = filters[n % filters.length]!
          const answer = bodyOf(await ask(sockets.sync, 'GET', syncPath(filter), token))
          const rooms = Object.keys(answer.rooms.join).length
          if (rooms !== world.rooms.length) throw new Error(`${rooms} rooms`)
        },
      }
    },
  },
  sync_one: { title: 'incremental sync, one new message', rate: 30, make: syncOneMessage },
  delivery: { title: 'send → delivered in a long poll', rate: 5, make: delivery },
  send_1: { title: 'send, one room', rate: 12, make: send(1) },
  send_20: { title: 'send, 20 rooms', rate: 12, make: send(20) },
}
