/** What the groups of checks share: the deployment, three devices of two users, and the rooms they made. */

import type { AccessLog } from './access-log.ts'
import type { Edge } from './edge.ts'
import type { Installed } from './install.ts'
import type { Checks, Report } from './report.ts'
import type { Device, Sent, Traffic } from './session.ts'
import type { Topology } from './topology.ts'

export interface World {
  readonly installed: Installed
  readonly topology: Topology
  readonly edge: Edge
  readonly traffic: Traffic
  readonly log: AccessLog
  readonly report: Report
}

export interface Users {
  readonly alice: Device
  /** Alice's second device. */
  readonly tablet: Device
  readonly bob: Device
  readonly password: string
}

export interface Rooms {
  /** Public, with {@link alias}; alice made it, bob joined by the alias. */
  readonly lobby: string
  readonly alias: string
  /** Private; bob was invited and joined by its ID. */
  readonly study: string
}

export const pathOf = ({ target }: Sent): string => target.split('?', 1)[0]!

/**
 * Checks that the requests since `from` that `which` takes were served by `allowed` only, as these processes' logs say;
 * there must be one such request at least. Returns the processes.
 */
export const servedOnlyBy = async (
  t: Checks,
  { traffic, log }: World,
  what: string,
  allowed: readonly string[],
  which: (sent: Sent) => boolean,
  from = 0,
): Promise<readonly string[]> => {
  const processes = await traffic.servedBy(log, which, from)
  t.ok(processes.size > 0, `${what}: no such request was made`)
  const others = [...processes].filter(([name]) => !allowed.includes(name))
  t.ok(
    others.length === 0,
    `${what}: served by ${others.map(([name, n]) => `${name} (${n} times)`).join(', ')}, not only by ${allowed.join(', ')}`,
  )
  return [...processes.keys()]
}

/** The processes that write `stream`. */
export const writersOf = ({ topology }: World, stream: string): readonly string[] =>
  topology.processes.filter(({ streams }) => streams.includes(stream)).map(({ name }) => name)

/** The workers that write no stream and serve clients: where a request that any worker can serve belongs. */
export const genericWorkers = ({ topology }: World): readonly string[] =>
  topology.processes
    .filter((one) => one !== topology.main && one.streams.length === 0 && one.resources.includes('client'))
    .map(({ name }) => name)
