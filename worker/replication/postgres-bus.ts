/**
 * The bus on Postgres, for a server without Redis: LISTEN and NOTIFY on one connection of its own, which must be a direct
 * one (PgBouncer in transaction mode has no LISTEN).
 *
 * A payload is `<number> <line>`: Postgres delivers equal payloads of a transaction once, but equal lines may both be meant.
 * Payloads have a limit of 8,000 bytes; a longer line goes as a row of a table, and the payload is `<number> #<row>`.
 */

import pg from 'pg'
import {
  type Bus,
  type BusHandlers,
  type BusOptions,
  backOffMs,
  type Channel,
  PING_INTERVAL_MS,
  PING_TIMEOUT_MS,
} from './bus.ts'

export interface PostgresBusOptions extends BusOptions {
  readonly connection: pg.ClientConfig
}

const channelName: Readonly<Record<Channel, string>> = { main: 'plexus_bus', USER_IP: 'plexus_bus_user_ip' }
const channelOfName = new Map(Object.entries(channelName).map(([channel, name]) => [name, channel as Channel]))

/** The limit less the number before the line. */
const MAX_LINE_BYTES = 7_900
/** Readers that have not fetched a long line by then are cut off anyway. */
const KEEP_LONG_LINES = '5 minutes'
/** Lines of one statement: it is parsed and delivered as one, and others wait for it. */
const MAX_BATCH = 500

const TABLE = 'plexus_bus_long_lines'
const CREATE = `create unlogged table if not exists ${TABLE} (
  id bigint generated always as identity primary key, line text not null, sent_at timestamptz not null default now())`

/** Connects, and reconnects for ever until it is closed. */
export function connectPostgresBus({ connection, channels = [] }: PostgresBusOptions, handlers: BusHandlers): Bus {
  const listened = new Set<Channel>(['main', ...channels])
  let client: pg.Client | undefined
  let isClosed = false
  let isProblemTold = false
  let attempts = 0
  let retry: NodeJS.Timeout | undefined

  const tell = (error: unknown) => {
    if (isClosed || isProblemTold) return
    isProblemTold = true
    handlers.onProblem(`Postgres: ${(error as Error).message || (error as NodeJS.ErrnoException).code}`)
  }

  const connect = async () => {
    const fresh = new pg.Client({ ...connection, keepAlive: true })
    let isUp = false
    const lose = (error: unknown) => {
      if (current !== fresh) return
      current = undefined
      client = undefined
      stop()
      fresh.end().catch(() => {})
      tell(error)
      if (isUp && !isClosed) handlers.onDisconnected()
      if (!isClosed) retry = setTimeout(connect, backOffMs(attempts++))
    }
    let current: pg.Client | undefined = fresh
    const receiver = makeReceiver(fresh, handlers.onLine, lose)
    const stop = keepAlive(fresh, lose)
    fresh.on('error', lose)
    fresh.on('end', () => lose(new Error('the connection ended')))
    fresh.on('notification', ({ channel, payload }) => {
      const known = channelOfName.get(channel)
      if (isUp && known !== undefined && listened.has(known)) receiver.receive(payload ?? '')
    })
    try {
      await fresh.connect()
      await createTable(fresh)
      await fresh.query([...listened].map((channel) => `listen ${channelName[channel]}`).join('; '))
      if (isClosed) {
        await fresh.end()
        return
      }
      client = fresh
      isUp = true
      isProblemTold = false
      attempts = 0
      handlers.onConnected()
    } catch (error) {
      lose(error)
    }
  }

  const sender = makeSender(() => client)
  void connect()

  return {
    publish(channel, line) {
      if (client === undefined) return false
      sender.send(channel, line)
      return true
    },
    isConnected: () => client !== undefined,
    async close() {
      if (isClosed) return
      isClosed = true
      clearTimeout(retry)
      await sender.sent()
      await client?.end().catch(() => {})
    },
  }
}

/** Processes that start together would both create it, and one of them fail: they take turns. */
async function createTable(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ exists: boolean }>(`select to_regclass('${TABLE}') is not null as exists`)
  if (rows[0]?.exists) return
  await client.query(`begin; select pg_advisory_xact_lock(hashtext('${TABLE}')); ${CREATE}; commit`)
}

/** Lines in their order: those that come after a long one wait until it is fetched. */
function makeReceiver(client: pg.Client, onLine: (line: string) => void, onFailed: (error: unknown) => void) {
  let waiting: string[] | undefined

  const fetchLong = async (id: string): Promise<string | undefined> => {
    const { rows } = await client.query<{ line: string }>({
      name: 'plexus_bus_long_line',
      text: `select line from ${TABLE} where id = $1`,
      values: [id],
    })
    return rows[0]?.line
  }
  const receiveAll = async (first: string) => {
    waiting = [first]
    try {
      for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) {
        const whole = line.startsWith('#') ? await fetchLong(line.slice(1)) : line
        // Thrown away since: lines are missing, and must not be missing in silence.
        if (whole === undefined) throw new Error('a long line of the bus is gone')
        onLine(whole)
      }
    } catch (error) {
      onFailed(error)
    }
    waiting = undefined
  }
  return {
    receive(payload: string) {
      const line = payload.slice(payload.indexOf(' ') + 1)
      if (waiting !== undefined) waiting.push(line)
      else if (line.startsWith('#')) void receiveAll(line)
      else onLine(line)
    },
  }
}

/** One statement at a time, with all lines that came meanwhile. */
function makeSender(client: () => pg.Client | undefined) {
  const queue: { channel: string; line: string }[] = []
  let running: Promise<void> | undefined
  let count = 0
  let longLines = 0

  const statement = async (to: pg.Client, batch: readonly { channel: string; line: string }[]) => {
    const payloads: string[] = []
    for (const { line } of batch) {
      const text = Buffer.byteLength(line) > MAX_LINE_BYTES ? `#${await store(to, line)}` : line
      payloads.push(`${(count++).toString(36)} ${text}`)
    }
    await to.query({
      name: 'plexus_bus_notify',
      text: 'select pg_notify(channel, payload) from unnest($1::text[], $2::text[]) with ordinality as sent (channel, payload, at) order by at',
      values: [batch.map(({ channel }) => channel), payloads],
    })
  }
  const store = async (to: pg.Client, line: string): Promise<string> => {
    const { rows } = await to.query<{ id: string }>(`insert into ${TABLE} (line) values ($1) returning id`, [line])
    if (longLines++ % 100 === 0)
      await to.query(`delete from ${TABLE} where sent_at < now() - interval '${KEEP_LONG_LINES}'`)
    return rows[0]!.id
  }
  const run = async () => {
    while (queue.length > 0) {
      const batch = queue.splice(0, MAX_BATCH)
      const to = client()
      // Not sent: readers find out by the position that is announced when there is a connection again.
      if (to === undefined) continue
      // A statement that failed for another reason than the connection would be a bug; its lines are lost all the same.
      await statement(to, batch).catch((error) => to.emit('error', error as Error))
    }
    running = undefined
  }
  return {
    send(channel: Channel, line: string) {
      queue.push({ channel: channelName[channel], line })
      running ??= Promise.resolve().then(run)
    },
    sent: () => running ?? Promise.resolve(),
  }
}

function keepAlive(client: pg.Client, onDead: (error: unknown) => void): () => void {
  const timer = setInterval(() => {
    const deadline = setTimeout(() => onDead(new Error('no answer')), PING_TIMEOUT_MS)
    client
      .query('select 1')
      .catch(() => {})
      .finally(() => clearTimeout(deadline))
  }, PING_INTERVAL_MS)
  return () => clearInterval(timer)
}
