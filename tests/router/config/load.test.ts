import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadConfig } from '../../../router/config/load.ts'
import { formatProblem } from '../../../shared/config/problem.ts'
import { decodeText } from '../../../shared/config/text-file.ts'
import { tables } from './tables.ts'

const problemsOf = (text: string): readonly string[] =>
  loadConfig('routes.yaml', text, tables).problems.map(formatProblem)
const load = (text: string) => {
  const { config, problems } = loadConfig('routes.yaml', text, tables)
  assert.deepEqual(problems.map(formatProblem), [])
  return config!
}
const LEAST = 'listen: [http://127.0.0.1:8080]\npools: {main: {workers: [127.0.0.1:8008]}}\n'
/** A file with a good head and the pools given, whose text starts on line 3, column 3. */
const withPools = (pools: string) =>
  `listen: [http://127.0.0.1:8080]\npools:\n  main: {workers: [127.0.0.1:8008]}\n  ${pools}\n`
const withRoute = (route: string) => `${LEAST}routes:\n  - pool: main\n    match: ${route}\n`

test('everything but listen and pools.main has a default', () => {
  assert.deepEqual(load(LEAST), {
    file: 'routes.yaml',
    listen: [{ address: { kind: 'tcp', host: '127.0.0.1', port: 8080 }, expose: ['client', 'federation'] }],
    trustedProxies: [],
    adminHosts: [],
    pools: new Map([
      [
        'main',
        {
          name: 'main',
          workers: [
            {
              name: '127.0.0.1:8008',
              address: { kind: 'tcp', host: '127.0.0.1', port: 8008 },
              weight: 1,
              drain: false,
            },
          ],
          strict: false,
          fallback: [],
          concurrency: Number.POSITIVE_INFINITY,
          queue: 1000,
          timeouts: { connectMs: 5000, readMs: 180_000, queueMs: 60_000 },
          health: { path: '/health', intervalMs: 2000, timeoutMs: 2000 },
        },
      ],
    ]),
    synapse: 'auto',
    mas: false,
    accessLog: { to: 'stdout' },
    drainMs: 35_000,
  })
})

test('every key is read', () => {
  const config = load(`
server_name: '[::1]:8448'
listen: [unix:/run/router.sock, {address: 'http://[::1]:80', expose: [admin]}]
trusted_proxies: [10.0.0.0/8, 'fd00::/8', 192.0.2.1]
admin: http://localhost:9180
admin_hosts: [router.example.org, metrics]
synapse: v1.163.2
mas: true
access_log: logs/access.log
drain: 2m
pools:
  main: {workers: [synapse_main:8008], health: false, max_body: 1.5G, concurrency: 5, queue: 0, timeouts: {read: 250, queue: 1.5s}}
  sync:
    workers: ['[fe80::1]:8013', {address: unix:/run/sync.sock, weight: 0.5, drain: true}]
    sticky: user
    strict: true
    fallback: [main]
    health: {path: /ready, interval: 10s}
routes:
  - {pool: sync, match: ^/sync$, methods: [GET, POST], when: {initial_sync: false, query: {dir: b, from: true, n: 1.10}}}
`)
  assert.deepEqual(config.listen[1], { address: { kind: 'tcp', host: '::1', port: 80 }, expose: ['admin'] })
  assert.deepEqual(config.adminHosts, ['router.example.org', 'metrics'])
  assert.deepEqual(config.synapse, [1, 163])
  assert.equal(config.drainMs, 120_000)
  assert.match((config.accessLog.to as { file: string }).file, /\/logs\/access\.log$/)
  const main = config.pools.get('main')!
  assert.deepEqual(main.health.path, '')
  assert.deepEqual(main.timeouts, { connectMs: 5000, readMs: 250, queueMs: 1500 })
  assert.equal(main.maxBodyBytes, 1.5 * 2 ** 30)
  const sync = config.pools.get('sync')!
  assert.deepEqual(sync.workers[1], {
    name: 'unix:/run/sync.sock',
    address: { kind: 'unix', path: '/run/sync.sock' },
    weight: 0.5,
    drain: true,
  })
  assert.deepEqual(sync.health, { path: '/ready', intervalMs: 10_000, timeoutMs: 2000 })
  assert.deepEqual(config.routes, [
    {
      pool: 'sync',
      match: '^/sync$',
      methods: ['GET', 'POST'],
      when: { initialSync: false, query: { dir: 'b', from: true, n: '1.10' } },
      place: { file: 'routes.yaml', line: 20, column: 25 },
    },
  ])
})

