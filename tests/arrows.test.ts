/** Which folder may import which. An import that is not listed here fails, so that a new arrow is a decision. */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { test } from 'node:test'

const root = dirname(import.meta.dirname)

/** What all that a homeserver knows is built on. */
const ground = [
  'shared',
  'worker/streams',
  'worker/storage',
  'worker/replication',
  'worker/json-text.ts',
  'worker/lru.ts',
]

/** What a homeserver knows of, each built on some of those before it; the last put an answer together from all others. */
const domains = [
  ...['rooms', 'devices', 'to-device', 'keys', 'users', 'mail', 'directory', 'presence', 'typing', 'account-data'],
  ...['receipts', 'push', 'sync', 'sliding-sync', 'client'],
]
const below = (name: string) => domains.slice(0, domains.indexOf(name)).map((domain) => `worker/${domain}`)

/**
 * Folder → what its files may import besides their own folder. The longest folder that holds a file decides. Prefixes:
 * `shared` allows all below it, `router/config/types.ts` that one file.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  // Reading what an operator wrote: places, text, types of YAML; nothing of Matrix.
  'shared/config': [],
  'shared/synapse-config': ['shared/config', 'shared/endpoints'],
  // For others too, without the rest.
  'shared/matrix': [],
  router: ['shared'],
  'router/config': ['shared', 'router/routing/rule.ts', 'router/routing/pattern.ts'],
  'router/routing': ['shared', 'router/config/types.ts'],
  'router/balancing': ['shared', 'router/config/types.ts'],
  'router/upstream': ['shared', 'router/config/types.ts', 'router/balancing', 'router/forward/wire.ts'],
  'router/forward': ['shared', 'router/config/types.ts', 'router/routing', 'router/balancing', 'router/upstream'],
  // Of the data path it knows the shapes that it tells of.
  'router/telling': ['shared', 'router/config/types.ts', 'router/forward'],
  // Starts both halves as processes; it reads the files that it writes as the router does.
  fleet: ['shared', 'router/config/import.ts'],
  worker: ['shared'],
  'worker/config': ['shared'],
  'worker/streams': ['shared', 'worker/storage'],
  'worker/replication': ['shared', 'worker/streams', 'worker/json-text.ts'],
  'worker/storage': ['shared'],
  'worker/logging': ['shared'],
  'worker/http': ['shared', 'worker/logging', 'worker/json-text.ts'],
  // What a homeserver knows of: rooms, and what is built on them.
  'worker/rooms': ground,
  'worker/devices': [...ground, 'worker/rooms'],
  'worker/to-device': [...ground, 'worker/devices'],
  // End-to-end encryption: what is kept for clients, who alone can read it.
  'worker/keys': [...ground, 'worker/rooms', 'worker/devices', 'worker/to-device'],
  'worker/users': [...ground, 'worker/rooms', 'worker/devices', 'worker/mail'],
  'worker/mail': ['shared'],
  'worker/directory': [...ground, 'worker/rooms', 'worker/users'],
  'worker/presence': [...ground, 'worker/rooms'],
  'worker/typing': [...ground, 'worker/rooms'],
  // The fully read marker is account data.
  'worker/receipts': [...ground, 'worker/rooms', 'worker/account-data'],
  'worker/account-data': [...ground, 'worker/rooms'],
  'worker/push': [...ground, 'worker/rooms'],
  'worker/sync': [...ground, ...below('sync')],
  'worker/sliding-sync': [...ground, ...below('sliding-sync')],
  // Handlers: given what they use by `main.ts`.
  'worker/client': [...ground, ...below('client'), 'worker/http'],
  // Everything that a process does, put together.
  'worker/services': ['shared', 'worker'],
  'worker/admin': ['shared', 'worker/http', 'worker/storage', 'worker/users'],
  'worker/federation': ['shared', 'worker/http'],
  // Pages for browsers.
  'worker/synapse-client': ['shared', 'worker/http', 'worker/storage', 'worker/users', 'worker/client'],
  'worker/well-known': ['shared', 'worker/http'],
  // Other servers, asked.
  'worker/outbound': ['shared'],
}
/** Files directly in these folders (`router/main.ts`) put everything together: they may import all of their half. */
const tops = ['router', 'worker']
/** Imported only as types, or where it is needed: the router starts without it. */
const lazy: Readonly<Record<string, string>> = { fastify: 'router/telling/admin.ts' }

interface Import {
  readonly file: string
  readonly target: string
  readonly isLazy: boolean
}

const folders = Object.keys(allowed).sort((a, b) => b.length - a.length)
const within = (file: string, folder: string): boolean => file === folder || file.startsWith(`${folder}/`)
const folderOf = (file: string): string => folders.find((folder) => within(file, folder)) ?? ''

/** `export … from` and dynamic imports included. */
const IMPORT =
  /^\s*(?:import|export)\s(?<type>type\s)?(?:[^'"`;]*?\sfrom\s)?\s*['"](?<from>[^'"]+)['"]|\bimport\(\s*['"](?<later>[^'"]+)['"]/gm

function importsOf(file: string): Import[] {
  return [...readFileSync(join(root, file), 'utf8').matchAll(IMPORT)].map(({ groups }) => {
    const specifier = groups!.from ?? groups!.later!
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier
    return { file, target, isLazy: groups!.later !== undefined || groups!.type !== undefined }
  })
}

const files = globSync('{shared,router,worker,fleet}/**/*.ts', { cwd: root }).sort()
const imports = files.flatMap(importsOf)
const isOurs = ({ target }: Import): boolean => /^(?:shared|router|worker|fleet|bench|tests|bin)\//.test(target)

function isAllowed({ file, target }: Import): boolean {
  const folder = folderOf(file)
  if (tops.includes(dirname(file))) return within(target, dirname(file)) || within(target, 'shared')
  // A file under `worker/sync`, which has no line of its own, may import its half; the lines grow with the worker.
  return within(target, folder) || (allowed[folder] ?? []).some((prefix) => within(target, prefix))
}

const print = ({ file, target }: Import): string => `${file} imports ${target}`

test('imports are found', () => {
  assert.ok(
    imports.some(({ file, target }) => file === 'router/routing/rule.ts' && target === 'router/config/types.ts'),
  )
})

test('folders import only what they may', () => {
  assert.deepEqual(
    imports
      .filter(isOurs)
      .filter((found) => !isAllowed(found))
      .map(print),
    [],
  )
})

test('router and worker never import each other, shared imports neither', () => {
  const halves = ['router', 'worker', 'shared']
  const crossing = imports.filter(({ file, target }) => {
    const [from, to] = [file, target].map((path) => halves.find((half) => within(path, half)))
    return from !== undefined && to !== undefined && to !== from && to !== 'shared'
  })
  assert.deepEqual(crossing.map(print), [])
})

test('the protocol core asks nothing of the outside but cryptography', () => {
  const outside = imports.filter((found) => within(found.file, 'shared/matrix') && !isOurs(found))
  assert.deepEqual([...new Set(outside.map(({ target }) => target))], ['node:crypto'])
})

test('what is loaded late is imported as a type, or by the function that needs it', () => {
  const early = imports.filter(({ target, file, isLazy }) => target in lazy && !(isLazy && lazy[target] === file))
  assert.deepEqual(early.map(print), [])
})
