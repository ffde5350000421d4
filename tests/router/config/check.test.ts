import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfig } from '../../../router/config/check.ts'
import { loadConfig } from '../../../router/config/load.ts'
import { tables as realTables } from '../../../router/tables.ts'
import { formatProblem } from '../../../shared/config/problem.ts'
import { tables } from './tables.ts'

const checked = (text: string): readonly string[] => {
  const { config, problems, placeOf } = loadConfig('routes.yaml', text, tables)
  assert.deepEqual(problems.map(formatProblem), [])
  return checkConfig(config!, tables, { privileged: false }).map((problem) =>
    formatProblem({ place: placeOf(problem.path), ...problem }),
  )
}
const HEAD = 'listen: [http://127.0.0.1:8080]\nadmin: http://127.0.0.1:9180\n'
const pools = (text: string, more = '') => checked(`${HEAD}${more}pools:\n  main: {workers: [a:1]}\n  ${text}\n`)
const routes = (...lines: readonly string[]) =>
  checked(
    `${HEAD}pools: {main: {workers: [a:1]}, work: {workers: [a:2]}, typer: {workers: [a:3]}, sync: {workers: [a:4]}, event_send: {workers: [a:5]}}\nroutes:\n${[
      '{pool: sync, match: ^/_matrix/client/v3/sync$}',
      '{pool: event_send, match: ^/_matrix/client/v3/rooms/.*/send}',
      '{pool: typer, match: ^/_matrix/client/v3/rooms/.*/typing}',
      '{pool: work, match: ^/_matrix/client/v3/rooms/.*/members$}',
      ...lines,
    ]
      .map((line) => `  - ${line}\n`)
      .join('')}`,
  )

test('a good configuration has no warnings', () => {
  assert.deepEqual(pools('sync: {workers: [a:2, a:3], sticky: user}'), [])
  assert.deepEqual(routes(), [])
})

test('no admin, a privileged port, nothing for clients', () => {
  assert.deepEqual(checked('listen: [{address: http://a:80, expose: [federation]}]\npools: {main: {workers: [a:1]}}'), [
    'routes.yaml:1:10: warning: listen[0]: port 80 needs CAP_NET_BIND_SERVICE, or root; this user is not root',
    'routes.yaml:1:1: warning: admin: absent: no metrics, no health of the router itself, no draining of workers',
    'routes.yaml:1:9: warning: listen: no listener exposes client: nobody can log in or sync',
  ])
})

for (const [what, text, message, more] of [
  [
    'several writers of typing',
    'typing: {workers: [a:2, a:3]}',
    'has 2 workers, but one process writes typing in Synapse 1.163: the others answer 500',
  ],
  [
    'several writers of presence',
    'presence: {workers: [a:2, a:3]}',
    'has 2 workers, but one process writes presence in Synapse 1.163: the others pass its requests on',
  ],
  [
    'several writers of receipts before 1.96',
    'receipts: {workers: [a:2, a:3]}',
    'has 2 workers, but one process writes receipts in Synapse 1.95: the others answer 500',
    'synapse: 1.95\n',
  ],
  [
    'a writer that falls back',
    'typing: {workers: [a:2], fallback: [main]}',
    'falls back to main, but only a writer of typing can answer: any other process answers 500',
  ],
  [
    'sync without a key',
    'sync: {workers: [a:2, a:3]}',
    "without sticky: user a client's requests visit all workers, and each fills its own caches for it",
  ],
  [
    'SSO on several workers',
    'sso: {workers: [a:2, a:3], sticky: source_ip, strict: true}',
    'an SSO login lives in the memory of the process that began it: have one worker here',
  ],
  [
    'messages that are not strict',
    'messages: {workers: [a:2, a:3], sticky: room}',
    'the pagination of a room belongs to one worker: set sticky: room and strict: true, or have one worker',
  ],
  ['mas without mas', 'mas: {workers: [a:2]}', 'is of no use without mas: true'],
  [
    'health that overlaps',
    'sync: {workers: [a:2], health: {timeout: 9s}}',
    'health.timeout (9000 ms) is longer than health.interval (2000 ms)',
  ],
] as const)
  test(`a pool: ${what}`, () => {
    const name = text.slice(0, text.indexOf(':'))
    const line = more ? 6 : 5
    const expected = `routes.yaml:${line}:3: warning: pools.${name}: ${message}`
    assert.deepEqual(pools(text, more), [expected])
  })