test('a version is read from its text: 1.11 is not 1.110', () => {
  for (const [written, version] of [
    ['1.11', [1, 11]],
    ['1.110', [1, 110]],
    ["'1.163'", [1, 163]],
    ['1.163.0rc1', [1, 163]],
    ['auto', 'auto'],
  ] as const)
    assert.deepEqual(load(`${LEAST}synapse: ${written}\n`).synapse, version)
})

test('anchors, aliases and merged maps', () => {
  const config = load(`
x-pool: &defaults {queue: 7, timeouts: &t {read: 1s}}
listen: [http://127.0.0.1:8080]
pools:
  main: {<<: *defaults, workers: &w [127.0.0.1:8008]}
  sync: {<<: [*defaults], workers: *w, queue: 8, timeouts: *t}
`)
  assert.equal(config.pools.get('main')!.queue, 7)
  assert.equal(config.pools.get('sync')!.queue, 8)
  assert.equal(config.pools.get('sync')!.timeouts.readMs, 1000)
})

const BAD: readonly (readonly [what: string, text: string, ...problems: readonly string[]])[] = [
  ['an empty file', '', 'routes.yaml:1:1: empty: listen and pools.main are needed'],
  ['no map', '- a', 'routes.yaml:1:1: expected a map with listen and pools, got a list'],
  [
    'nothing that is needed',
    'mas: true',
    'routes.yaml:1:1: listen: missing: a list of listeners',
    'routes.yaml:1:1: pools: missing: a map of pools',
  ],
  [
    'broken YAML',
    'listen: [a',
    'routes.yaml:1:11: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [
    'a second document',
    `${LEAST}---\nmas: true\n`,
    'routes.yaml:3:1: a second document begins here: a configuration is one, remove the ---',
  ],
  ['an unknown key', `${LEAST}acces_log: off\n`, 'routes.yaml:3:1: acces_log: unknown key: did you mean access_log?'],
  ['a key given twice', `${LEAST}mas: true\nmas: false\n`, 'routes.yaml:4:1: mas: given twice, first on line 3'],
  ['an alias to nothing', `${LEAST}drain: *x\n`, 'routes.yaml:3:8: the alias *x has no anchor &x before it'],
  [
    'workers of all wrong kinds',
    withPools(
      'sync: {workers: ["8013", 8013, a:0, a:65536, 300.1.1.1:1, "::1:8008", unix:run/x, http://a:1, https://a:1, {address: b}, []]}',
    ),
    'routes.yaml:4:20: pools.sync.workers[0]: expected host:port, got "8013"',
    'routes.yaml:4:28: pools.sync.workers[1]: expected host:port, got "8013"',
    'routes.yaml:4:34: pools.sync.workers[2]: port 0 does not exist: ports go from 1 to 65535',
    'routes.yaml:4:39: pools.sync.workers[3]: port 65536 does not exist: ports go from 1 to 65535',
    'routes.yaml:4:48: pools.sync.workers[4]: "300.1.1.1" is neither an IPv4 address nor a host name',
    `routes.yaml:4:61: pools.sync.workers[5]: an IPv6 address stands in brackets before its port: '[::1:8008]:8008'`,
    'routes.yaml:4:73: pools.sync.workers[6]: expected unix:/absolute/path, got "unix:run/x"',
    'routes.yaml:4:85: pools.sync.workers[7]: a worker is written without a scheme: a:1',
    'routes.yaml:4:97: pools.sync.workers[8]: the router speaks plain HTTP to workers: expected host:port or unix:/path, got "https://a:1"',
    'routes.yaml:4:120: pools.sync.workers[9].address: expected host:port, got "b"',
    'routes.yaml:4:124: pools.sync.workers[10]: expected host:port, unix:/path or {address, weight, drain}, got a list',
  ],
  [
    'an IPv6 address without quotes',
    withPools('sync:\n    workers:\n      - [::1]:8013'),
    "routes.yaml:6:14: quote an IPv6 address: '[::1]:8013'",
  ],
  [
    'a socket path too long',
    withPools(`sync: {workers: [unix:/${'x'.repeat(107)}]}`),
    'routes.yaml:4:20: pools.sync.workers[0]: a socket path has at most 107 bytes, this one has 108',
  ],
  [
    'no workers',
    withPools('sync: {workers: []}'),
    'routes.yaml:4:19: pools.sync.workers: expected a list of workers, got an empty list',
  ],
  [
    'no list',
    withPools('sync: {workers: a:1}'),
    'routes.yaml:4:19: pools.sync.workers: expected a list of workers, got "a:1": write [a:1]',
  ],
  ['nothing at all', withPools('sync:'), 'routes.yaml:4:8: pools.sync: expected a map with workers, got nothing'],
  [
    'the same worker twice',
    withPools('sync: {workers: [A:1, {address: a:1}]}'),
    'routes.yaml:4:25: pools.sync.workers[1]: a:1 is in the pool already, as workers[0]',
  ],
  [
    'a weight of nothing',
    withPools('sync: {workers: [{address: a:1, weight: 0}]}'),
    'routes.yaml:4:43: pools.sync.workers[0].weight: expected a number above 0, got "0"',
  ],
  [
    'an unknown sticky',
    withPools('sync: {workers: [a:1], sticky: usr}'),
    'routes.yaml:4:34: pools.sync.sticky: expected user, token, room, source_ip, origin, media or uri, got "usr": did you mean user?',
  ],
  [
    'a word of YAML 1.1',
    withPools('sync: {workers: [a:1], sticky: user, strict: yes}'),
    'routes.yaml:4:48: pools.sync.strict: expected true or false, got "yes", which is a word in YAML 1.2',
  ],
  [
    'strict without sticky',
    withPools('sync: {workers: [a:1], strict: true}'),
    'routes.yaml:4:34: pools.sync.strict: strict needs sticky: it is about the worker of a key',
  ],
  [
    'durations and sizes',
    withPools('sync: {workers: [a:1], timeouts: {read: 5 minutes, connect: 30d}, max_body: 50MB}'),
    'routes.yaml:4:43: pools.sync.timeouts.read: expected a duration such as 30s, 2m or 250 (milliseconds), got "5 minutes"',
    'routes.yaml:4:63: pools.sync.timeouts.connect: expected a duration such as 30s, 2m or 250 (milliseconds), got "30d"',
    'routes.yaml:4:79: pools.sync.max_body: expected a size such as 50M, 512K or a number of bytes, got "50MB"',
  ],
  [
    'a fallback that does not exist',
    withPools('sync: {workers: [a:1], fallback: [mian]}'),
    'routes.yaml:4:37: pools.sync.fallback[0]: there is no pool "mian": did you mean main?',
  ],
  [
    'fallbacks in a circle',
    withPools('sync: {workers: [a:1], fallback: [generic]}\n  generic: {workers: [a:2], fallback: [main, sync]}'),
    'routes.yaml:5:46: pools.generic.fallback[1]: goes in a circle: sync → generic → sync',
  ],
  [
    'a pool that gets nothing',
    withPools('snyc: {workers: [a:1]}'),
    'routes.yaml:4:3: pools.snyc: gets no request: without routes: of your own a pool is named for a class of endpoints. Did you mean sync?',
  ],
  [
    'no main',
    'listen: [http://a:1]\npools: {sync: {workers: [a:2]}}',
    'routes.yaml:2:8: pools: there is no pool main: it serves whatever no other pool does',
  ],
  [
    'listeners',
    'listen: [http://a:1/x, ftp://a, http://0.0.0.0:80, http://127.0.0.1:80, https://a:2]\npools: {main: {workers: [b:1]}}',
    'routes.yaml:1:10: listen[0]: a listener has no path: "/x" is too much',
    'routes.yaml:1:24: listen[1]: expected http://host:port, https://host:port or unix:/path, got "ftp://a"',
    'routes.yaml:1:52: listen[3]: 127.0.0.1:80 is taken by listen[2], 0.0.0.0:80',
    'routes.yaml:1:73: listen[4]: https needs a certificate: {address: …, certificate: FILE, key: FILE}',
    'routes.yaml:1:73: listen[4]: https needs a key: {address: …, certificate: FILE, key: FILE}',
  ],
  [
    'TLS files that are not there',
    'listen: [{address: https://a:1, certificate: /nowhere/c.pem, key: /nowhere/k.pem}]\npools: {main: {workers: [b:1]}}',
    'routes.yaml:1:46: listen[0].certificate: /nowhere/c.pem: no such file',
    'routes.yaml:1:67: listen[0].key: /nowhere/k.pem: no such file',
  ],
  [
    'a certificate for plain HTTP',
    'listen: [{address: http://a:1, certificate: c}]\npools: {main: {workers: [b:1]}}',
    'routes.yaml:1:45: listen[0].certificate: is for https:// listeners only',
  ],
  [
    'the router as its own worker',
    withPools('sync: {workers: [localhost:8080]}'),
    'routes.yaml:4:20: pools.sync.workers[0]: is the router itself (listen[0]): its requests would go in circles',
  ],
  [
    'admin with TLS',
    `${LEAST}admin: https://127.0.0.1:9180\n`,
    'routes.yaml:3:8: admin: expected http://host:port or unix:/path, got "https://127.0.0.1:9180"',
  ],
  [
    'a host name with a port',
    `${LEAST}admin_hosts: ['router.example.org:9180']\n`,
    'routes.yaml:3:15: admin_hosts[0]: expected a host name, got "router.example.org:9180"',
  ],
  [
    'admin on the socket of a listener',
    'listen: [unix:/run/a.sock]\nadmin: unix:/run/a.sock\npools: {main: {workers: [a:1]}}\n',
    'routes.yaml:2:8: admin: is also listen[0]: metrics and draining are not for the public',
  ],
  [
    'admin on a listener',
    `${LEAST}admin: http://0.0.0.0:8080\n`,
    'routes.yaml:3:8: admin: is also listen[0]: metrics and draining are not for the public',
    'routes.yaml:3:8: warning: admin: 0.0.0.0:8080 may be reached from outside: use a loopback or a private address',
  ],
  [
    'networks',
    `${LEAST}trusted_proxies: [10.0.0.0/33, example.org]\n`,
    'routes.yaml:3:19: trusted_proxies[0]: an IPv4 prefix has at most 32 bits, not 33',
    'routes.yaml:3:32: trusted_proxies[1]: expected an address or a network such as 10.0.0.0/8, got "example.org"',
  ],
  [
    'no version',
    `${LEAST}synapse: 2\n`,
    `routes.yaml:3:10: synapse: expected a Synapse release such as '1.163', or auto, got "2"`,
  ],
  [
    'an access log that is a typo',
    `${LEAST}access_log: stdot\n`,
    'routes.yaml:3:13: access_log: expected off, stdout or the path of a file, got "stdot"',
  ],
  [
    'routes',
    `${LEAST}routes: [{pool: snyc, match: ^/, methods: [get]}, {match: ''}, x]\n`,
    'routes.yaml:3:17: routes[0].pool: there is no pool "snyc": there are main',
    'routes.yaml:3:44: routes[0].methods[0]: expected GET, PUT, POST, DELETE, PATCH, HEAD or OPTIONS, got "get": did you mean GET?',
    'routes.yaml:3:51: routes[1].pool: missing: the name of a pool',
    'routes.yaml:3:59: routes[1].match: expected a regular expression, got ""',
    'routes.yaml:3:64: routes[2]: expected a map with pool and match, got "x"',
  ],
]
for (const [what, text, ...problems] of BAD)
  test(`says what is wrong, and where: ${what}`, () => assert.deepEqual(problemsOf(text), problems))

