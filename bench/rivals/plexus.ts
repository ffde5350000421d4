/** `routes.yaml` for the same groups of workers, routed by the built-in table or by the documented regexes as routes. */

import type { Setup } from '../contestants.ts'
import { DOCUMENTED, GROUPS } from './table.ts'

/** The groups of `table.ts` by the names that the built-in table has for their endpoints. */
const CLASSES: Readonly<Record<string, readonly string[]>> = {
  room: ['event_send', 'messages'],
  client: ['generic'],
  login: ['login', 'register'],
  federation: ['federation_read', 'federation_write', 'keys'],
  user_dir: ['user_directory'],
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

export const routesYaml = ({ port, upstreams, folder, log }: Setup, table: 'built-in' | 'documented'): string => {
  const pools = GROUPS.flatMap(({ name, hash }) =>
    (table === 'built-in' ? (CLASSES[name] ?? [name]) : [name]).map(
      (pool) =>
        `  ${pool}: {workers: [${upstreams[name]!.map((worker) => `127.0.0.1:${worker}`).join(', ')}]${hash ? `, sticky: ${hash}` : ''}}`,
    ),
  )
  const routes = DOCUMENTED.flatMap(([regex, group]) =>
    group === 'by since'
      ? [
          `  - {pool: initial_sync, match: ${quoted(regex)}, when: {initial_sync: true}}`,
          `  - {pool: sync, match: ${quoted(regex)}}`,
        ]
      : [`  - {pool: ${group}, match: ${quoted(regex)}}`],
  )
  return [
    'server_name: matrix.example.org',
    `listen: [http://127.0.0.1:${port}]`,
    `access_log: ${log ? `${folder}/plexus.access.log` : 'off'}`,
    'pools:',
    ...pools,
    ...(table === 'documented' ? ['routes:', ...routes] : []),
    '',
  ].join('\n')
}
