import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtInRules, NEWEST_SYNAPSE } from '../../../router/routing/built-in.ts'
import { BUILT_IN_POOLS } from '../../../router/routing/classes.ts'
import { parameterName } from '../../../router/routing/pattern-of.ts'
import type { Rule } from '../../../router/routing/rule.ts'
import { mayOverlap } from '../../../router/table/overlap.ts'
import { table } from '../../../shared/endpoints/table.ts'
import type { SynapseVersion } from '../../../shared/endpoints/types.ts'

interface Options {
  readonly version?: SynapseVersion
  readonly mas?: boolean
}

const rulesFor = (pools: Iterable<string>, { version = NEWEST_SYNAPSE, mas = false }: Options = {}) =>
  builtInRules({ version, mas, pools: new Set(pools) })

/** The pool of the first rule that takes the request, as the router tries them. */
const poolFor = (rules: readonly Rule[], method: string, path: string, initialSync = false): string =>
  rules.find(
    (rule) =>
      rule.methods?.some((m) => m === method) &&
      (!rule.when?.initialSync || initialSync) &&
      new RegExp(rule.match).test(path),
  )?.pool ?? 'main'

test('a class without a pool goes to generic, a writer to main', () => {
  const rules = rulesFor(['main', 'generic'])
  assert.equal(poolFor(rules, 'GET', '/_matrix/client/v3/sync'), 'generic')
  assert.equal(poolFor(rules, 'PUT', '/_matrix/client/v3/rooms/!r:x/typing/@u:x'), 'main')
  assert.equal(poolFor(rules, 'POST', '/_matrix/client/v3/logout'), 'main')
  assert.equal(poolFor(rules, 'GET', '/_matrix/client/v3/login/sso/redirect'), 'main')
  assert.equal(poolFor(rules, 'GET', '/_matrix/media/v3/config'), 'main')
})

test('no writer, media or single sign-on endpoint is ever given to generic', () => {
  for (const { pool, name, endpoint } of rulesFor(['generic']))
    if (pool === 'generic') assert.equal(endpoint?.served, 'generic', name)
})

test('the quarantine writer of a media pool is in it: main has no such path there', () => {
  const path = '/_synapse/admin/v1/media/quarantine/x/y'
  assert.equal(poolFor(rulesFor(['main', 'generic', 'media']), 'POST', path), 'media')
  assert.equal(poolFor(rulesFor(['main', 'generic']), 'POST', path), 'main')
})

test('a sync that starts from nothing goes to initial_sync, or to sync when there is no such pool', () => {
  const path = '/_matrix/client/v3/sync'
  assert.equal(poolFor(rulesFor(['sync', 'initial_sync']), 'GET', path, true), 'initial_sync')
  assert.equal(poolFor(rulesFor(['sync', 'initial_sync']), 'GET', path), 'sync')
  assert.equal(poolFor(rulesFor(['sync']), 'GET', path, true), 'sync')
  assert.equal(poolFor(rulesFor(['sync']), 'GET', '/_matrix/client/v3/rooms/!r:x/initialSync'), 'sync')
})

test('methods of one path go their own ways', () => {
  const rules = rulesFor(BUILT_IN_POOLS)
  const user = '/_synapse/admin/v2/users/@u:x'
  assert.deepEqual([poolFor(rules, 'GET', user), poolFor(rules, 'PUT', user)], ['admin', 'main'])
  const delayed = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events/id'
  assert.deepEqual([poolFor(rules, 'GET', delayed), poolFor(rules, 'POST', delayed)], ['client_read', 'main'])
})

