/** A process' streams, connected to the other processes'. */

import type { LiveStream } from '../streams/live-stream.ts'
import type { OpenStreams } from '../streams/make-live-streams.ts'
import type { FollowedStream } from './reader.ts'
import { type Replication, type ReplicationOptions, startReplication } from './replication.ts'

export interface ConnectOptions
  extends Pick<ReplicationOptions, 'connect' | 'commands' | 'onCommand' | 'onConnected' | 'onProblem' | 'counter'> {
  readonly streams: OpenStreams
}

/** To be called when everyone who listens to a stream does: what nobody listens to is not read. */
export function connectStreams({ streams, ...options }: ConnectOptions): Replication {
  const written = [...streams.all.values()].filter(({ isWriter }) => isWriter)
  const replication = startReplication({
    ...options,
    instance: streams.instance,
    followed: streams.followed().map(follow),
    written: written.map(({ name, positions, writers }) => ({ name, positions, announcesIdle: writers.length > 0 })),
  })
  streams.attach(replication.writer)
  return replication
}

function follow(stream: LiveStream): FollowedStream {
  const { name, definition, positions, fetch } = stream
  return {
    name,
    goesBackwards: definition.goesBackwards,
    positions,
    // Of a stream that nobody listens to only positions matter.
    fetch: stream.hasListeners() ? fetch : async (_instance, _from, upTo) => ({ rows: [], upTo, limited: false }),
    decode: definition.row.decode,
    onRows: (rows, position, writer) => stream.hear(rows as Parameters<LiveStream['hear']>[0], position, writer),
    onReset: stream.reset,
  }
}
