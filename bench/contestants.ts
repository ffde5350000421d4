/** The proxies that are measured: how each is configured, started, and what it calls its version. */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { haproxyConf, haproxyMap, haproxyRelayConf } from './rivals/haproxy.ts'
import { nginxConf } from './rivals/nginx.ts'
import { routesYaml } from './rivals/plexus.ts'

export interface Setup {
  /** Where the contestant is to listen, on 127.0.0.1. */
  readonly port: number
  /** Ports of the stand-in workers by group. */
  readonly upstreams: Readonly<Record<string, readonly number[]>>
  /** For its configuration, logs and temporary files; removed afterwards. */
  readonly folder: string
  /** Does it write an access log. */
  readonly log: boolean
}

export interface Contestant {
  readonly name: string
  /** Throws if it is not installed. */
  version(): string
  /** Writes its configuration, returns the command that runs it in the foreground. */
  command(setup: Setup): readonly [file: string, ...args: string[]]
  /** False: it relays bytes, and every request reaches main. */
  readonly routed: boolean
}

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Node as the package pins it: the same for Plexus, the Node rivals, the load generator and the stand-ins. */
export const NODE = existsSync(join(ROOT, 'node_modules/node/bin/node'))
  ? join(ROOT, 'node_modules/node/bin/node')
  : process.execPath

const written = (folder: string, name: string, text: string): string => {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

const packageVersion = (folder: string): string =>
  (JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as { version: string }).version

/** What a program prints of itself, on either stream, reduced to its version number. */
const printedVersion = (file: string, flag: string): string => {
  const text = execFileSync('/bin/sh', ['-c', `exec ${file} ${flag} 2>&1`], { encoding: 'utf8', env: PATH_WITH_SBIN })
  return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? text.trim()
}

/** Servers are in sbin, which is not in every user's PATH. */
export const PATH_WITH_SBIN = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }

const plexus = (name: string, table: 'built-in' | 'documented'): Contestant => ({
  name,
  version() {
    if (!existsSync(join(ROOT, 'bin/router.js'))) throw new Error('there is no bin/router.js')
    return packageVersion('.')
  },
  command: (setup) => [
    NODE,
    join(ROOT, 'bin/router.js'),
    '--routes',
    written(setup.folder, `${name}.yaml`, routesYaml(setup, table)),
  ],
  routed: true,
})

const nodeProxy = (module: string): Contestant => ({
  name: module,
  version: () => packageVersion(`node_modules/${module}`),
  command: (setup) => [
    NODE,
    join(ROOT, 'bench/rivals/http-proxy.ts'),
    module,
    written(setup.folder, `${module}.json`, JSON.stringify(setup)),
  ],
  routed: true,
})

export const CONTESTANTS: readonly Contestant[] = [
  plexus('plexus', 'built-in'),
  plexus('plexus-documented', 'documented'),
  {
    name: 'nginx',
    version: () => printedVersion('nginx', '-v'),
    command: (setup) => ['nginx', '-c', written(setup.folder, 'nginx.conf', nginxConf(setup)), '-e', 'stderr'],
    routed: true,
  },
  {
    name: 'haproxy',
    version: () => printedVersion('haproxy', '-v'),
    command(setup) {
      const map = written(setup.folder, 'haproxy.map', haproxyMap())
      return ['haproxy', '-db', '-f', written(setup.folder, 'haproxy.cfg', haproxyConf(setup, map))]
    },
    routed: true,
  },
  {
    name: 'haproxy-tcp',
    version: () => printedVersion('haproxy', '-v'),
    command: (setup) => ['haproxy', '-db', '-f', written(setup.folder, 'haproxy-tcp.cfg', haproxyRelayConf(setup))],
    routed: false,
  },
  nodeProxy('http-proxy'),
  nodeProxy('http-proxy-3'),
]

/** `name=command`, a variant to try: `{port}`, `{routes}` (a routes.yaml with the built-in table) and `{documented}` are filled in. */
const fromCommand = (text: string): Contestant => {
  const equals = text.indexOf('=')
  if (equals < 1) throw new Error(`--contestant takes name=command, got "${text}"`)
  const name = text.slice(0, equals)
  return {
    name,
    version: () => 'variant',
    command(setup) {
      const command = text
        .slice(equals + 1)
        .replaceAll('{port}', String(setup.port))
        .replaceAll('{routes}', () => written(setup.folder, `${name}.yaml`, routesYaml(setup, 'built-in')))
        .replaceAll('{documented}', () =>
          written(setup.folder, `${name}-documented.yaml`, routesYaml(setup, 'documented')),
        )
      return ['/bin/sh', '-c', `exec ${command}`]
    },
    routed: true,
  }
}

/** The contestants named (`a,b` or `all`), then those given as commands. */
export const choose = (names: string, commands: readonly string[]): Contestant[] => [
  ...(names === 'all' ? CONTESTANTS : names.split(',').filter(Boolean).map(named)),
  ...commands.map(fromCommand),
]

const named = (name: string): Contestant => {
  const contestant = CONTESTANTS.find((candidate) => candidate.name === name)
  if (!contestant) throw new Error(`--contestants: there is no "${name}"`)
  return contestant
}
