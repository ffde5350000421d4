import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { checkConfig } from '../../../router/config/check.ts'
import { importSynapse } from '../../../router/config/import.ts'
import { loadConfig } from '../../../router/config/load.ts'
import type { RouterConfig } from '../../../router/config/types.ts'
import { tables as realTables } from '../../../router/tables.ts'
import { formatProblem } from '../../../shared/config/problem.ts'
import { tables } from './tables.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')

const imported = (folder: string, ...shared: readonly string[]) => {
  const read = (file: string) => ({ file: relative(folder, file), text: readFileSync(file, 'utf8') })
  const { text, problems } = importSynapse(
    ['homeserver.yaml', ...shared].map((file) => read(join(folder, file))),
    globSync(join(folder, 'workers/*.yaml')).sort().map(read),
  )
  assert.ok(text, problems.map(formatProblem).join('\n'))
  const loaded = loadConfig('routes.yaml', text, tables)
  assert.deepEqual(loaded.problems.map(formatProblem), [], 'what import writes loads again')
  return { text, config: loaded.config!, problems: problems.map(formatProblem) }
}
/** `sync: a:1 a:2 · user → main`, one line a pool. */
const summary = ({ pools }: RouterConfig): readonly string[] =>
  [...pools.values()].map(
    ({ name, workers, sticky, strict, fallback }) =>
      `${name}: ${workers.map((worker) => worker.name).join(' ')}${sticky ? ` · ${sticky}` : ''}${strict ? ' · strict' : ''}${fallback.length > 0 ? ` → ${fallback.join(' ')}` : ''}`,
  )

