/** Metrics of streams and of the bus, under Synapse's names, so that its dashboards show them. */

import type { LiveStream } from '../streams/live-stream.ts'
import { maxPosition } from '../streams/vector-clock.ts'
import type { Command, CommandName } from './commands.ts'
import type { CommandCounter } from './replication.ts'

export interface ReplicationMetrics extends CommandCounter {
  /** In Prometheus' text format. */
  readonly print: (streams: Iterable<LiveStream>, isConnected: boolean) => string
}

/** @param instance this process' name in labels, as Synapse's `name` */
export function makeReplicationMetrics(serverName: string, instance: string): ReplicationMetrics {
  const received = new Map<CommandName, number>()
  const sent = new Map<CommandName, number>()
  const rows = new Map<string, number>()
  const count = <Key>(counts: Map<Key, number>, key: Key) => void counts.set(key, (counts.get(key) ?? 0) + 1)
  const server = `server_name="${serverName}"`

  return {
    received(command: Command) {
      count(received, command.name)
      if (command.name === 'RDATA') count(rows, command.stream)
    },
    sent: ({ name }: Command) => count(sent, name),

    print(streams, isConnected) {
      const lines: string[] = []
      const add = (name: string, type: string, help: string, samples: Iterable<readonly [string, number]>) => {
        lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
        for (const [labels, value] of samples) lines.push(`${name}{${labels}} ${value}`)
      }
      const all = [...streams]
      const positioned = all.filter(({ definition }) => definition.ids !== undefined)
      const nameOf = ({ definition, name }: LiveStream) => definition.ids?.positions ?? name
      const byCommand = (counts: ReadonlyMap<CommandName, number>) =>
        [...counts].map(([command, value]) => [`command="${command}",name="${instance}",${server}`, value] as const)

      add(
        'synapse_storage_stream_current_position',
        'gauge',
        'Up to here every writer of the stream has written everything, as this process knows.',
        positioned.map((stream) => [`${server},stream_name="${nameOf(stream)}"`, stream.token().stream]),
      )
      add('synapse_event_persisted_position', 'gauge', 'The furthest position of the stream of events.', [
        [server, maxPosition(all.find(({ name }) => name === 'events')!.token())],
      ])
      add(
        'plexus_stream_writer_position',
        'gauge',
        'Where each writer of the stream is, as this process knows.',
        all.flatMap(({ name, writers, positions }) =>
          writers.map(
            (writer) => [`stream_name="${name}",writer="${writer}",${server}`, positions.positionOf(writer)] as const,
          ),
        ),
      )
      add(
        'plexus_stream_lag',
        'gauge',
        'How far the last writer of the stream is behind the first: what holds up readers.',
        all.map((stream) => {
          const token = stream.token()
          return [`stream_name="${stream.name}",${server}`, maxPosition(token) - token.stream]
        }),
      )
      add(
        'synapse_replication_tcp_protocol_inbound_rdata_count_total',
        'counter',
        'Rows of streams that this process follows.',
        [...rows].map(([stream, value]) => [`${server},stream_name="${stream}"`, value]),
      )
      add(
        'synapse_replication_tcp_protocol_inbound_commands_total',
        'counter',
        'Commands that were read. Those of no concern are dropped before.',
        byCommand(received),
      )
      add('synapse_replication_tcp_protocol_outbound_commands_total', 'counter', 'Commands sent.', byCommand(sent))
      add('synapse_replication_tcp_resource_total_connections', 'gauge', 'Whether the process is on the bus.', [
        [server, isConnected ? 1 : 0],
      ])
      return `${lines.join('\n')}\n`
    },
  }
}