test('before its first release and after its last an endpoint is main’s', () => {
  const user = '/_synapse/admin/v2/users/@u:x'
  assert.equal(poolFor(rulesFor(['generic'], { version: [1, 144] }), 'GET', user), 'main')
  assert.equal(poolFor(rulesFor(['generic'], { version: [1, 145] }), 'GET', user), 'generic')
  const e2ee = '/_matrix/client/unstable/org.matrix.msc3575/sync/e2ee'
  assert.equal(poolFor(rulesFor(['generic'], { version: [1, 136] }), 'GET', e2ee), 'generic')
  assert.equal(poolFor(rulesFor(['generic'], { version: [1, 137] }), 'GET', e2ee), 'main')
  assert.equal(poolFor(rulesFor(['generic'], { version: [2, 0] }), 'GET', user), 'generic')
})

test('with MAS its service answers logins, and what it takes away is main’s', () => {
  const rules = rulesFor([...BUILT_IN_POOLS], { mas: true })
  for (const path of ['login', 'logout', 'logout/all', 'refresh'])
    assert.equal(poolFor(rules, 'POST', `/_matrix/client/v3/${path}`), 'mas')
  assert.equal(poolFor(rules, 'POST', '/_matrix/client/v3/account/deactivate'), 'main')
  assert.equal(poolFor(rules, 'POST', '/_synapse/mas/provision_user'), 'admin')
  assert.equal(poolFor(rulesFor(['generic'], { mas: true }), 'POST', '/_matrix/client/v3/login'), 'main')
  assert.equal(poolFor(rulesFor(BUILT_IN_POOLS), 'POST', '/_matrix/client/v3/logout'), 'main')
})

test('a word that an outsider chooses does not change the route (the 118 confusions of `.*`)', () => {
  const rules = rulesFor(BUILT_IN_POOLS)
  assert.equal(poolFor(rules, 'POST', '/_matrix/client/v3/rooms/!r:x/report/typing'), 'main')
  assert.equal(poolFor(rules, 'PUT', '/_matrix/client/v3/rooms/!r:x/forget/typing'), 'main')
  assert.equal(poolFor(rules, 'GET', '/_matrix/client/v3/thirdparty/protocol/tags'), 'main')
  assert.equal(poolFor(rules, 'PUT', '/_matrix/client/v3/rooms/!r:x/state/m.x/account_data'), 'event_send')
})

test('a rule has a key of its own only where its pool sticks to something else', () => {
  const stickyOf = (pools: readonly string[], name: string) => rulesFor(pools).find((r) => r.name === name)?.sticky
  assert.equal(stickyOf(['event_send'], 'sendMessage'), undefined)
  assert.equal(stickyOf(['event_send'], 'createRoom'), 'user')
  assert.equal(stickyOf(['client_read'], 'getRoomEvents'), 'room')
  assert.equal(stickyOf(['generic'], 'getRoomEvents'), 'room')
  assert.equal(stickyOf(['main'], 'getRoomEvents'), undefined)
})

test('the more literal of two paths comes first, and paths of two classes never meet', () => {
  const rules = rulesFor(BUILT_IN_POOLS)
  const parameters = (rule: Rule) => rule.endpoint!.path.split('/').map((s) => parameterName(s) !== undefined)
  for (const [index, earlier] of rules.entries())
    for (const later of rules.slice(index + 1)) {
      if (earlier.endpoint === later.endpoint || earlier.endpoint!.method !== later.endpoint!.method) continue
      if (!mayOverlap(earlier.endpoint!, later.endpoint!)) continue
      assert.equal(earlier.endpoint!.class, later.endpoint!.class, `${earlier.name} and ${later.name}`)
      const [a, b] = [parameters(earlier), parameters(later)]
      const first = a.findIndex((isParameter, position) => isParameter !== b[position])
      assert.ok(first === -1 || a[first] === false || b[first] === undefined, `${earlier.name} before ${later.name}`)
    }
})

test('every endpoint of the table has its rule, and two operations on one path share one', () => {
  const names = new Set(rulesFor(BUILT_IN_POOLS).map(({ name }) => name))
  assert.deepEqual(
    table.map(({ name }) => name).filter((name) => !names.has(name)),
    ['peekEvents', 'inviteBy3PID'],
  )
})