test('workers that are named for what they do', () => {
  const { config, problems, text } = imported(join(FIXTURES, 'specialised'), 'extra.yaml')
  assert.deepEqual(problems, [])
  assert.deepEqual(summary(config), [
    'main: synapse-main:8008',
    'generic: 127.0.0.1:8081 → main',
    'sync: unix:/run/synchrotron 1.sock · user → main',
    'initial_sync: [::1]:8082 · user → sync main',
    'event_send: 127.0.0.1:8085 · room → generic main',
    'room_read: 127.0.0.1:8085 · room → generic main',
    'messages: 127.0.0.1:8085 · room · strict',
    'login: 127.0.0.1:8086 → generic main',
    'federation_read: 10.0.0.5:8084 · room → generic main',
    'federation_in: 10.0.0.5:8083 · origin → generic main',
    'typing: synapse-stream-writer-1:8080',
    'receipts: synapse-stream-writer-1:8080 127.0.0.1:8081 · user',
    'media: 127.0.0.1:8087 · media',
    'sso: 127.0.0.1:8086 · source_ip · strict',
  ])
  assert.equal(config.pools.get('media')!.maxBodyBytes, 100 * 2 ** 20)
  assert.equal(config.serverName, 'example.org')
  assert.match(
    text,
    /^ {6}- synapse-main:8008 # main, homeserver.yaml \(bound to ::, 0\.0\.0\.0; the host is that of instance_map\)$/m,
  )
  assert.match(text, /^# {3}event-persister-1, workers\/event-persister-1\.yaml: writes events$/m)
  assert.match(text, /^# {3}federation-sender-1, .*: federation sender$/m)
})

test('what cannot work is told where it stands', () => {
  const { problems, config } = imported(join(FIXTURES, 'broken'))
  assert.deepEqual(problems, [
    'homeserver.yaml:9:3: warning: stream_writers.typing: typing has one writer in Synapse, not 2: a, ghost',
    'workers/notes.yaml:1:1: warning: left out: no worker_app and no worker_name, so this is no worker',
    "workers/twin.yaml:2:14: warning: worker_name: b is also the name in workers/b.yaml: two processes of one name take each other's work",
    'homeserver.yaml:3:5: warning: listeners[0]: main has no x_forwarded: true here: it will take all clients for the router, and rate-limit them as one',
    'homeserver.yaml:4:5: warning: listeners[1]: replication of main is open to all without worker_replication_secret: who reaches it can act as any user',
    'workers/a.yaml:4:5: warning: worker_listeners[0]: 127.0.0.1:8008 is also the address of main (homeserver.yaml)',
    'workers/b.yaml:4:5: warning: worker_listeners[0]: b speaks TLS here, the router plain HTTP to workers: give it a listener without tls',
    'homeserver.yaml:9:11: warning: stream_writers.typing: a has no replication listener: others cannot hand it their writes',
    'homeserver.yaml:9:11: warning: stream_writers.typing: ghost is not in instance_map: Synapse will not start',
    'homeserver.yaml:9:11: warning: stream_writers.typing: ghost is no worker of the files given: requests for typing will be answered 500',
    'homeserver.yaml:10:14: warning: stream_writers.to_device: b is not in instance_map: Synapse will not start',
    'homeserver.yaml:10:14: warning: stream_writers.to_device: b has no client listener: requests for to_device go to main, which answers 500',
    'homeserver.yaml:11:13: warning: stream_writers.receipts: b is not in instance_map: Synapse will not start',
    'homeserver.yaml:11:13: warning: stream_writers.receipts: b has no client listener: requests for receipts go to main, which answers 500',
    'homeserver.yaml:7:3: warning: instance_map: main is not in it: no worker will start',
    'warning: redis: workers need redis: {enabled: true}',
    'homeserver.yaml:5:20: warning: enable_media_repo: false, and no worker has a media listener: media is answered 404',
    "homeserver.yaml:3:3: warning: listeners: main has no plain listener with federation: other servers' requests that no worker serves are answered 404",
  ])
  assert.equal(config.pools.has('to_device'), false)
})

test('the Matrix Authentication Service gets a pool, and SSO none', () => {
  const { config, problems } = imported(join(FIXTURES, 'mas'))
  assert.deepEqual(problems, [])
  assert.equal(config.mas, true)
  assert.deepEqual(summary(config), ['main: unix:/run/main.sock', 'mas: mas:8080'])
})

/** The pools made of files that are written here. */
const made = (homeserver: string, ...workers: readonly string[]) => {
  const { text, problems } = importSynapse(
    [{ file: 'hs.yaml', text: homeserver }],
    workers.map((text, i) => ({ file: `w${i}.yaml`, text })),
  )
  const loaded = loadConfig('routes.yaml', text, realTables)
  assert.deepEqual(loaded.problems.map(formatProblem), [])
  assert.deepEqual(checkConfig(loaded.config!, realTables, { privileged: false }), [])
  return { pools: summary(loaded.config!), config: loaded.config!, problems: problems.map(formatProblem) }
}
const listen = (port: number, names: string, more = '') =>
  `{port: ${port}, type: http, x_forwarded: true, bind_addresses: ['::1', 127.0.0.1]${more}, resources: [{names: [${names}]}]}`
const REDIS = 'redis: {enabled: true}\ninstance_map: {main: {host: localhost, port: 9093}}\n'

test('main with a listener for clients and one for servers: each gets its own', () => {
  const homeserver = `${REDIS}listeners: [${listen(8008, 'client')}, ${listen(8009, 'federation')}]\n`
  const { pools, problems } = made(homeserver)
  assert.deepEqual(pools, ['main: 127.0.0.1:8008', 'federation_read: 127.0.0.1:8009', 'federation_in: 127.0.0.1:8009'])
  assert.deepEqual(problems, [
    'hs.yaml:3:12: warning: listeners: main has no plain listener with both client and federation: what only main serves to other servers (openid/userinfo, its media) is answered 404',
  ])
  const { pools: withWorker } = made(
    homeserver,
    `worker_name: g\nworker_listeners: [${listen(8011, 'client, federation')}]`,
  )
  assert.deepEqual(withWorker.slice(-3), [
    'federation_in: 127.0.0.1:8011 · origin → main_federation',
    'federation_read: 127.0.0.1:8011 → main_federation',
    'main_federation: 127.0.0.1:8009',
  ])
})

test('max_upload_size counts where main has the media', () => {
  const { pools, config } = made(`max_upload_size: 200M\nlisteners: [${listen(8008, 'client, federation')}]\n`)
  assert.deepEqual(pools, ['main: 127.0.0.1:8008', 'media: 127.0.0.1:8008'])
  assert.equal(config.pools.get('media')?.maxBodyBytes, 200 * 2 ** 20)
})

test('with MAS a worker for logins is one for registrations', () => {
  const { pools } = made(
    `${REDIS}matrix_authentication_service: {enabled: true, endpoint: "http://mas:8080/"}\nlisteners: [${listen(8008, 'client, federation')}]\n`,
    `worker_name: login1\nworker_listeners: [${listen(8011, 'client')}]`,
  )
  assert.deepEqual(pools, ['main: 127.0.0.1:8008', 'register: 127.0.0.1:8011 → main', 'mas: mas:8080'])
})

test('what keeps Synapse itself from starting is told', () => {
  const { problems } = made(
    `${REDIS}listeners: [${listen(8008, 'client, federation')}]\nstream_writers: {typng: master, to_device: [], receipts: main, presence: master}\n`,
    'worker_app: synapse.app.homeserver\n',
    'worker_name: g\nworker_replication_http_port: 9093\n',
  )
  assert.deepEqual(problems, [
    'hs.yaml:4:18: warning: stream_writers.typng: no stream of Synapse, did you mean typing?: it will not start with it',
    'hs.yaml:4:33: warning: stream_writers.to_device: nobody writes it: Synapse will not start',
    'hs.yaml:4:48: warning: stream_writers.receipts: the main process is called master here: no worker of Synapse will start with main',
    'w0.yaml:1:13: warning: worker_app: left out: this is the main process, give its file with --homeserver',
    'w1.yaml:2:31: warning: worker_replication_http_port: no Synapse from 1.88 on starts with it: put main into instance_map',
  ])
})

test('a listener that no Synapse opens is told, and left out', () => {
  const { problems } = made(`listeners: [${listen(8008, 'client, federation')}, {port: '8009', type: http}]\n`)
  assert.deepEqual(problems, ['hs.yaml:1:145: warning: listeners[1].port: expected a port, got "8009"'])
})

test('files that are not Synapse’s are refused', () => {
  for (const [text, message] of [
    [
      'listeners: [a',
      'hs.yaml:1:14: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    [
      'server_name: a\n---\nserver_name: b',
      'hs.yaml:2:1: a second document begins here, and Synapse reads files of one: remove the ---',
    ],
    [
      `listeners: [${listen(8448, 'client', ', tls: true')}]`,
      'hs.yaml:1:12: listeners: the main process has no plain HTTP listener with the client resource, which the router needs: it has one with TLS, give it another without',
    ],
    [
      'server_name: a',
      'listeners: the main process has no plain HTTP listener with the client resource, which the router needs',
    ],
  ] as const)
    assert.deepEqual(importSynapse([{ file: 'hs.yaml', text }], []).problems.map(formatProblem), [message])
})

test('a file that is no map is passed over, as Synapse does', () => {
  const { problems } = importSynapse([{ file: 'hs.yaml', text: '- a' }], [])
  assert.deepEqual(problems.map(formatProblem), [
    'hs.yaml:1:1: warning: holds no map of settings: passed over, as Synapse does',
    'listeners: the main process has no plain HTTP listener with the client resource, which the router needs',
  ])
})

test('names with newlines and quotes cannot leave their comment', () => {
  const text = `server_name: "a\\nb"
listeners: [{path: "/run/a: 'b' # c.sock", type: http, resources: [{names: [client, federation]}]}]
worker_replication_secret: x`
  const result = importSynapse([{ file: 'a\nlisten: 1', text }], [])
  assert.equal(result.text?.includes('\nlisten: 1'), false)
  assert.equal(loadConfig('routes.yaml', result.text, tables).config, undefined, 'the server name is refused')
  const fixed = loadConfig('routes.yaml', result.text!.replace('"a\\nb"', 'a'), tables)
  assert.equal(fixed.config?.pools.get('main')?.workers[0]?.name, "unix:/run/a: 'b' # c.sock")
})

/** What writes Synapse deployments: beside the repository, no part of it. */
const RIG = process.env.RIG_HOME ?? join(import.meta.dirname, '../../../../shared/rig')
test('the files that the test rig writes', { skip: rigIsMissing() }, (t) => {
  for (const [profile, unix, pools] of [
    ['full', '0', 16],
    ['small', '0', 6],
    ['small', '1', 6],
    ['mono', '0', 1],
  ] as const) {
    const folder = mkdtempSync(join(tmpdir(), 'rig-'))
    t.after(() => rmSync(folder, { recursive: true }))
    execFileSync('bash', ['-c', '. "$RIG_HOME/env.sh" && python3 "$RIG_HOME/gen.py" "$0"', profile], {
      env: { ...process.env, RIG_HOME: RIG, RIG_DIR: folder, RIG_UNIX: unix },
    })
    const { config, problems } = imported(folder)
    assert.deepEqual(
      problems.filter((problem) => !problem.includes('quarantin')),
      [],
    )
    assert.equal(config.pools.size, pools)
    assert.deepEqual(checkConfig(config, tables, { privileged: false }), [])
  }
})

function rigIsMissing(): string | false {
  if (!existsSync(join(RIG, 'gen.py'))) return `there is no gen.py in ${RIG}`
  try {
    execFileSync('python3', ['-c', 'import yaml'], { stdio: 'ignore', cwd: dirname(RIG) })
    return false
  } catch {
    return 'python3 has no PyYAML'
  }
}
