/**
 * What the rig writes to start Synapse with starts Plexus: from those very files, with a Postgres and a Redis as they say;
 * and a client library works with it, through the router and through the rig's nginx.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ClientEvent, createClient, type MatrixClient, type Room, RoomEvent } from 'matrix-js-sdk'
import { logger } from 'matrix-js-sdk/lib/logger.js'
import { importSynapse } from '../../../router/config/import.ts'
import { readConfigFiles, readWorkerFiles } from '../../../shared/synapse-config/sources.ts'
import { freePort, freePorts } from '../../harness/free-port.ts'
import { register, type User } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { pythonWith } from '../../harness/python.ts'
import { startRedis } from '../../harness/redis-server.ts'
import { until } from '../../harness/until.ts'
import { programPath } from '../../servers.ts'

const root = join(import.meta.dirname, '../../..')
const rig = process.env.RIG_HOME ?? join(root, '../shared/rig')
const found = pythonWith('yaml')
const skip =
  'missing' in found
    ? found.missing
    : existsSync(join(rig, 'gen.py'))
      ? false
      : `no gen.py in ${rig}: RIG_HOME names its folder`
const postgresPort = await freePort()
const postgres = await startPostgres({ settings: { listen_addresses: '127.0.0.1', port: postgresPort } })

interface Topology {
  readonly processes: Readonly<Record<string, { readonly port: number; readonly config: readonly string[] }>>
}

const startProcess = async (t: TestContext, folder: string, name: string, command: readonly string[], port: number) => {
  const log = join(folder, `logs/${name}.plexus`)
  const output = openSync(log, 'a')
  const [file, ...args] = command
  const child = spawn(file!, args, { stdio: ['ignore', output, output], cwd: folder })
  t.after(() => end(child))
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${name} ended:\n${readFileSync(log, 'utf8').slice(-3_000)}`)
    return fetch(`http://127.0.0.1:${port}/health`).then(
      () => true,
      () => false,
    )
  }, 60_000)
}

const end = async (child: ChildProcess) => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(timer)
}

/** The rig's files, for ports that are free; `RIG_…` are its own settings. */
const generate = async (folder: string, redisPort: number) => {
  assert.ok('python' in found)
  const [main, replication, nginx] = [await freePort(), await freePort(), await freePort()]
  // Workers have consecutive ports, +1 … +2 and +101 … +102.
  const workers = await freePorts(256)
  const env = {
    ...process.env,
    RIG_HOME: rig,
    RIG_DIR: folder,
    PG_BIN: '/',
    RIG_PG_PORT: `${postgresPort}`,
    RIG_REDIS_PORT: `${redisPort}`,
    RIG_MAIN_PORT: `${main}`,
    RIG_MAIN_REPL_PORT: `${replication}`,
    RIG_WORKER_PORT: `${workers}`,
    RIG_NGINX_PORT: `${nginx}`,
    RIG_SERVER_NAME: 'rig.test',
  }
  execFileSync('bash', ['-c', '. "$RIG_HOME/env.sh" && "$0" "$RIG_HOME/gen.py" small', found.python], { env })
  const topology = JSON.parse(readFileSync(join(folder, 'topology.json'), 'utf8')) as Topology
  return { topology, nginx }
}

