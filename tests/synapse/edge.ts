/** What stands in front of Synapse: the router, or nginx as a control. */

import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parse, stringify } from 'yaml'
import { type Children, command } from './children.ts'
import { untilUp } from './deployment.ts'
import { documented, nginxConf } from './documented.ts'
import { Failed } from './report.ts'
import type { Topology } from './topology.ts'

const repository = resolve(import.meta.dirname, '../..')

export type EdgeKind = 'router' | 'nginx'
/** Where the router's routes.yaml comes from: `router import` reads Synapse's files; `documented` is ours. */
export type RoutesFrom = 'import' | 'documented'

export interface Edge {
  readonly kind: EdgeKind
  readonly url: string
  /** The file the router runs on. */
  readonly routesYaml?: string
}

/** Runs a command of the router's and returns what it prints. */
export const router = (what: string, ...args: string[]): Promise<string> =>
  command(what, process.execPath, [join(repository, 'bin', 'router.js'), ...args], { cwd: repository })

const writeRoutes = async (topology: Topology, from: RoutesFrom): Promise<string> => {
  const file = join(topology.folder, 'routes.yaml')
  const imported =
    from === 'import'
      ? await router(
          'router import',
          'import',
          '--homeserver',
          topology.homeserverYaml,
          '--workers',
          topology.workerYamls,
        )
      : stringify(documented(topology))
  // Pools and routes are the import's; where the router listens is the run's to say.
  await writeFile(
    file,
    stringify({
      ...parse(imported),
      server_name: topology.serverName,
      listen: [{ address: `http://127.0.0.1:${topology.edgePort}`, expose: ['client', 'federation', 'admin'] }],
      admin: `http://127.0.0.1:${topology.edgeAdminPort}`,
    }),
  )
  return file
}

const answers = async (topology: Topology): Promise<boolean> =>
  (await fetch(`http://127.0.0.1:${topology.edgePort}/_matrix/client/versions`)).ok

export const startEdge = async (
  children: Children,
  topology: Topology,
  kind: EdgeKind,
  from: RoutesFrom,
): Promise<Edge> => {
  const url = `http://127.0.0.1:${topology.edgePort}`
  const output = join(topology.folder, 'logs', `${kind}.out`)
  if (kind === 'nginx') {
    const nginx = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find((path) => existsSync(path))
    if (!nginx) throw new Failed('--edge nginx needs nginx: apt-get install --no-install-recommends nginx')
    const conf = join(topology.folder, 'nginx.conf')
    await writeFile(conf, nginxConf(documented(topology), topology.folder, topology.edgePort))
    const child = children.start({ name: kind, command: nginx, args: ['-p', topology.folder, '-c', conf], output })
    await untilUp(child, output, () => answers(topology), 20_000)
    return { kind, url }
  }
  if (!existsSync(join(repository, 'bin', 'router.js')))
    throw new Failed('there is no bin/router.js; --edge nginx runs the checks without it')
  const routesYaml = await writeRoutes(topology, from)
  const child = children.start({
    name: kind,
    command: process.execPath,
    args: [join(repository, 'bin', 'router.js'), '--routes', routesYaml],
    output,
    cwd: topology.folder,
  })
  await untilUp(child, output, () => answers(topology), 20_000).catch(async (error) => {
    throw new Failed(
      `${error instanceof Error ? error.message : error}\nits routes.yaml:\n${await readFile(routesYaml, 'utf8')}`,
    )
  })
  return { kind, url, routesYaml }
}
