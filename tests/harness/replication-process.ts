/**
 * A process in which instances write or follow one stream, for tests that cut the bus under it. The stream's rows are in a
 * table `things`; a reader notes the rows that it is given, in their order. Run with an array of {@link Given}, as JSON.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { accepted } from '../../shared/matrix/result.ts'
import type { BusHandlers } from '../../worker/replication/bus.ts'
import { connectPostgresBus } from '../../worker/replication/postgres-bus.ts'
import { connectRedisBus, type RedisConfig } from '../../worker/replication/redis-bus.ts'
import { startReplication } from '../../worker/replication/replication.ts'
import type { StreamIds } from '../../worker/streams/definitions.ts'
import { makeIdGenerator } from '../../worker/streams/id-generator.ts'
import { FETCH_LIMIT, type Fetch } from '../../worker/streams/updates.ts'

export interface Given {
  readonly instance: string
  readonly writers: readonly string[]
  readonly postgres: pg.ClientConfig
  /** Without it the bus is Postgres. */
  readonly redis?: RedisConfig
  readonly serverName: string
}

export type Row = readonly [instance: string, id: number, value: string]

export const thingsSchema = `
  drop schema public cascade; create schema public;
  create table stream_positions (stream_name text, instance_name text, stream_id bigint, unique (stream_name, instance_name));
  create table things (stream_id bigint, instance_name text, value text);
  create sequence things_seq; select nextval('things_seq')`

const ids: StreamIds = {
  positions: 'things',
  sequence: 'things_seq',
  columns: [{ table: 'things', id: 'stream_id', instance: 'instance_name' }],
  negative: false,
}

async function start({ instance, writers, postgres, redis, serverName }: Given): Promise<Asked> {
  const pool = new pg.Pool({ ...postgres, max: 4 })
  pool.on('error', () => {})
  const db = {
    rows: async <R>(sql: string, params: readonly unknown[] = []) =>
      (await pool.query(sql, params as unknown[])).rows as readonly R[],
  }
  const generator = await makeIdGenerator({
    db,
    ids,
    instance,
    writers,
    onFinished: (given, succeeded) =>
      succeeded ? replication.writer.advanced('things') : replication.writer.gaveUp('things', given),
  })
  const fetch: Fetch = async (writer, from, upTo) => {
    const rows = await db.rows<{ id: string; value: string }>(
      `select stream_id as id, value from things where instance_name = $1 and stream_id > $2 and stream_id <= $3
       order by stream_id, value limit ${FETCH_LIMIT}`,
      [writer, from, upTo],
    )
    const limited = rows.length === FETCH_LIMIT
    // Of the last ID there may be more rows; it is left for the next part.
    const last = limited ? Number(rows.at(-1)!.id) : undefined
    const whole = rows.map(({ id, value }) => [Number(id), [value]] as const).filter(([id]) => id !== last)
    return { rows: whole, upTo: last === undefined ? upTo : last - 1, limited }
  }
  const rows: Row[] = []
  const seen = { disconnects: 0, fetches: 0, acknowledged: 0, failed: 0 }
  const connect = (handlers: BusHandlers) => {
    const counting: BusHandlers = {
      ...handlers,
      onDisconnected() {
        seen.disconnects++
        handlers.onDisconnected()
      },
    }
    return redis === undefined
      ? connectPostgresBus({ connection: postgres }, counting)
      : connectRedisBus({ redis, serverName }, counting)
  }
  const replication = startReplication({
    instance,
    connect,
    written: writers.includes(instance)
      ? [{ name: 'things', positions: generator.positions, announcesIdle: true }]
      : [],
    followed: [
      {
        name: 'things',
        goesBackwards: false,
        positions: generator.positions,
        fetch: (writer, from, upTo) => {
          seen.fetches++
          return fetch(writer, from, upTo)
        },
        decode: (row) => accepted((row as string[])[0]!),
        onRows(values: readonly string[], token: number, writer: string) {
          for (const value of values) rows.push([writer, token, value])
        },
      },
    ],
    onProblem: () => {},
  })

  let isWriting = true
  let count = 0
  const write = async () => {
    while (isWriting) {
      const values = Array.from({ length: 1 + (count % 3) }, (_, index) => {
        const value = `${instance}-${count++}-${index}`
        return count % 50 === 0 ? value.padEnd(20_000, 'x') : value
      })
      try {
        await generator.write(1, async ([id]) => {
          await db.rows('insert into things select $1, $2, unnest($3::text[])', [id, instance, values])
          // In the order in which the table gives them back.
          replication.writer.stage(
            'things',
            id!,
            values.sort().map((value) => [value]),
          )
        })
        seen.acknowledged += values.length
      } catch {
        seen.failed++
        await sleep(20)
      }
      await sleep(2)
    }
  }
  let writing: Promise<unknown> = Promise.resolve()
  while (!replication.isConnected()) await sleep(5)
  return {
    async write() {
      writing = Promise.all([write(), write(), write()])
    },
    async stopWriting() {
      isWriting = false
      await writing
    },
    report: async () => ({
      rows,
      seen,
      positions: writers.map((name) => generator.positions.positionOf(name)),
      isConnected: replication.isConnected(),
    }),
  }
}

export interface Report {
  readonly rows: readonly Row[]
  readonly seen: Readonly<Record<'disconnects' | 'fetches' | 'acknowledged' | 'failed', number>>
  /** Of the writers, in their order. */
  readonly positions: readonly number[]
  readonly isConnected: boolean
}

export interface Asked {
  readonly write: () => Promise<void>
  readonly stopWriting: () => Promise<void>
  readonly report: () => Promise<Report>
}

type Question = { readonly id: number; readonly to: number; readonly what: keyof Asked }

/** One process; its instances are connected to the bus when it settles. It ends with the test. */
export async function startReplicationProcess(
  t: { after(fn: () => Promise<void>): void },
  given: readonly Given[],
): Promise<readonly Asked[]> {
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(given)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  t.after(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  await once(child, 'message')
  const waiting = new Map<number, (answer: unknown) => void>()
  child.on('message', ({ id, answer }: { id: number; answer: unknown }) => waiting.get(id)?.(answer))
  const ask = (to: number, what: keyof Asked) =>
    new Promise((resolve) => {
      const id = waiting.size
      waiting.set(id, resolve)
      child.send({ id, to, what } satisfies Question)
    })
  return given.map((_, index) => ({
    write: async () => void (await ask(index, 'write')),
    stopWriting: async () => void (await ask(index, 'stopWriting')),
    report: async () => (await ask(index, 'report')) as Report,
  }))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const started = await Promise.all((JSON.parse(process.argv[2]!) as Given[]).map(start))
  process.on('message', async ({ id, to, what }: Question) => {
    const answer = await started[to]![what]()
    process.send!({ id, answer: answer ?? null })
  })
  process.send!('ready')
}
