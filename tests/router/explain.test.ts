import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../router/config/load.ts'
import { type Decision, explanation, parseHeader, parseRequestLine, printExplanation } from '../../router/explain.ts'
import { tables } from './config/tables.ts'

for (const [line, parsed] of [
  ['GET /a?b', { method: 'GET', target: '/a?b' }],
  ['put /a HTTP/1.1', { method: 'PUT', target: '/a' }],
  ['GET https://example.org/a?b#c', { method: 'GET', target: '/a?b' }],
  ['GET https://example.org', { method: 'GET', target: '/' }],
  ['GET https://example.org?x', { method: 'GET', target: '/?x' }],
  ['OPTIONS *', { method: 'OPTIONS', target: '*' }],
  ['/a?access_token=b', "expected a method before the path: 'GET /a?access_token=<redacted>'"],
  ['GET a', 'expected a path that starts with /, got "a"'],
  ['GET', `expected a request such as 'GET /_matrix/client/v3/sync', got "GET"`],
] as const)
  test(`a request line: ${line}`, () => assert.deepEqual(parseRequestLine(line), parsed))

test('headers', () => {
  assert.deepEqual(parseHeader('Authorization:  Bearer x '), ['Authorization', 'Bearer x'])
  assert.deepEqual(parseHeader('Bearer abcdef'), {
    mistake: `expected a header such as 'Authorization: Bearer …', got "Bearer <redacted>"`,
  })
})

const { config } = loadConfig(
  'routes.yaml',
  'listen: [http://127.0.0.1:8080]\npools: {main: {workers: [a:1]}, sync: {workers: [a:2, a:3], sticky: user}}',
  tables,
)
const rules = tables.builtInRules({ version: [1, 163], mas: false, pools: new Set(['sync']) })
const decision: Decision = {
  exposure: { needs: 'client', allowed: true },
  rule: rules[0]!,
  alsoMatching: [
    {
      name: '^/',
      match: '^/',
      pool: 'main',
      when: { initialSync: true },
      place: { file: 'routes.yaml', line: 3, column: 9 },
    },
  ],
  pools: [
    {
      pool: 'sync',
      strict: false,
      key: { sticky: 'user', from: 'Authorization', value: 'alice', secret: false },
      workers: [
        { name: 'a:3', state: 'live' },
        { name: 'a:2', state: 'down' },
      ],
    },
    { pool: 'main', strict: false, workers: [{ name: 'a:1', state: 'unknown' }] },
  ],
}
const request = {
  method: 'GET',
  target: '/_matrix/client/v3/sync?access_token=hunter2',
  headers: [['Authorization', 'Bearer hunter2']] as const,
  listener: 0,
  clientIp: '192.0.2.1',
}

test('prints what happens and why', () => {
  assert.equal(
    printExplanation(explanation(config!, request, decision)),
    `GET /_matrix/client/v3/sync?access_token=<redacted>
  listener   http://127.0.0.1:8080 exposes client, federation
             needs client: let through
  route      sync (built-in table)
             ^/_matrix/client/v3/sync$  GET → sync
  then       routes.yaml:3:9
             ^/  any method, when {"initialSync":true} → main
  pool       sync
  key        user alice, from Authorization
  workers    1. a:3  live
             2. a:2  down
  fallback   main
  key        none: the least loaded worker
  workers    a:1
`,
  )
})

test('prints no secret, as text or as JSON', () => {
  const secret: Decision = {
    ...decision,
    pools: [
      {
        pool: 'sync',
        strict: true,
        key: { sticky: 'token', from: 'Authorization', value: 'hunter2', secret: true },
        workers: [],
      },
    ],
  }
  const told = explanation(config!, request, secret)
  assert.equal(JSON.stringify(told).includes('hunter2'), false)
  assert.equal(printExplanation(told).includes('hunter2'), false)
})

test('a refusal', () => {
  const told = explanation(config!, request, {
    exposure: { needs: undefined, allowed: false },
    alsoMatching: [],
    pools: [],
    answer: { status: 404, errcode: 'M_UNRECOGNIZED', reason: '/_synapse/replication never passes' },
  })
  assert.equal(
    printExplanation(told),
    `GET /_matrix/client/v3/sync?access_token=<redacted>
  listener   http://127.0.0.1:8080 exposes client, federation
             needs nothing that is ever exposed: refused
  answer     404 M_UNRECOGNIZED: /_synapse/replication never passes, by the router itself
`,
  )
})