test('pagination that falls to a pool of several workers', () => {
  const problemsOf = (more: string) => {
    const text = `${HEAD}pools: {main: {workers: [a:1]}, generic: {workers: [a:2, a:3]}${more}}\n`
    return checkConfig(loadConfig('routes.yaml', text, realTables).config!, realTables, { privileged: false })
  }
  assert.match(
    problemsOf('')
      .map(({ path, message }) => `${path}: ${message}`)
      .join(),
    /^pools\.generic: takes the pagination of rooms/,
  )
  assert.deepEqual(problemsOf(', messages: {workers: [a:2, a:3], sticky: room, strict: true}'), [])
  assert.deepEqual(problemsOf(', room_read: {workers: [a:2]}'), [])
})

test('receipts may have several writers since 1.96', () => {
  assert.deepEqual(pools('receipts: {workers: [a:2, a:3], sticky: user}', 'synapse: 1.96\n'), [])
})

test('login and SSO pools have no use with MAS, and MAS must be reached', () => {
  assert.deepEqual(
    pools('login: {workers: [a:2]}', 'mas: true\n'),
    [
      'routes.yaml:6:3: warning: pools.login: with mas: true Synapse has no logins: they are made at the Matrix Authentication Service (pool mas)',
      'routes.yaml:4:1: warning: pools: mas: true, but there is no pool mas: /login, /logout and /refresh must reach the Matrix Authentication Service, by this router or one before it',
    ].map((line) => line.replace('4:1', '5:3')),
  )
})

for (const [what, route, message] of [
  [
    'never reached',
    '{pool: work, match: ^/_matrix/client/v3/sync$}',
    'routes[4]: is never reached: routes[0] (line 5) takes all that it matches',
  ],
  [
    'a hard writer missed',
    '{pool: work, match: ^/_matrix/client/v3/rooms/.*/receipt}',
    "routes[4]: sends POST /rooms/{roomId}/receipt/{receiptType}/{eventId} to pool work, which is not the receipts writer's alone: any other process answers 500. Before it, send them to the writer's own pool, or to main if there is none",
  ],
  [
    'main’s alone',
    '{pool: work, match: ^/_matrix/client/v3/logout$}',
    'routes[4]: sends POST /logout to pool work, but only main serves it in Synapse 1.163: answered 404 or 405',
  ],
  [
    'no endpoint',
    '{pool: work, match: ^/_matrix/client/v3/lgout$}',
    'routes[4]: matches no endpoint that Synapse 1.163 is known to have: ^/_matrix/client/v3/lgout$',
  ],
  [
    'a slash that is not there',
    '{pool: work, match: ^/_matrix/client/v3/keys/upload/}',
    'routes[4]: matches nothing: the path of POST /keys/upload has no slash at its end. Did you mean ^/_matrix/client/v3/keys/upload$?',
  ],
  [
    'a method that is not there',
    '{pool: work, match: ^/_matrix/client/v3/logout$, methods: [GET]}',
    'routes[4]: its methods, GET, are not those of what it matches: POST /logout',
  ],
] as const)
  test(`a route: ${what}`, () => {
    assert.deepEqual(routes(route), [`routes.yaml:9:${5 + route.indexOf('^')}: warning: ${message}`])
  })

test('a route that takes from the pool of a class', () => {
  const told = checked(
    `${HEAD}pools: {main: {workers: [a:1]}, work: {workers: [a:2]}, event_send: {workers: [a:5]}}\nroutes:\n  - {pool: work, match: ^/_matrix/client/v3/rooms/}\n  - {pool: event_send, match: ^/x}\n`,
  )
  assert.equal(told[0]?.includes('setTyping') || told[0]?.includes('typing writer'), true)
  assert.equal(
    told.some((line) =>
      line.endsWith(
        'sends PUT /rooms/{roomId}/send/{eventType}/{txnId} to pool work; the built-in table sends it to pool event_send',
      ),
    ),
    true,
  )
})
