import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment } from '../../router/routing/built-in.ts'
import type { SynapseVersion } from '../../shared/endpoints/types.ts'
import { deciderOf, EVERY_POOL } from './decide.ts'
import { assertIntended } from './intended-differences.ts'
import { missingMaterial, readMaterial } from './material.ts'
import { pathsOfPattern } from './samples.ts'

type Process = 'main' | 'worker' | 'media'

/** What one kind of process registers: `GET ^/…$` → is this method only for a stream's writer? */
type Servlets = ReadonlyMap<string, { readonly writersOnly: boolean }>

/** method, pattern, class of the servlet, category in the documentation, "denied on workers". */
type Line = readonly [string, string, string, string | null, boolean]

const RELEASES: readonly { readonly name: string; readonly version: SynapseVersion; readonly mas: boolean }[] = [
  ...['1.93.0', '1.98.0', '1.111.1', '1.122.0', '1.130.0', '1.135.0', '1.136.0', '1.145.0', '1.152.0', '1.157.1'].map(
    (name) => ({ name, version: versionOf(name), mas: false }),
  ),
  { name: '1.163.2', version: [1, 163], mas: false },
  { name: '1.163.2-experimental', version: [1, 163], mas: false },
  { name: '1.163.2-MASmode', version: [1, 163], mas: true },
]

function versionOf(release: string): SynapseVersion {
  const [major, minor] = release.split('.')
  return [Number(major), Number(minor)]
}

const readServlets = (release: string, process: Process): Servlets => {
  const resources: Readonly<Record<string, readonly Line[]>> = JSON.parse(
    readMaterial(`synapse/servlets/servlets-${release}-${process}.json`),
  )
  return new Map(
    Object.values(resources)
      .flat()
      .map(([method, pattern, , , writersOnly]) => [`${method} ${pattern}`, { writersOnly }]),
  )
}

const MEDIA_POOLS: ReadonlySet<string> = new Set(['media', 'media_admin', 'quarantined_media_changes'])

const processOfPool = (pool: string | undefined): Process =>
  pool === undefined || pool === 'main' ? 'main' : MEDIA_POOLS.has(pool) ? 'media' : 'worker'

/** `1.152.0: POST /_matrix/…: worker, though only main has it`, for each servlet that would be missed or left on main. */
const differencesOf = (release: string, deployment: Deployment): readonly string[] => {
  const has: Readonly<Record<Process, Servlets>> = {
    main: readServlets(release, 'main'),
    worker: readServlets(release, 'worker'),
    media: readServlets(release, 'media'),
  }
  const decide = deciderOf(deployment)
  const differences = new Set<string>()
  for (const servlet of new Set([...has.main.keys(), ...has.worker.keys(), ...has.media.keys()])) {
    const [method = '', pattern = ''] = servlet.split(' ')
    for (const path of pathsOfPattern(pattern)) {
      const rule = decide(method, path)
      const process = processOfPool(rule?.pool)
      const registered = has[process].get(servlet)
      const name = rule?.name ?? `${method} ${pattern}`
      // The same path may have a servlet of its own on workers (GET /_synapse/admin/v2/users/…).
      if (!registered && !isRegistered(has[process], method, path))
        differences.add(`${name}: ${process} does not have it`)
      if (process === 'worker' && registered?.writersOnly && typeof rule?.endpoint?.served !== 'object')
        differences.add(`${name}: any worker, but it is for the writer`)
      if (process === 'main' && deployment.pools === EVERY_POOL) {
        const elsewhere = has.worker.has(servlet) ? 'workers have' : has.media.has(servlet) ? 'media workers have' : ''
        if (elsewhere !== '') differences.add(`${name}: main, though ${elsewhere} it`)
      }
    }
  }
  return [...differences]
}

const isRegistered = (servlets: Servlets, method: string, path: string): boolean =>
  [...servlets.keys()].some((servlet) => {
    const [m, pattern = ''] = servlet.split(' ')
    return m === method && new RegExp(pattern.replaceAll('(?P<', '(?<')).test(path)
  })

test('every servlet of every release is reached, and on workers where they have it', { skip: missingMaterial }, () => {
  const differences = RELEASES.flatMap(({ name, version, mas }) =>
    differencesOf(name, { version, mas, pools: EVERY_POOL }).map((difference) => `${name}: ${difference}`),
  )
  assertIntended('servlets', differences)
})

for (const pools of [['main'], ['main', 'generic'], ['main', 'generic', 'media'], ['main', 'client_read', 'sync']])
  test(`no request reaches a process without its servlet, with the pools ${pools}`, { skip: missingMaterial }, () => {
    for (const { name, version, mas } of RELEASES)
      assert.deepEqual(differencesOf(name, { version, mas, pools: new Set(pools) }), [], name)
  })
