/** Which process is to serve a request: what `router explain` says, held against what the processes logged. */

import { documented, documentedPool } from './documented.ts'
import { type Edge, router } from './edge.ts'
import { processAt, type Topology } from './topology.ts'

export interface Asked {
  readonly method: string
  /** Path and query, as sent. */
  readonly target: string
  readonly token?: string | undefined
}

export interface Expected {
  readonly operation?: string
  readonly pool: string
  /** The processes that may have served it. One, when the pool is sticky: the first of its order. */
  readonly processes: readonly string[]
}

/** What `router explain --json` prints of a request. */
interface Explained {
  readonly operation?: string
  readonly pool: string
  readonly sticky?: string
  readonly key?: string
  /** Best first. */
  readonly upstreams: readonly string[]
}

const fromExplained = (topology: Topology, { operation, pool, sticky, upstreams }: Explained): Expected => {
  const names = upstreams.map(
    (address) => processAt(topology, address)?.name ?? `${address} (no process of the deployment)`,
  )
  return {
    ...(operation === undefined ? {} : { operation }),
    pool,
    processes: sticky === undefined ? names : names.slice(0, 1),
  }
}

const explainOne = async (
  topology: Topology,
  routesYaml: string,
  { method, target, token }: Asked,
): Promise<Expected> => {
  const printed = await router(
    'router explain',
    'explain',
    '--json',
    '--routes',
    routesYaml,
    ...(token === undefined ? [] : ['--header', `Authorization: Bearer ${token}`]),
    `${method} ${target}`,
  )
  return fromExplained(topology, JSON.parse(printed) as Explained)
}

/** Expectations of all requests, in their order; equal questions are asked once. */
export const expectedProcesses = async (
  topology: Topology,
  edge: Edge,
  asked: readonly Asked[],
): Promise<readonly Expected[]> => {
  if (edge.kind === 'nginx') {
    const control = documented(topology)
    return asked.map(({ method, target }) => {
      const pool = documentedPool(control, method, target)
      return { pool, processes: control.pools[pool]!.workers.map((worker) => processAt(topology, worker)!.name) }
    })
  }
  const answers = new Map<string, Promise<Expected>>()
  const waiting: (() => Promise<unknown>)[] = []
  const results = asked.map((one) => {
    const key = JSON.stringify(one)
    const known = answers.get(key)
    if (known) return known
    const answer = new Promise<Expected>((resolve, reject) => {
      waiting.push(() => explainOne(topology, edge.routesYaml!, one).then(resolve, reject))
    })
    answers.set(key, answer)
    return answer
  })
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await next()
    }),
  )
  return Promise.all(results)
}
