/** Bus, reader and writer of a process, put together. */

import { type Bus, type BusHandlers, channelOf } from './bus.ts'
import { type Command, type CommandName, parseCommand, printCommand } from './commands.ts'
import { makeFilter } from './filter.ts'
import { type FollowedStream, makeReader, type Reader } from './reader.ts'
import { makeWriter, type Writer, type WrittenStream } from './writer.ts'

export interface ReplicationOptions {
  readonly instance: string
  readonly connect: (handlers: BusHandlers) => Bus
  readonly followed: readonly FollowedStream[]
  readonly written: readonly WrittenStream[]
  /** Commands that are handed to `onCommand`, besides those that streams need. */
  readonly commands?: readonly CommandName[]
  readonly onCommand?: (command: Command) => void
  /** The process is heard again: what it says only once (who syncs here) is to be said again. */
  readonly onConnected?: () => void
  readonly onProblem: (problem: string, error?: unknown) => void
  /** Told of every command that was read, or sent: for metrics. */
  readonly counter?: CommandCounter
}

export interface CommandCounter {
  readonly received: (command: Command) => void
  readonly sent: (command: Command) => void
}

export interface Replication {
  readonly writer: Writer
  readonly waitFor: Reader['waitFor']
  /** False: not sent, as there is no connection, or the command cannot be said. */
  readonly send: (command: Command) => boolean
  readonly isConnected: () => boolean
  readonly close: () => Promise<void>
}

export function startReplication(options: ReplicationOptions): Replication {
  const { instance, onProblem, counter } = options
  const isWanted = makeFilter({
    instance,
    streams: new Set(options.followed.map(({ name }) => name)),
    commands: new Set(options.commands),
  })

  const send = (command: Command): boolean => {
    const line = printCommand(command)
    if (!line.ok) {
      onProblem(`not sent: ${line.reason}`)
      return false
    }
    if (!bus.publish(channelOf(command), line.value)) return false
    counter?.sent(command)
    return true
  }
  const writer = makeWriter({ instance, streams: options.written, publish: send })
  const reader = makeReader({
    instance,
    streams: options.followed,
    askPositions: () => send({ name: 'REPLICATE' }),
    onProblem,
  })

  const receive = (line: string) => {
    if (!isWanted(line)) return
    const parsed = parseCommand(line)
    if (!parsed.ok) return onProblem(`a line of the bus cannot be read: ${parsed.reason}`)
    const command = parsed.value
    counter?.received(command)
    if (command.name === 'RDATA' || command.name === 'POSITION') reader.receive(command)
    else if (command.name === 'REPLICATE') writer.asked()
    else options.onCommand?.(command)
  }

  const bus = options.connect({
    onConnected() {
      writer.connected()
      send({ name: 'REPLICATE' })
      options.onConnected?.()
    },
    onLine: receive,
    onDisconnected: reader.disconnected,
    onProblem,
  })

  return {
    writer,
    waitFor: reader.waitFor,
    send,
    isConnected: bus.isConnected,
    async close() {
      reader.close()
      writer.close()
      await bus.close()
    },
  }
}
