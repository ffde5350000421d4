/** What a process is for, as its configuration says: pure, so that a deployment can be judged before anything starts. */

import { mayServe, resourcesOf } from '../../shared/endpoints/serving.ts'
import { table } from '../../shared/endpoints/table.ts'
import type { EndpointClass } from '../../shared/endpoints/types.ts'
import type { Resource } from '../../shared/synapse-config/listener.ts'
import type { WorkerApp } from '../../shared/synapse-config/processes.ts'
import type { WorkerConfig, WriterStream } from './types.ts'

/** Its place among the processes that share a work by the hash of a key. */
export interface Share {
  readonly index: number
  readonly count: number
}

export interface Role {
  readonly isMain: boolean
  /** `master`, or the worker's name. */
  readonly name: string
  readonly app: WorkerApp
  readonly hasMediaRepo: boolean
  /** The streams that it writes, as `stream_writers` names them. */
  readonly writes: ReadonlySet<WriterStream>
  /** Its shares, where it has one: of rooms (events), destinations (federation), users (pushers). */
  readonly shares: { readonly events?: Share; readonly federation?: Share; readonly pushers?: Share }
  /** Work that one process does for all. */
  readonly jobs: {
    readonly backgroundTasks: boolean
    readonly appservices: boolean
    readonly userDirectory: boolean
    readonly mediaCleanup: boolean
  }
  /** May it ask other servers itself? */
  readonly asksServers: boolean
  /** What its listeners serve. */
  readonly resources: ReadonlySet<Resource>
  /** The classes of endpoints of which it answers at least one, itself or by asking the stream's writer. */
  readonly classes: ReadonlySet<EndpointClass>
}

const shareOf = (name: string, names: readonly string[]): Share | undefined => {
  const index = names.indexOf(name)
  return index === -1 ? undefined : { index, count: names.length }
}

export const roleOf = (config: WorkerConfig): Role => {
  const { instanceName: name, isMain, app, hasMediaRepo, streamWriters, duties, outboundFederation } = config
  const streams = Object.keys(streamWriters) as readonly WriterStream[]
  const writes = new Set(streams.filter((stream) => streamWriters[stream].includes(name)))
  const resources = new Set(config.listeners.flatMap((listener) => listener.resources))
  const events = shareOf(name, streamWriters.events)
  const federation = shareOf(name, duties.federationSenders)
  const pushers = shareOf(name, duties.pushers)
  const serving = { isMain, hasMediaRepo, isMasEnabled: false }
  return {
    isMain,
    hasMediaRepo,
    writes,
    resources,
    name,
    app,
    shares: { ...(events && { events }), ...(federation && { federation }), ...(pushers && { pushers }) },
    jobs: {
      backgroundTasks: duties.backgroundTasks === name,
      appservices: duties.appservices === name,
      userDirectory: duties.userDirectory === name,
      // Unless it is said who, whoever has media at hand.
      mediaCleanup:
        hasMediaRepo &&
        (duties.mediaCleanup === undefined ? isMain || resources.has('media') : duties.mediaCleanup === name),
    },
    asksServers: outboundFederation === undefined || outboundFederation.includes(name),
    classes: new Set(
      table
        .filter((entry) => mayServe(entry, serving) && resourcesOf(entry).some((resource) => resources.has(resource)))
        .flatMap(({ endpoint }) => [endpoint.class, ...(endpoint.initialClass ? [endpoint.initialClass] : [])]),
    ),
  }
}

/** One line: `persister1 (generic_worker): serves replication; writes events (1 of 2)`. */
export const describeRole = (config: WorkerConfig, role: Role): string => {
  const shared = (what: string, share: Share | undefined) =>
    share ? [share.count > 1 ? `${what} (${share.index + 1} of ${share.count})` : what] : []
  const { writes, shares, jobs } = role
  const parts = [
    role.resources.size > 0 ? `serves ${[...role.resources].join(', ')}` : 'serves nothing',
    ...(writes.size > 0
      ? [
          `writes ${[...writes].map((stream) => (stream === 'events' ? shared(stream, shares.events)[0] : stream)).join(', ')}`,
        ]
      : []),
    ...shared('sends to other servers', shares.federation),
    ...shared('sends notifications', shares.pushers),
    ...(jobs.appservices ? ['sends to application services'] : []),
    ...(jobs.userDirectory ? ['keeps the user directory'] : []),
    ...(jobs.backgroundTasks ? ['runs background tasks'] : []),
    ...(jobs.mediaCleanup ? ['removes old media'] : []),
  ]
  return `${config.instanceName} (${config.app}): ${parts.join('; ')}`
}
