/**
 * `npm start`: the router in front of stand-in workers that say who they are, with requests to try. With
 * `--homeserver homeserver.yaml --workers 'workers/*.yaml'` it is the real thing instead: a routes.yaml is made from
 * Synapse's own files, printed where it lies, and the router runs on it.
 */

import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { importSynapse } from '../router/config/import.ts'
import { formatProblem } from '../router/config/load.ts'
import { run } from '../router/run.ts'
import { startUpstream, type Upstream } from './upstream.ts'

const USAGE = `npm start -- [options]
  --port 8080               where the router listens, on 127.0.0.1; 0: any free port
  --homeserver FILE         Synapse's homeserver.yaml: route to the real workers instead of the demonstration's
  --workers 'workers/*.yaml' its workers' files; may be repeated
  --routes FILE             where to write the routes.yaml (default: a temporary folder)`

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    homeserver: { type: 'string' },
    workers: { type: 'string', multiple: true, default: [] },
    routes: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** The demonstration's workers by pool. `presence` is a dead one: its port was free a moment ago. */
const WORKERS: Readonly<Record<string, readonly string[]>> = {
  main: ['main'],
  sync: ['sync1', 'sync2', 'sync3'],
  initial_sync: ['initial_sync1'],
  event_send: ['event_creator1', 'event_creator2', 'event_creator3'],
  federation_in: ['federation_in1', 'federation_in2'],
  generic: ['generic1', 'generic2'],
  typing: ['typing_writer'],
  media: ['media1', 'media2'],
}
const STICKY: Readonly<Record<string, string>> = {
  sync: 'user',
  initial_sync: 'user',
  event_send: 'room',
  federation_in: 'origin',
  media: 'media',
}

const deadPort = async (): Promise<number> => {
  const upstream = await startUpstream('dead')
  upstream.close()
  return upstream.port
}

const demonstrationRoutes = (upstreams: readonly Upstream[], dead: number): string => {
  const portOf = new Map(upstreams.map(({ name, port }) => [name, port]))
  const pools = Object.entries(WORKERS).map(([pool, names]) => {
    const workers = names.map((name) => `127.0.0.1:${portOf.get(name)}`).join(', ')
    const sticky = STICKY[pool] ? `, sticky: ${STICKY[pool]}` : ''
    return `  ${pool}: {workers: [${workers}]${sticky}}  # ${names.join(', ')}`
  })
  return [
    '# Written by `npm start` for its demonstration. Change it while the router runs, and it is read again.',
    'server_name: example.org',
    `listen: [http://127.0.0.1:${options.port}]`,
    'access_log: off',
    'pools:',
    ...pools,
    `  presence: {workers: [127.0.0.1:${dead}]}  # nobody listens there`,
    '',
  ].join('\n')
}

/** An access token as Synapse makes them: the user's localpart is in it. */
const token = (localpart: string): string =>
  `syt_${Buffer.from(localpart).toString('base64').replaceAll('=', '')}_demonstrationNotReal_0aBcDe`

/** Requests to try, each with what should be seen. */
const tour = (url: string, routesFile: string): string => {
  const client = `${url}/_matrix/client/v3`
  const as = (localpart: string) => `-H 'Authorization: Bearer ${token(localpart)}'`
  const room = '!demo:example.org'
  const encoded = encodeURIComponent(room).replace('!', '%21')
  const steps: readonly (readonly [what: string, ...commands: string[]])[] = [
    [
      'All syncs of a user reach one worker: whose they are is read from the access token',
      ...['alice', 'bob', 'carol'].map((who) => `curl -s '${client}/sync?since=s1' ${as(who)} | grep worker`),
    ],
    ['Without "since" it is an initial sync: other workers', `curl -s '${client}/sync' ${as('alice')} | grep worker`],
    [
      'All sends to a room reach one worker, however the room ID is encoded',
      `curl -s -X PUT -d '{"msgtype":"m.text","body":"hi"}' '${client}/rooms/${room}/send/m.room.message/1' ${as('alice')} | grep worker`,
      `curl -s -X PUT -d '{"msgtype":"m.text","body":"hi"}' '${client}/rooms/${encoded}/send/m.room.message/2' ${as('bob')} | grep worker`,
    ],
    [
      'Typing goes to the stream’s writer, and to nobody else',
      `curl -s -X PUT -d '{"typing":true}' '${client}/rooms/${room}/typing/@alice:example.org' ${as('alice')} | grep worker`,
    ],
    [
      'The target arrives byte for byte (federation signatures cover it)',
      `curl -s --path-as-is '${client}/rooms/${room}/state/m.x/..?a|b' ${as('alice')} | grep target`,
    ],
    [
      'A dead pool: an error that Matrix clients understand, with CORS headers',
      `curl -i '${client}/presence/@bob:example.org/status' ${as('alice')}`,
    ],
    [
      `A long poll outlives a reload: start it, change ${routesFile}, and wait`,
      `curl -s '${client}/sync?since=s1&timeout=20000' ${as('alice')} | grep -E 'worker|held'`,
    ],
    [
      'Why a request goes where it goes',
      `node bin/router.js explain --routes ${routesFile} 'PUT /_matrix/client/v3/rooms/${encoded}/send/m.room.message/1'`,
    ],
  ]
  return steps.map(([what, ...commands]) => [`# ${what}`, ...commands].join('\n')).join('\n\n')
}

const folder = mkdtempSync(join(tmpdir(), 'plexus-demo-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const routesFile = options.routes ?? join(folder, 'routes.yaml')

const demonstrate = async (): Promise<Upstream[]> => {
  const upstreams = await Promise.all(Object.values(WORKERS).flat().map(startUpstream))
  writeFileSync(routesFile, demonstrationRoutes(upstreams, await deadPort()))
  return upstreams
}

/** Synapse's files → routes.yaml. What was not understood, or looks wrong, is said on stderr. */
const importFiles = (homeserver: string): void => {
  const workers = options.workers.flatMap((pattern) => globSync(pattern)).sort()
  const read = (file: string) => ({ file, text: readFileSync(file, 'utf8') })
  const { text, problems } = importSynapse([read(homeserver)], workers.map(read))
  for (const problem of problems) console.error(formatProblem(problem))
  if (text === undefined) process.exit(1)
  writeFileSync(routesFile, text)
}

const main = async (): Promise<number> => {
  const upstreams: Upstream[] = []
  if (options.homeserver) importFiles(options.homeserver)
  else upstreams.push(...(await demonstrate()))
  try {
    return await run({
      routes: routesFile,
      logLevel: 'warn',
      onUp: (router) => introduce(router.listeners[0]!.url, upstreams),
    })
  } finally {
    for (const upstream of upstreams) upstream.close()
  }
}

const introduce = (url: string, upstreams: readonly Upstream[]): void => {
  if (options.homeserver) {
    console.log(`Routing to the workers of ${options.homeserver}, as ${routesFile} says: ${url}\nCtrl-C stops.`)
    return
  }
  console.log(
    `THIS IS A DEMONSTRATION: a router, ${upstreams.length} stand-in workers that echo what reaches them, and no homeserver.\n` +
      "For your own Synapse: npm start -- --homeserver homeserver.yaml --workers 'workers/*.yaml'\n\n" +
      `router   ${url}\nroutes   ${routesFile}\nworkers  ${upstreams.map(({ name, port }) => `${name} :${port}`).join(', ')}\n\n` +
      `Try, in another terminal:\n\n${tour(url, routesFile)}\n\nCtrl-C stops all.`,
  )
}

if (options.help) console.log(USAGE)
else process.exit(await main())
