/** Which process is to serve a request: what `router explain` says, held against what the processes logged. */

import type { Sticky } from '../../shared/endpoints/types.ts'
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
  /** The processes that may have served it: one, where the key is known to which the pool sticks. */
  readonly processes: readonly string[]
}

/** Of what `router explain --json` prints, and the running router's admin address says, what is read here. */
interface Explained {
  readonly rule?: { readonly name: string } | string
  readonly pools: readonly {
    readonly pool: string
    readonly key?: { readonly sticky: Sticky }
    /** Best first. */
    readonly workers: readonly { readonly name: string }[]
  }[]
}

/** What explains is not told where the request came from, nor who signed it. */
const UNKNOWN_KEYS: readonly Sticky[] = ['source_ip', 'origin']

const readExplained = (topology: Topology, { rule, pools }: Explained): Expected => {
  const [pool] = pools
  if (!pool) return { pool: 'none: the router answers itself', processes: [] }
  const names = pool.workers.map(({ name }) => processAt(topology, name)?.name ?? `${name} (none of ours)`)
  return {
    ...(typeof rule === 'object' ? { operation: rule.name } : {}),
    pool: pool.pool,
    processes: pool.key && !UNKNOWN_KEYS.includes(pool.key.sticky) ? names.slice(0, 1) : names.sort(),
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
