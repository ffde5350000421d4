import { type TableEntry, table } from '../../shared/endpoints/table.ts'
import type { Endpoint, SynapseVersion } from '../../shared/endpoints/types.ts'
import { unserved } from '../../shared/endpoints/unserved.ts'
import { printPools } from './print-pools.ts'

const HEADINGS: Readonly<Record<string, string>> = {
  client: 'Client-server API',
  media: 'Media',
  federation: 'Server-server API',
  key: 'Server keys',
  'well-known': 'Well-known files',
  'synapse-client': "Synapse's pages and callbacks for browsers",
  admin: "Synapse's admin API",
}

const INTRODUCTION = `# Endpoints

Printed from \`shared/endpoints\` by \`npm run table\`; edit the table, not this file.

- **Class**: the pool of this name takes the endpoint; without one, the pools below. \`sync / initial_sync\`: the second where
  a request starts from nothing (no \`since\`, or \`full_state=true\`).
- **Served by**: \`main\` alone; \`generic\`, any worker; \`media\`, a media repository; \`sso\`, one process and always the same;
  or the writer of a stream: *only*, as another process answers 500, or *best*, as another one forwards at the price of a hop.
- **Workers**: the Synapse releases in which a worker serves it, and whether authentication delegated to the Matrix
  Authentication Service (MAS) takes it away, brings it, or answers it.
- **Replay**: whether a request that was sent but not answered may be sent again: to any worker, to the same, or never.
`

/** All of `docs/endpoints.md`. */
export const printEndpoints = (): string =>
  [
    INTRODUCTION,
    printUnserved(),
    printPools(),
    ...Object.entries(HEADINGS).map(([folder, heading]) => section(folder, heading)),
  ].join('\n')

/** By reason. */
function printUnserved(): string {
  const byReason = Map.groupBy(Object.keys(unserved), (name) => unserved[name]!)
  return [
    '## What the workers do not serve',
    '',
    "Of the client-server API and Synapse's pages for browsers. Media, federation and most of the admin API are not there yet.",
    '',
    ...[...byReason].map(([reason, names]) => `- ${reason}: ${names.map((name) => `\`${name}\``).join(', ')}`),
    '',
  ].join('\n')
}

const section = (folder: string, heading: string): string => {
  const entries = table.filter(({ file }) => file.startsWith(`${folder}/`))
  return [
    `## ${heading}`,
    '',
    '| operation | file | method | prefixes | path | class | served by | sticky | workers | replay |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...entries.map(row),
    '',
  ].join('\n')
}

const row = ({ name, file, endpoint }: TableEntry): string => {
  const cells = [
    name,
    `\`${file}\``,
    endpoint.method,
    endpoint.under.map((prefix) => `\`${prefix}\``).join(' '),
    `\`${endpoint.path}${endpoint.optionalSlash ? '[/]' : ''}\``,
    endpoint.initialClass === undefined ? endpoint.class : `${endpoint.class} / ${endpoint.initialClass}`,
    servedBy(endpoint),
    endpoint.sticky ?? '',
    workers(endpoint),
    endpoint.replay ?? (endpoint.method === 'GET' ? 'any' : 'never'),
  ]
  return `| ${cells.join(' | ')} |`
}

const servedBy = ({ served }: Endpoint): string =>
  typeof served === 'string' ? served : `writer of ${served.writer}, ${served.hard ? 'only' : 'best'}`

const workers = ({ since, until, mas }: Endpoint): string =>
  [
    ...(since === undefined ? [] : [`from ${release(since)}`]),
    ...(until === undefined ? [] : [`until ${release(until)}`]),
    ...(mas === undefined ? [] : [{ on: 'only with MAS', off: 'not with MAS', delegated: 'MAS answers' }[mas]]),
  ].join(', ')

const release = ([major, minor]: SynapseVersion): string => `${major}.${minor}`
