import { table } from '../../shared/endpoints/table.ts'
import type { Endpoint, EndpointClass } from '../../shared/endpoints/types.ts'
import { CLASSES } from '../routing/classes.ts'

const EXAMPLES = 3

/** The table of pools in `docs/endpoints.md`: what each takes, and who takes it where there is no such pool. */
export const printPools = (): string =>
  [
    '## Pools',
    '',
    'Without `routes:` of its own a configuration names its pools for classes of endpoints. All but `main` are optional.',
    '',
    '| pool | takes | without it | usual `sticky` |',
    '|---|---|---|---|',
    ...(Object.keys(CLASSES) as EndpointClass[]).filter((name) => name !== 'main').map(row),
    '| `generic` | what any worker may answer and no other pool here takes | main |  |',
    '| `main` | the rest: what only the main process answers, and what has no pool |  |  |',
    '',
  ].join('\n')

const row = (name: EndpointClass): string => {
  const { pools, sticky } = CLASSES[name]
  const endpoints = table
    .map(({ endpoint }) => endpoint)
    .filter((endpoint) => endpoint.class === name || endpoint.initialClass === name || isAnsweredBy(name, endpoint))
  const shown = [...new Set(endpoints.map(({ method, path }) => `\`${method} ${path}\``))]
  const more = shown.length > EXAMPLES ? ` and ${shown.length - EXAMPLES} more` : ''
  return `| \`${name}\` | ${shown.slice(0, EXAMPLES).join(', ')}${more} | ${name === 'mas' ? 'main' : withoutIt(pools.slice(1), endpoints)} | ${sticky ?? ''} |`
}

const isAnsweredBy = (name: EndpointClass, { mas }: Endpoint): boolean => name === 'mas' && mas === 'delegated'

const withoutIt = (others: readonly string[], endpoints: readonly Endpoint[]): string => {
  const isGeneric = endpoints.some(({ served }) => served === 'generic')
  const isMixed = isGeneric && endpoints.some(({ served }) => typeof served === 'object')
  return [...others, ...(isGeneric ? [isMixed ? 'generic what any worker may answer' : 'generic'] : []), 'main'].join(
    ', else ',
  )
}
