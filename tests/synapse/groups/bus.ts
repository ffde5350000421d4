/**
 * Plexus on the bus of the deployment, as one more process of it: it hears every line from the start, follows every stream
 * by the deployment's own tables and Redis, and must come to the positions that Synapse's metrics show.
 */

import pg from 'pg'
import { type CommandName, parseCommand, printCommand } from '../../../worker/replication/commands.ts'
import type { FollowedStream } from '../../../worker/replication/reader.ts'
import { connectRedisBus } from '../../../worker/replication/redis-bus.ts'
import { startReplication } from '../../../worker/replication/replication.ts'
import { replicationTail } from '../../../worker/replication/tail.ts'
import type { StreamTally } from '../../../worker/replication/tally.ts'
import {
  isStreamName,
  type StreamDefinition,
  type StreamName,
  streamNames,
  streams,
  writersOf,
} from '../../../worker/streams/definitions.ts'
import { makeIdGenerator } from '../../../worker/streams/id-generator.ts'
import type { Positions } from '../../../worker/streams/positions.ts'
import type { Topology } from '../topology.ts'
import type { World } from '../world.ts'

export interface BusFollower {
  readonly check: (world: World) => Promise<void>
  readonly close: () => Promise<void>
}

/** Streams whose positions are in the tables. */
const inTables = streamNames.filter((name) => streams[name].ids !== undefined)

export async function followBus(topology: Topology): Promise<BusFollower> {
  const redis = { host: '127.0.0.1', port: topology.redisPort }
  const lines: string[] = []
  const problems: string[] = []
  const heard = connectRedisBus(
    { redis, serverName: topology.serverName, channels: ['USER_IP'] },
    {
      onConnected() {},
      onLine: (line) => lines.push(line),
      onDisconnected: () => problems.push('the connection to Redis was lost'),
      onProblem: (problem) => problems.push(problem),
    },
  )
  const pool = new pg.Pool({
    user: 'synapse',
    database: 'synapse',
    host: '127.0.0.1',
    port: topology.postgresPort,
    max: 2,
  })
  const db = {
    rows: async <Row>(sql: string, params: readonly unknown[] = []) =>
      (await pool.query(sql, params as unknown[])).rows as readonly Row[],
  }
  const streamWriters: Record<string, string[]> = {}
  for (const { name, streams: written } of topology.processes)
    for (const stream of written) streamWriters[stream] = [...(streamWriters[stream] ?? []), name]

  const positions = new Map<StreamName, Positions>()
  const fetched = new Map<string, number>()
  const rows = new Map<string, number>()
  const followed: FollowedStream[] = []
  for (const name of inTables) {
    const definition: StreamDefinition = streams[name]
    const generator = await makeIdGenerator({
      db,
      ids: definition.ids!,
      instance: 'plexus1',
      writers: writersOf(definition, streamWriters),
    })
    positions.set(name, generator.positions)
    followed.push({
      name,
      goesBackwards: definition.goesBackwards,
      positions: generator.positions,
      async fetch(_instance, _from, upTo) {
        fetched.set(name, (fetched.get(name) ?? 0) + 1)
        return { rows: [], upTo, limited: false }
      },
      decode: definition.row.decode,
      onRows: (some) => void rows.set(name, (rows.get(name) ?? 0) + some.length),
    })
  }
  const replication = startReplication({
    instance: 'plexus1',
    connect: (handlers) => connectRedisBus({ redis, serverName: topology.serverName }, handlers),
    followed,
    written: [],
    onProblem: (problem) => problems.push(problem),
  })

  const check = async ({ report }: World): Promise<void> => {
    await report.group(
      'every line of the bus is read and would be written the same, every row by its layout',
      async (t) => {
        const commands = new Map<CommandName, number>()
        const withRows = new Map<string, number>()
        for (const line of lines) {
          const command = parseCommand(line)
          t.ok(command.ok, `a line is not read: ${line.slice(0, 80)}`)
          if (!command.ok) continue
          commands.set(command.value.name, (commands.get(command.value.name) ?? 0) + 1)
          const again = printCommand(command.value)
          t.equal(again.ok ? again.value : again.reason, line, 'written again')
          if (command.value.name !== 'RDATA') continue
          const { stream, row } = command.value
          t.ok(isStreamName(stream), `an unknown stream: ${stream}`)
          const decoded = streams[stream as StreamName].row.decode(row)
          t.ok(decoded.ok, `a row of ${stream} is not read: ${JSON.stringify(row)}`)
          withRows.set(stream, (withRows.get(stream) ?? 0) + 1)
        }
        t.note([...commands].map(([name, count]) => `${count} ${name}`).join(', '))
        t.note(`rows: ${[...withRows].map(([name, count]) => `${name} ${count}`).join(', ')}`)
      },
    )

    await report.group("positions come to what Synapse's metrics show", async (t) => {
      // Of `caches` every process has a view of its own, and none tells the others if it has nothing to say.
      const compared = inTables.filter((name) => name !== 'caches')
      let [ours, tail, theirs] = [{}, {}, {}]
      await t
        .until(
          'positions are equal',
          async () => {
            const shown = await metrics(topology)
            const said = await tailOnce(topology)
            ours = Object.fromEntries(compared.map((name) => [name, positions.get(name)!.persistedUpTo()]))
            tail = Object.fromEntries(compared.map((name) => [name, said.get(name)?.least]))
            theirs = Object.fromEntries(compared.map((name) => [name, shown.get(streams[name].ids!.positions)]))
            return JSON.stringify(ours) === JSON.stringify(theirs) && JSON.stringify(tail) === JSON.stringify(theirs)
          },
          30_000,
        )
        .catch((error: Error) => {
          const parts = { ours, tail, theirs }
          error.message += ` ${Object.entries(parts)
            .map(([who, what]) => `${who} ${JSON.stringify(what)}`)
            .join(', ')}`
          throw error
        })
      t.equal(JSON.stringify(ours), JSON.stringify(theirs), 'positions')
      t.equal(problems, [], 'problems')
      t.note(`fetches: ${[...fetched].map(([name, count]) => `${name} ${count}`).join(', ') || 'none'}`)
      t.note(JSON.stringify(theirs))
    })
  }
  return {
    check,
    async close() {
      await Promise.all([heard.close(), replication.close()])
      await pool.end()
    },
  }
}

/** Main's gauge of each stream, by the stream's name in `stream_positions`. */
async function metrics({ main }: Topology): Promise<ReadonlyMap<string, number>> {
  const page = await (await fetch(`http://127.0.0.1:${main.port}/_synapse/metrics`)).text()
  const gauge = /^synapse_storage_stream_current_position\{(.*)\} (\S+)$/gm
  return new Map(
    [...page.matchAll(gauge)].map(([, labels, value]) => [/stream_name="([^"]*)"/.exec(labels!)![1]!, Number(value)]),
  )
}

/** What `replication-tail` prints. */
async function tailOnce({ redisPort, serverName }: Topology): Promise<ReadonlyMap<string, StreamTally>> {
  const printed: string[] = []
  await replicationTail({
    connect: (handlers) => connectRedisBus({ redis: { host: '127.0.0.1', port: redisPort }, serverName }, handlers),
    once: true,
    format: 'json',
    print: (line) => printed.push(line),
    problem() {},
  })
  const { streams: all } = JSON.parse(printed[0] ?? '{"streams":[]}') as { streams: StreamTally[] }
  return new Map(all.map((one) => [one.stream, one]))
}
