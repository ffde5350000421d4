/** Which process is to serve a request: what `router explain` says, held against what the processes logged. */

import { documented, documentedPool } from './documented.ts'
import { type Edge, router } from './edge.ts'
import { Failed } from './report.ts'
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

/** What `router explain --json` prints of a request, and the running router's admin address says: the one place that reads it. */
interface Explained {
  readonly operation?: string
  readonly pool: string
  readonly sticky?: string
  readonly upstreams: readonly string[]
}

const readExplained = (topology: Topology, { operation, pool, sticky, upstreams }: Explained): Expected => {
  const names = upstreams.map((address) => processAt(topology, address)?.name ?? `${address} (none of ours)`)
  return {
    ...(operation === undefined ? {} : { operation }),
    pool,
    processes: sticky === undefined ? names : names.slice(0, 1),
  }
}

/** The token goes into the query, which sticks as the header does: what explains has no headers. */
const withToken = ({ target, token }: Asked): string =>
  token === undefined ? target : `${target}${target.includes('?') ? '&' : '?'}access_token=${token}`

const askAdmin = async (topology: Topology, asked: Asked): Promise<Expected> => {
  const query = new URLSearchParams({ method: asked.method, target: withToken(asked) })
  const answer = await fetch(`http://127.0.0.1:${topology.edgeAdminPort}/explain?${query}`)
  const text = await answer.text()
  if (!answer.ok)
    throw new Failed(`the router does not explain ${asked.method} ${asked.target}: ${answer.status} ${text}`)
  return readExplained(topology, JSON.parse(text) as Explained)
}

/** As the command says it, without the running router. */
export const explainCommand = async (topology: Topology, edge: Edge, asked: Asked): Promise<Expected> => {
  const request = `${asked.method} ${withToken(asked)}`
  const printed = await router('router explain', 'explain', '--json', '--routes', edge.routesYaml!, request)
  return readExplained(topology, JSON.parse(printed) as Explained)
}

/** Expectations of all requests, in their order, from the running router. */
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
  const expected: Expected[] = []
  for (const one of asked) expected.push(await askAdmin(topology, one))
  return expected
}
