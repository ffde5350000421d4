import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment } from '../../router/routing/built-in.ts'
import { table } from '../../shared/endpoints/table.ts'
import type { EndpointClass } from '../../shared/endpoints/types.ts'
import { deciderOf, EVERY_POOL } from './decide.ts'
import { type DocumentedRoute, routesOfGeneratedMap, routesOfManual } from './documentation.ts'
import { assertIntended } from './intended-differences.ts'
import { missingMaterial, readMaterial } from './material.ts'
import { samplePaths } from './samples.ts'

/** The classes that stand for a section of the documentation. */
type Sections = Readonly<Record<string, readonly EndpointClass[]>>

const SECTIONS: Sections = {
  'Sync requests': ['sync', 'initial_sync'],
  'Federation requests': ['federation_read', 'federation_write', 'keys'],
  'Federation requests (unstable)': ['federation_read'],
  'Inbound federation transaction request': ['federation_in'],
  // Creating a room and giving it an alias are writes, whose place is with the other writes to rooms.
  'Client API requests': ['client_read', 'room_read', 'account', 'device_lists', 'event_send'],
  'Client API requests (ALL FOR SAME ROOM MUST GO TO SAME WORKER)': ['messages'],
  'Encryption requests': ['e2ee', 'keys_upload', 'client_read'],
  'Registration/login requests': ['login', 'register'],
  // Its patterns for `state/` and `profile/` are for reading too.
  'Event sending requests': ['event_send', 'room_read', 'client_read'],
  'Delayed event management requests': ['event_send', 'client_read'],
  'Account data requests': ['account_data'],
  'Receipts requests': ['receipts'],
  'Presence requests': ['presence'],
  'User directory search requests': ['user_directory'],
  'Push rule requests': ['push_rules'],
  'The typing stream': ['typing'],
  'The to_device stream': ['to_device'],
  '(Uncategorised requests)': ['account', 'client_read', 'device_lists', 'media', 'register', 'sliding_sync'],
  // Text above a block of `workers.md`.
  'Additionally, the following REST endpoints can be handled for GET requests:': ['push_rules'],
  'for the room are in flight:': ['messages'],
  'for all SSO providers': ['sso'],
  'OpenID Connect requests.': ['sso'],
  'SAML requests.': ['sso'],
  'CAS requests.': ['sso'],
  'the stream writer for the `typing` stream:': ['typing'],
  'the stream writer for the `to_device` stream:': ['to_device'],
  'the stream writer for the `account_data` stream:': ['account_data'],
  'the stream writer for the `receipts` stream:': ['receipts'],
  'the stream writer for the `presence` stream:': ['presence'],
  'Handles the media repository. It can handle all endpoints starting with:': ['media'],
  '... and the following regular expressions matching media-specific administration APIs:': [
    'media_admin',
    'quarantined_media_changes',
  ],
  'the following regular expressions:': ['user_directory'],
}

const isWriters = ({ section }: DocumentedRoute): boolean => section.startsWith('the stream writer')
const isMedia = ({ section }: DocumentedRoute): boolean => /media repository|media-specific/.test(section)

/** Compares both for each endpoint under each prefix; `agrees` may say no to our pool for a documented section. */
const differencesOf = (
  routes: readonly DocumentedRoute[],
  deployment: Deployment,
  agrees: (section: string | undefined, pool: string) => boolean,
): readonly string[] => {
  const decide = deciderOf(deployment)
  return table.flatMap(({ name, endpoint }) =>
    samplePaths(endpoint).flatMap((path) => {
      const section = routes.find(
        ({ pattern, methods }) => pattern.test(path) && (methods?.includes(endpoint.method) ?? true),
      )?.section
      if (agrees(section, decide(endpoint.method, path)?.pool ?? 'main')) return []
      return [`${name}: ${section === undefined ? 'undocumented' : `documented as "${section}"`}`]
    }),
  )
}

const hasSameClass = (section: string | undefined, pool: string): boolean =>
  section === undefined ? pool === 'main' : SECTIONS[section]!.some((allowed) => allowed === pool)

/** Documented patterns that match no endpoint of the table. */
const unreached = (routes: readonly DocumentedRoute[]): readonly string[] => {
  const paths = table.flatMap(({ endpoint }) => samplePaths(endpoint))
  return routes
    .filter(({ pattern }) => !paths.some((path) => pattern.test(path)))
    .map(({ pattern }) => `${pattern.source}: matches no endpoint`)
}

const manual = (): readonly DocumentedRoute[] => {
  const routes = routesOfManual(readMaterial('synapse/workers.md'))
  // Those of the nginx example are not in the lists.
  assert.equal(routes.length, 96)
  // As the document asks: to the writers what is theirs, to the media repository its paths, then the general lists.
  return [...routes.filter(isWriters), ...routes.filter(isMedia), ...routes.filter((r) => !isWriters(r) && !isMedia(r))]
}

test('each endpoint has the class that workers.md gives to it', { skip: missingMaterial }, () => {
  const routes = manual()
  const deployment = { version: [1, 98], mas: false, pools: EVERY_POOL } as const
  assertIntended('workers.md', [...differencesOf(routes, deployment, hasSameClass), ...unreached(routes)])
})

test('without writers or special pools, workers.md and the table agree on generic or main', {
  skip: missingMaterial,
}, () => {
  const routes = manual().filter(
    (route) => !isWriters(route) && !isMedia(route) && !SECTIONS[route.section]?.includes('sso'),
  )
  const deployment = { version: [1, 98], mas: false, pools: new Set(['main', 'generic']) } as const
  const hasSameKind = (section: string | undefined, pool: string): boolean =>
    pool === (section === undefined ? 'main' : 'generic')
  assertIntended('workers.md without writers', differencesOf(routes, deployment, hasSameKind))
})

test("each endpoint has the class that Synapse 1.163's own map gives to it", { skip: missingMaterial }, () => {
  const routes = routesOfGeneratedMap(readMaterial('synapse/servlets/documented-map-1.163.2.txt'))
  assert.equal(routes.length, 115)
  const deployment = { version: [1, 163], mas: false, pools: EVERY_POOL } as const
  // The generator knows neither Twisted's resources nor the admin API.
  const omitted = new Set(['sso', 'media', 'media_admin', 'quarantined_media_changes', 'admin'])
  const agrees = (section: string | undefined, pool: string): boolean =>
    hasSameClass(section, pool) || (section === undefined && omitted.has(pool))
  assertIntended('generated map', [...differencesOf(routes, deployment, agrees), ...unreached(routes)])
})
