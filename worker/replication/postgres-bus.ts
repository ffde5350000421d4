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
  /** Opens one; or what it is told, where there is one way to connect alone. */
  readonly connection: (() => Promise<pg.Client>) | pg.ClientConfig
}

const channelName: Readonly<Record<Channel, string>> = { main: 'plexus_bus', USER_IP: 'plexus_bus_user_ip' }
const channelOfName = new Map(Object.entries(channelName).map(([channel, name]) => [name, channel as Channel]))

/** The limit less the number before the line. */
const MAX_LINE_BYTES = 7_900
/** Readers that have not fetched a long line by then are cut off anyway. */
const KEEP_LONG_LINES = '5 minutes'
/** Lines of one statement: it is parsed and delivered as one, and others wait for it. */
const MAX_BATCH = 500

const NOTIFY = `select pg_notify(channel, payload)
  from unnest($1::text[], $2::text[]) with ordinality as sent (channel, payload, at) order by at`
const TABLE = 'plexus_bus_long_lines'
const CREATE = `create unlogged table if not exists ${TABLE} (
  id bigint generated always as identity primary key, line text not null, sent_at timestamptz not null default now())`

/** Connects, and reconnects for ever until it is closed. */
export function connectPostgresBus({ connection, channels = [] }: PostgresBusOptions, handlers: BusHandlers): Bus {
  const listened = new Set<Channel>(['main', ...channels])
  const open = typeof connection === 'function' ? connection : () => openWith(connection)
  /** What can be sent over, once it listens. */
  let sender: Sender | undefined
  let stopCurrent = async () => {}
  let isClosed = false
  let isProblemTold = false
  let attempts = 0
  let retry: NodeJS.Timeout | undefined

  const tell = (error: unknown) => {
    if (isClosed || isProblemTold) return
    isProblemTold = true
    handlers.onProblem(`Postgres: ${(error as Error).message || (error as NodeJS.ErrnoException).code}`)
  }

  const lose = (error: unknown) => {
    if (isClosed) return
    tell(error)
    retry = setTimeout(connect, backOffMs(attempts++))
  }

  const listen = async (client: pg.Client) => {
    let [isUp, isOver] = [false, false]
    const end = () => {
      isOver = true
      sender = undefined
      stopPinging()
      return client.end().catch(() => {})
    }
    const broken = (error: unknown) => {
      if (isOver) return
      void end()
      if (isUp) handlers.onDisconnected()
      lose(error)
    }
    const stopPinging = keepAlive(client, broken)
    const receive = makeReceiver(client, (line) => !isOver && handlers.onLine(line), broken)
    client.on('error', broken)
    client.on('end', () => broken(new Error('the connection ended')))
    client.on('notification', ({ channel, payload }) => {
      const known = channelOfName.get(channel)
      if (isUp && !isOver && known !== undefined && listened.has(known)) receive(payload ?? '')
    })
    stopCurrent = async () => {
      await sender?.sent()
      await end()
    }
    try {
      await createTable(client)
      await client.query([...listened].map((channel) => `listen ${channelName[channel]}`).join('; '))
    } catch (error) {
      return broken(error)
    }
    if (isOver) return
    isUp = true
    isProblemTold = false
    attempts = 0
    sender = makeSender(client, broken)
    handlers.onConnected()
  }

  const connect = () => {
    const opening = open().then(async (client) => {
      if (isClosed) await client.end().catch(() => {})
      else void listen(client)
    })
    stopCurrent = () => opening.catch(() => {})
    opening.catch(lose)
  }
  connect()

  return {
    publish(channel, line) {
      if (sender === undefined) return false
      sender.send(channel, line)
      return true
    },
    isConnected: () => sender !== undefined,
    async close() {
      if (isClosed) return
      isClosed = true
      clearTimeout(retry)
      await stopCurrent()
    },
  }
}

async function openWith(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client({ application_name: 'plexus bus', ...config, keepAlive: true })
  const ignore = () => {}
  // Another may come after the one that it rejects with.
  client.on('error', ignore)
  await client.connect()
  client.off('error', ignore)
  return client
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
  return (payload: string): void => {
    const line = payload.slice(payload.indexOf(' ') + 1)
    if (waiting !== undefined) waiting.push(line)
    else if (line.startsWith('#')) void receiveAll(line)
    else onLine(line)
  }
}

interface Sender {
  readonly send: (channel: Channel, line: string) => void
  readonly sent: () => Promise<void>
}

/**
 * One statement at a time, with all lines that came meanwhile. If one fails, this connection sends nothing more: what came
 * after would hide what was lost.
 */
function makeSender(client: pg.Client, onFailed: (error: unknown) => void): Sender {
  let queue: { readonly channel: string; readonly line: string }[] = []
  let running: Promise<void> | undefined
  let count = 0
  let longLines = 0

  const store = async (line: string): Promise<string> => {
    const { rows } = await client.query<{ id: string }>(`insert into ${TABLE} (line) values ($1) returning id`, [line])
    if (longLines++ % 100 === 0)
      await client.query(`delete from ${TABLE} where sent_at < now() - interval '${KEEP_LONG_LINES}'`)
    return rows[0]!.id
  }
  const notify = async (batch: typeof queue) => {
    const payloads: string[] = []
    for (const { line } of batch) {
      const text = Buffer.byteLength(line) > MAX_LINE_BYTES ? `#${await store(line)}` : line
      payloads.push(`${(count++).toString(36)} ${text}`)
    }
    await client.query({
      name: 'plexus_bus_notify',
      text: NOTIFY,
      values: [batch.map(({ channel }) => channel), payloads],
    })
  }
  const run = async () => {
    try {
      while (queue.length > 0) await notify(queue.splice(0, MAX_BATCH))
    } catch (error) {
      onFailed(error)
    }
    queue = []
    running = undefined
  }
  return {
    send(channel, line) {
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
