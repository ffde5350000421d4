/**
 * `npm run demo`: the router in front of stand-in workers that say who they are, with requests to try. With
 * `--homeserver homeserver.yaml --workers 'workers/*.yaml'` it is the real thing instead: a routes.yaml is made from
 * Synapse's own files, printed where it lies, and the router runs on it.
 */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { importSynapse } from '../router/config/import.ts'
import { run } from '../router/run.ts'
import { formatProblem } from '../shared/config/problem.ts'
import { readConfigFiles, readWorkerFiles } from '../shared/synapse-config/sources.ts'
import { startUpstream, type Upstream } from './upstream.ts'

const USAGE = `npm run demo -- [options]
  --port PORT               where the router listens, on 127.0.0.1; 0: any free port (default: 8080)
  --homeserver FILE         Synapse's homeserver.yaml: route to the real workers instead of the demonstration's;
                            a folder of such files too; may be repeated, later files win
  --workers PATTERN         its workers' files, 'workers/*.yaml'; a folder too; may be repeated
  --routes FILE             where to write the routes.yaml (default: a temporary folder)`

function refuse(mistake: string): never {
  console.error(mistake)
  process.exit(1)
}

const readOptions = () => {
  try {
    return parseArgs({
      options: {
        port: { type: 'string' },
        homeserver: { type: 'string', multiple: true, default: [] },
        workers: { type: 'string', multiple: true, default: [] },
        routes: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return refuse(`${(error as Error).message.split('. ')[0]}\n\n${USAGE}`)
  }
}
const options = readOptions()
const isDemonstration = options.homeserver.length === 0
if (isDemonstration && options.workers.length > 0) refuse(`--workers needs --homeserver\n\n${USAGE}`)
if (options.port !== undefined && !(/^\d{1,5}$/.test(options.port) && Number(options.port) < 65536))
  refuse(`--port ${options.port}: expected a number from 0 to 65535`)
// npm runs scripts in the package's folder: paths are meant from where it was called.
if (process.env.INIT_CWD !== undefined) process.chdir(process.env.INIT_CWD)

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
    '# Written by `npm run demo` for its demonstration. Change it while the router runs, and it is read again.',
    'server_name: example.org',
    `listen: [http://127.0.0.1:${options.port ?? 8080}]`,
    'admin: http://127.0.0.1:0',
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
const tour = (url: string, admin: string, routesFile: string): string => {
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
      `node ${relative('.', join(dirname(import.meta.dirname), 'bin/router.js'))} explain --routes ${routesFile} 'PUT /_matrix/client/v3/rooms/${encoded}/send/m.room.message/1'`,
    ],
    [
      'Who is up, and what was served',
      `curl -s ${admin}/pools`,
      `curl -s ${admin}/metrics | grep router_worker_requests`,
    ],
  ]
  return steps.map(([what, ...commands]) => [`# ${what}`, ...commands].join('\n')).join('\n\n')
}

const folder = mkdtempSync(join(tmpdir(), 'plexus-demo-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const routesFile = options.routes ?? join(folder, 'routes.yaml')
if (options.routes !== undefined && existsSync(options.routes))
  refuse(`--routes ${options.routes}: is there already. To run it: npx router --routes ${options.routes}`)

const demonstrate = async (): Promise<Upstream[]> => {
  const upstreams = await Promise.all(Object.values(WORKERS).flat().map(startUpstream))
  writeFileSync(routesFile, demonstrationRoutes(upstreams, await deadPort()))
  return upstreams
}

/** Synapse's files → routes.yaml. What was not understood, or looks wrong, is said on stderr. */
const importFiles = (): void => {
  const shared = readConfigFiles(options.homeserver)
  if (typeof shared === 'string') refuse(shared)
  const workers = readWorkerFiles(options.workers)
  if (typeof workers === 'string') refuse(workers)
  const port = options.port === undefined ? undefined : Number(options.port)
  const { text, problems } = importSynapse(shared, workers, port)
  for (const problem of problems) console.error(formatProblem(problem))
  if (text === undefined) process.exit(1)
  writeFileSync(routesFile, text)
}

const main = async (): Promise<number> => {
  const upstreams: Upstream[] = []
  if (isDemonstration) upstreams.push(...(await demonstrate()))
  else importFiles()
  process.once('SIGINT', () => {
    const say = () => console.log('Running requests, long polls too, may finish; Ctrl-C again stops at once.')
    setTimeout(say, 500).unref()
  })
  let isUp = false
  try {
    return await run({
      routes: routesFile,
      logLevel: 'warn',
      onUp: (router, admin) => {
        isUp = true
        introduce(router.listeners[0]!.url, admin!, upstreams)
      },
    })
  } finally {
    if (!isUp) console.error('If the port is taken: npm run demo -- --port 0 takes a free one.')
    for (const upstream of upstreams) upstream.close()
  }
}

const introduce = (url: string, admin: string, upstreams: readonly Upstream[]): void => {
  if (!isDemonstration) {
    console.log(
      `Routing to the workers of ${options.homeserver.join(', ')}, as ${routesFile} says: ${url}\n` +
        `Metrics and the state of the workers: ${admin}\nCtrl-C stops.`,
    )
    return
  }
  console.log(
    `THIS IS A DEMONSTRATION: a router, ${upstreams.length} stand-in workers that echo what reaches them, and no homeserver.\n` +
      "For your own Synapse: npm run demo -- --homeserver homeserver.yaml --workers 'workers/*.yaml'\n\n" +
      `router   ${url}\nadmin    ${admin}\nroutes   ${routesFile}\nworkers  ${upstreams.map(({ name, port }) => `${name} :${port}`).join(', ')}\n\n` +
      `Try, in another terminal:\n\n${tour(url, admin, routesFile)}\n\nCtrl-C stops all.`,
  )
}

if (options.help) console.log(USAGE)
else process.exit(await main())
