/** `docs/routes-yaml.md`, printed from the schema: `node router/config/reference.ts > docs/routes-yaml.md`. */

import type { Key, ObjectType } from '../../shared/config/decode.ts'
import {
  accessLogObject,
  fileObject,
  healthObject,
  listenObject,
  poolObject,
  routeObject,
  timeoutsObject,
  whenObject,
  workerObject,
} from './schema.ts'

type AnyObject = Pick<ObjectType<Readonly<Record<string, Key<unknown>>>>, 'keys'>

interface Section {
  readonly title: string
  readonly about: string
  readonly object: AnyObject
}

/** Every map of the file, outermost first. */
export const SECTIONS: readonly Section[] = [
  {
    title: 'The file',
    about:
      'Every mistake is told at once, with its line and column; a key that is not here is one. Keys that start with `x-` are passed over, as a place for anchors (`x-defaults: &d {…}`, then `<<: *d`).',
    object: fileObject,
  },
  { title: '`listen[]`', about: 'A listener that is more than its URL.', object: listenObject },
  {
    title: '`pools.{name}`',
    about:
      'Without `routes:` of your own a pool is named for the class of endpoints that it takes ([endpoints.md](endpoints.md#pools) lists them, `router table` shows all of their routes), or `generic`, which takes what any worker may serve and has no pool of its own. The rest goes to `main`; a stream writer’s endpoints never to `generic`.',
    object: poolObject,
  },
  { title: '`pools.{name}.workers[]`', about: 'A worker that is more than its address.', object: workerObject },
  {
    title: '`pools.{name}.timeouts`',
    about: 'Durations: `250ms`, `5s`, `2m`, `1h`; a bare number is milliseconds.',
    object: timeoutsObject,
  },
  { title: '`pools.{name}.health`', about: 'Questions to each worker, in between requests.', object: healthObject },
  { title: '`routes[]`', about: 'A route; the first that matches wins.', object: routeObject },
  { title: '`routes[].when`', about: 'Conditions on the query string.', object: whenObject },
  { title: '`access_log`', about: 'The long form of a file.', object: accessLogObject },
]

/** The example of the reference, which a test loads. */
export const EXAMPLE_FILE = `server_name: example.org
listen:
  - http://127.0.0.1:8080
trusted_proxies: [10.0.0.0/8]
admin: http://127.0.0.1:9180
pools:
  main:          {workers: [127.0.0.1:8008]}
  generic:       {workers: [127.0.0.1:8021, 127.0.0.1:8022], fallback: [main]}
  sync:          {workers: [127.0.0.1:8013, unix:/run/sync2.sock], sticky: user, fallback: [main]}
  initial_sync:  {workers: [127.0.0.1:8016], sticky: user, concurrency: 50, fallback: [sync, main]}
  event_send:    {workers: [127.0.0.1:8041, {address: 127.0.0.1:8042, weight: 2}], sticky: room, fallback: [main]}
  messages:      {workers: [127.0.0.1:8021, 127.0.0.1:8022], sticky: room, strict: true}
  federation_in: {workers: [127.0.0.1:8051, 127.0.0.1:8052], sticky: origin, fallback: [main]}
  typing:        {workers: [127.0.0.1:8061]}
`

/** A `|` ends a cell, even in code. */
const cell = (text: string): string => text.replaceAll('|', '\\|')
const code = (text: string): string => `\`${cell(text)}\``

const printKey = ([name, key]: readonly [string, Key<unknown>]): string => {
  const absent = key.required ? '**required**' : key.default !== undefined ? code(key.default) : cell(key.absent ?? '')
  return `| ${code(name)} | ${cell(key.type.expected)} | ${absent} | ${cell(key.doc)} | ${code(key.example)} |`
}

export const printReference = (): string =>
  [
    '# routes.yaml',
    '',
    'Printed from the schema in `router/config/schema.ts`; change it there.',
    '',
    'Everything but `listen` and `pools.main` has a default:',
    '',
    '```yaml',
    EXAMPLE_FILE.trimEnd(),
    '```',
    '',
    '`router check` says what is wrong or doubtful in a file, `router import` writes one from Synapse’s own.',
    ...SECTIONS.flatMap(({ title, about, object }) => [
      '',
      `## ${title}`,
      '',
      about,
      '',
      '| key | type | default | | example |',
      '|---|---|---|---|---|',
      ...Object.entries(object.keys).map(printKey),
    ]),
    '',
  ].join('\n')