const AT = 'routes[0].match: look-ahead is not read here'
for (const [style, written, line, column] of [
  ['plain', '^/a(?=b)', 5, 15],
  ['single-quoted', `'it''s ''(?=b)'`, 5, 21],
  ['double-quoted', `"\\u005e\\x2f\\\\(?=b)"`, 5, 25],
  ['literal block', '|\n      ^/a(?=b)', 6, 10],
  ['folded block', '>-\n      ^/a\n      b(?=b)', 7, 8],
  ['folded plain', '^/a\n      b(?=b)', 6, 8],
  ['double-quoted with a joined line', `"^/a\\\n      b(?=b)"`, 6, 8],
] as const)
  test(`a pattern's mistake is placed within a ${style} scalar`, () =>
    assert.deepEqual(problemsOf(withRoute(written)), [`routes.yaml:${line}:${column}: ${AT}`]))

test('files that cannot be read say why', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'routes-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'routes.yaml')
  const told = () => loadConfig(file, undefined, tables).problems.map(formatProblem)
  assert.deepEqual(told(), [`${file}: no such file`])
  for (const [bytes, message] of [
    [Buffer.from('a\0b'), 'not a text file: byte 2 is NUL'],
    [Buffer.from([0xc3, 0x28]), 'not UTF-8'],
    [Buffer.alloc(2 ** 20 + 1, 32), 'larger than 1 MiB, which no configuration is'],
  ] as const) {
    writeFileSync(file, bytes)
    assert.deepEqual(told(), [`${file}: ${message}`])
  }
  writeFileSync(file, LEAST)
  assert.ok(loadConfig(file, undefined, tables).config)
  assert.deepEqual(loadConfig(folder, undefined, tables).problems.map(formatProblem), [
    `${folder}: is a directory, not a file`,
  ])
  assert.deepEqual(loadConfig('/dev/null', undefined, tables).problems.map(formatProblem), [
    '/dev/null: is a device, not a file',
  ])
})