test('the files of a small Synapse deployment start Plexus, and matrix-js-sdk works with it', { skip }, async (t) => {
  const redis = await startRedis(t)
  if (redis === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'rig-'))
  chmodSync(folder, 0o755)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const { topology, nginx } = await generate(folder, redis.port)
  await postgres.admin.run('create role synapse login')
  await postgres.admin.run(
    "create database synapse owner synapse encoding 'UTF8' lc_collate 'C' lc_ctype 'C' template template0",
  )
  await Promise.all(
    Object.entries(topology.processes).map(([name, { port, config }]) => {
      const files = config.flatMap((file) => ['--config-path', file])
      return startProcess(t, folder, name, [process.execPath, join(root, 'bin/worker.js'), ...files], port)
    }),
  )

  const shared = readConfigFiles([join(folder, 'homeserver.yaml')])
  const workers = readWorkerFiles([join(folder, 'workers')])
  assert.ok(typeof shared !== 'string' && typeof workers !== 'string')
  const port = await freePort()
  writeFileSync(join(folder, 'routes.yaml'), importSynapse(shared, workers, port).text!)
  const router = [process.execPath, join(root, 'bin/router.js'), '--routes', join(folder, 'routes.yaml')]
  await startProcess(t, folder, 'router', router, port)
  await t.test('through the router', (t) => tour(t, `http://127.0.0.1:${port}`, 'r'))

  const program = programPath('nginx')
  await t.test("through the rig's nginx", { skip: program === undefined && 'nginx is not installed' }, async (t) => {
    execFileSync('mkdir', ['-p', join(folder, 'nginx-tmp')])
    const run = [program!, '-p', folder, '-c', join(folder, 'nginx.conf'), '-g', 'daemon off;']
    await startProcess(t, folder, 'nginx', run, nginx)
    await tour(t, `http://127.0.0.1:${nginx}`, 'n')
  })
})

/** Two users of a client library: they log in, sync, meet in a room, and see what the other does. */
const tour = async (t: TestContext, url: string, prefix: string): Promise<void> => {
  const alice = await startClient(t, url, await register(url, `${prefix}-alice`))
  const bob = await startClient(t, url, await register(url, `${prefix}-bob`))
  const { room_id: room } = await alice.createRoom({ name: 'A room', invite: [bob.getUserId()!] })
  await until(() => bob.getRoom(room)?.getMyMembership() === 'invite', 20_000)
  await bob.joinRoom(room)
  // Else what she sends may stand before it in the library's timeline, where joining counts as having read up to there.
  await until(() => alice.getRoom(room)?.getMember(bob.getUserId()!)?.membership === 'join', 20_000)
  await until(() => bob.getRoom(room)?.name === 'A room', 20_000)
  const heard: string[] = []
  bob.on(RoomEvent.Timeline, (event, where: Room | undefined) => {
    if (where?.roomId === room && event.getType() === 'm.room.message') heard.push(event.getContent().body)
  })
  for (const body of ['one', 'two', 'three']) await alice.sendTextMessage(room, body)
  await until(() => heard.length >= 3, 20_000)
  assert.deepEqual(heard, ['one', 'two', 'three'])
  await alice.sendTyping(room, true, 20_000)
  await until(() => bob.getRoom(room)!.getMember(alice.getUserId()!)!.typing, 20_000)
  const last = bob.getRoom(room)!.getLiveTimeline().getEvents().at(-1)!
  await bob.sendReadReceipt(last)
  await until(() => alice.getRoom(room)!.getEventReadUpTo(bob.getUserId()!) === last.getId(), 20_000)
  await bob.setDisplayName('Bob the reader')
  await until(() => alice.getRoom(room)!.getMember(bob.getUserId()!)?.name === 'Bob the reader', 20_000)
  await bob.leave(room)
  await until(() => alice.getRoom(room)!.getMember(bob.getUserId()!)?.membership === 'leave', 20_000)
}

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, getChild: () => silent }
// Loggers that the library derives from its own write to the console all the same.
const library = logger as unknown as { methodFactory: () => () => void; rebuild: () => void }
library.methodFactory = () => () => {}
library.rebuild()
console.debug = () => {}

const startClient = async (t: TestContext, url: string, user: User): Promise<MatrixClient> => {
  const client = createClient({
    baseUrl: url,
    userId: user.userId,
    deviceId: user.deviceId,
    accessToken: user.token,
    logger: silent,
    disableVoip: true,
  })
  t.after(() => client.stopClient())
  const prepared = new Promise<void>((resolve) => {
    client.on(ClientEvent.Sync, (state) => {
      if (state === 'PREPARED') resolve()
    })
  })
  await client.startClient({ initialSyncLimit: 10, lazyLoadMembers: true })
  await prepared
  return client
}
