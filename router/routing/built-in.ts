import { type TableEntry, table } from '../../shared/endpoints/table.ts'
import type { Endpoint, EndpointClass, SynapseVersion } from '../../shared/endpoints/types.ts'
import { isBefore } from '../../shared/endpoints/version.ts'
import { type BuiltInPool, CLASSES } from './classes.ts'
import { parameterName, patternOf } from './pattern-of.ts'
import type { Rule } from './rule.ts'

/** The newest Synapse release that the endpoint table was checked against; a later one is routed like it. */
export const NEWEST_SYNAPSE: SynapseVersion = [1, 163]

export interface Deployment {
  readonly version: SynapseVersion
  /** Is authentication delegated to the Matrix Authentication Service? */
  readonly mas: boolean
  /** Names of the configured pools. `main` is always there, named or not. */
  readonly pools: ReadonlySet<string>
}

/**
 * The rules of a `routes.yaml` without `routes:`, in the order of {@link CLASSES} and, in a class, with literal segments
 * before parameters. A request that none matches is main's. Patterns of two classes never match the same method and path
 * (`tests/router/built-in.test.ts`), so only that last order decides anything.
 */
export const builtInRules = (deployment: Deployment): readonly Rule[] => {
  const seen = new Set<string>()
  return inOrder(table).flatMap((entry) => {
    const match = patternOf(entry.endpoint)
    // The specification has two operations on one path for the variants of a body (`inviteUser`, `inviteBy3PID`).
    const key = `${entry.endpoint.method} ${match}`
    if (seen.has(key)) return []
    seen.add(key)
    return rulesOf(entry, match, deployment)
  })
}

const rulesOf = ({ name, endpoint }: TableEntry, match: string, deployment: Deployment): readonly Rule[] => {
  const pool = poolOf(endpoint, endpoint.class, deployment)
  const rule: Rule = { match, methods: [endpoint.method], pool, name, endpoint, ...stickyIn(pool, endpoint) }
  if (endpoint.initialClass === undefined) return [rule]
  const initialPool = poolOf(endpoint, endpoint.initialClass, deployment)
  if (initialPool === pool) return [rule]
  return [{ ...rule, when: { initialSync: true }, pool: initialPool }, rule]
}

const poolOf = (endpoint: Endpoint, asClass: EndpointClass, deployment: Deployment): BuiltInPool => {
  const { mas, pools } = deployment
  if (mas && endpoint.mas === 'delegated') return pools.has('mas') ? 'mas' : 'main'
  if (endpoint.served === 'main' || !onWorkers(endpoint, deployment)) return 'main'
  const own = CLASSES[asClass].pools.find((pool) => pools.has(pool))
  return own ?? (endpoint.served === 'generic' && pools.has('generic') ? 'generic' : 'main')
}

/** False where no worker has the endpoint: in another release, or with or without MAS. Main then gives the error. */
const onWorkers = ({ since, until, mas }: Endpoint, deployment: Deployment): boolean =>
  !(since !== undefined && isBefore(deployment.version, since)) &&
  !(until !== undefined && isBefore(until, deployment.version)) &&
  !(mas === 'on' && !deployment.mas) &&
  !(mas === 'off' && deployment.mas)

/** The endpoint's key where it is not the one that a pool of this name has anyway; main is one process. */
const stickyIn = (pool: BuiltInPool, { sticky }: Endpoint): Pick<Rule, 'sticky'> => {
  const usual = pool === 'generic' ? undefined : CLASSES[pool].sticky
  return sticky === undefined || pool === 'main' || sticky === usual ? {} : { sticky }
}

const classOrder: ReadonlyMap<string, number> = new Map(Object.keys(CLASSES).map((name, position) => [name, position]))

/** `0` for a literal segment, `1` for a parameter: of two paths with as many segments, the more literal comes first. */
const shapeOf = ({ path }: Endpoint): string =>
  path
    .split('/')
    .map((segment) => (parameterName(segment) === undefined ? '0' : '1'))
    .join('')

const inOrder = (entries: readonly TableEntry[]): readonly TableEntry[] =>
  entries
    .map((entry) => ({ entry, rank: classOrder.get(entry.endpoint.class)!, shape: shapeOf(entry.endpoint) }))
    .sort((a, b) => a.rank - b.rank || (a.shape < b.shape ? -1 : a.shape > b.shape ? 1 : 0))
    .map(({ entry }) => entry)