test('never throws, whatever the text', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom(
      '\n',
      '  ',
      '- ',
      ': ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      '<<: *a',
      '"',
      "'",
      '|\n',
      '>',
      '!!x ',
      '? ',
      '---\n',
      '#',
      ',',
    ),
    fc.constantFrom(
      'listen',
      'pools',
      'main',
      'workers',
      'routes',
      'match',
      'when',
      'query',
      'a:1',
      'http://a:1',
      '"a[b"',
      '__proto__',
      '~',
      '1.5',
    ),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const { config, problems } = loadConfig('routes.yaml', pieces.join(''), tables)
      assert.equal(
        config === undefined,
        problems.some(({ severity }) => severity === 'error'),
      )
      for (const problem of problems) assert.ok(formatProblem(problem).startsWith('routes.yaml:'))
    }),
    { numRuns: 1000 },
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeText(bytes)))
  const deep = problemsOf('['.repeat(500_000))
  assert.equal(deep.length > 0, true)
  assert.deepEqual(problemsOf(`${LEAST}x-a: &a {<<: *a}\n`).length <= 1, true)
})

test('maps merged into maps cost no more than they are long', () => {
  const merges = Array.from({ length: 60 }, (_, i) => `x-${i + 1}: &m${i + 1} {<<: [*m${i}, *m${i}]}\n`).join('')
  const config = load(
    `x-0: &m0 {queue: 3}\n${merges}listen: [http://127.0.0.1:8080]\npools: {main: {<<: *m60, workers: [a:1]}}\n`,
  )
  assert.equal(config.pools.get('main')!.queue, 3)
})

test('what an alias stands for is wrong once', () => {
  const text = `x-w: &w [nowhere]\n${withPools('sync: {workers: *w}\n  generic: {workers: *w}')}`
  assert.deepEqual(problemsOf(text), ['routes.yaml:1:10: pools.sync.workers[0]: expected host:port, got "nowhere"'])
})
