/**
 * `npm run test:synapse`: the router in nginx's place before a real Synapse with every kind of worker.
 *
 *     --edge router|nginx              what stands in front; nginx is the control
 *     --routes import|documented       where the router's routes.yaml comes from
 *     --only clients|table             one half of the checks
 *     --keep                           keep the deployment's folder
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeAccessLog } from './access-log.ts'
import { makeChildren } from './children.ts'
import { memoryMiB, startDeployment } from './deployment.ts'
import { type EdgeKind, type RoutesFrom, startEdge } from './edge.ts'
import { accounts, farewell } from './groups/accounts.ts'
import { type BusFollower, followBus } from './groups/bus.ts'
import { ephemeral } from './groups/ephemeral.ts'
import { federation } from './groups/federation.ts'
import { keys } from './groups/keys.ts'
import { media } from './groups/media.ts'
import { rooms } from './groups/rooms.ts'
import { install } from './install.ts'
import { type RemoteServer, startRemoteServer } from './remote-server.ts'
import { Failed, makeReport, progress, say } from './report.ts'
import { makeTraffic } from './session.ts'
import { commandExplains, heldAgainstRouter, sweep } from './sweep.ts'
import { writeTopology } from './topology.ts'
import type { World } from './world.ts'

const { values: flags } = parseArgs({
  options: {
    edge: { type: 'string', default: 'router' },
    routes: { type: 'string', default: 'import' },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})
const oneOf = <const T extends string>(flag: string, value: string, choices: readonly T[]): T => {
  const choice = choices.find((one) => one === value)
  if (choice === undefined) {
    console.error(`--${flag} is one of ${choices.join(', ')}, not ${value}`)
    process.exit(2)
  }
  return choice
}
const edgeKind: EdgeKind = oneOf('edge', flags.edge, ['router', 'nginx'])
const routesFrom: RoutesFrom = oneOf('routes', flags.routes, ['import', 'documented'])
const only = flags.only === undefined ? undefined : oneOf('only', flags.only, ['clients', 'table'])

const report = makeReport()
const children = makeChildren()
const folder = await mkdtemp(join(tmpdir(), 'plexus-synapse-'))
let remote: RemoteServer | undefined
let bus: BusFollower | undefined

let interrupted = false

/** Stops all that runs. The logs stay where something failed. */
const end = async (status: number): Promise<never> => {
  await bus?.close()
  await progress('stopping', () => children.stopAll())
  await remote?.close()
  if (status === 0 && !flags.keep) await rm(folder, { recursive: true, force: true })
  else say(`logs and configuration: ${folder}`)
  process.exit(status)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    interrupted = true
    say(`${signal}: stopping`)
    void end(130)
  })
}

const runClients = async (world: World, other: RemoteServer): Promise<void> => {
  const users = await accounts(world)
  const made = users && (await rooms(world, users))
  if (!users || !made) throw new Failed('without users and rooms the other checks mean nothing')
  await ephemeral(world, users, made)
  await media(world, users)
  await keys(world, users, made)
  await federation(world, other, users, made)
  await farewell(world, users)
  await heldAgainstRouter(world)
}

try {
  const installed = await install()
  const topology = await writeTopology(folder)
  await startDeployment(installed, children, topology)
  bus = await followBus(topology)
  const edge = await progress(`starting ${edgeKind}`, () => startEdge(children, topology, edgeKind, routesFrom))
  say(
    `Synapse ${installed.synapseVersion}: ${topology.processes.length} processes, ${await memoryMiB(children, topology)} MiB resident, behind ${edgeKind} at ${edge.url}`,
  )
  const traffic = makeTraffic(edge.url)
  const world: World = { installed, topology, edge, traffic, log: makeAccessLog(topology), report }
  remote = await startRemoteServer(installed, folder, topology.remotePort, topology.serverName, traffic)
  if (only !== 'table') await runClients(world, remote)
  await commandExplains(world)
  if (only !== 'clients') await sweep(world, remote, installed.synapseVersion)
  await bus.check(world)
  for (const name of [...topology.processes.map((one) => one.name), edgeKind]) {
    const ended = children.find(name)?.ended()
    if (ended !== undefined)
      await report.group(`${name} runs to the end`, async (t) => t.equal(ended, undefined, 'why it ended'))
  }
} catch (error) {
  // What fails now fails because all is being stopped.
  if (interrupted) await new Promise(() => {})
  report.count(0, 1)
  say(`FAIL  ${error instanceof Failed ? error.message : error instanceof Error ? error.stack : error}`)
}
say(`${report.passed} passed, ${report.failed} failed`)
await end(report.failed > 0 ? 1 : 0)
