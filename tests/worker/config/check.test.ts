import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatProblem } from '../../../shared/config/problem.ts'
import { checkDeployment } from '../../../worker/config/check.ts'

const listen = (port: number, names: string) =>
  `{port: ${port}, type: http, bind_addresses: [127.0.0.1], resources: [{names: [${names}]}]}`
const SHARED = `server_name: example.org
database: {name: psycopg2, args: {dbname: synapse}}
signing_key: ed25519 a_AbCd ciAgrZwSVV6AJuqTBDmdtfsFuvpHK3rDLyzZe+L4mRs
redis: {enabled: true}
listeners: [${listen(8008, 'client, federation')}, ${listen(9093, 'replication')}]
`
const APP = 'worker_app: synapse.app.generic_worker\n'

const check = (shared: string, ...workers: readonly string[]) =>
  checkDeployment(
    [{ file: 'hs.yaml', text: SHARED + shared }],
    workers.map((text, i) => ({ file: `w${i}.yaml`, text })),
  ).problems.map(formatProblem)

const INSTANCES = `instance_map:
  main: {host: localhost, port: 9093}
  w0: {host: localhost, port: 9100}
`

test('a deployment in which nothing is wrong', () => {
  assert.deepEqual(
    check(
      `${INSTANCES}stream_writers: {events: w0}\nfederation_sender_instances: [w1]\n`,
      `${APP}worker_name: w0\nworker_listeners: [${listen(8010, 'client')}, ${listen(9100, 'replication')}]\n`,
      `${APP}worker_name: w1\n`,
      'version: 1\nhandlers: {}\nroot: {level: INFO}\n',
    ),
    [],
  )
})

test('what no process can say alone', () => {
  assert.deepEqual(
    check(
      `${INSTANCES}  w9: {host: localhost, port: 9109}
stream_writers: {events: [w0, w9], typing: w7, presence: [w0, w9]}
federation_sender_instances: [w0, w8]
run_background_tasks_on: w6
enable_media_repo: false
`,
      `${APP}worker_name: w0\nworker_listeners: [${listen(8008, 'client')}]\n`,
      `${APP}worker_name: w1\nstream_writers: {events: w0}\nworker_listeners: [{port: 9093, type: http, resources: [{names: [replication]}]}]\n`,
      `${APP}worker_name: w1\nfederation_sender_instances: [w1]\n`,
      'server_name: other\n',
      'worker_app: synapse.app.homeserver\n',
    ),
    [
      'hs.yaml:10:36: stream_writers.typing: w7 is not in instance_map: nobody could hand it what is to be written',
      'hs.yaml:10:48: stream_writers.presence: presence has one writer in Synapse, not 2: w0, w9',
      'w0.yaml:3:19: worker_listeners: w0 writes events, presence and has no listener with the replication resource: nobody could hand it anything',
      'w1.yaml:4:20: worker_listeners[0]: replication is open to all without worker_replication_secret: who reaches it can act as any user',
      'w3.yaml:1:1: warning: left out: no worker_app and no worker_name, so this is no worker',
      "w2.yaml:2:14: worker_name: w1 is also the name in w1.yaml: two processes of one name take each other's work",
      'w4.yaml:1:13: worker_app: this is the main process, which hs.yaml is already',
      'hs.yaml:10:26: warning: stream_writers.events: w9 is no worker of the files given: while it is not there, nothing is written to events',
      'hs.yaml:10:58: warning: stream_writers.presence: w9 is no worker of the files given: while it is not there, nothing is written to presence',
      'hs.yaml:10:44: warning: stream_writers.typing: w7 is no worker of the files given: while it is not there, nothing is written to typing',
      'w1.yaml:3:26: stream_writers.events: w1 (w1.yaml) has w0, and the main process w0, w9: all must have the same',
      'w1.yaml:3:17: stream_writers.presence: w1 (w1.yaml) has master, and the main process w0, w9: all must have the same',
      'w1.yaml:3:17: stream_writers.typing: w1 (w1.yaml) has master, and the main process w7: all must have the same',
      'hs.yaml:11:30: warning: federation_sender_instances: w8 is no worker of the files given: nothing is sent to the servers of its share',
      'hs.yaml:12:26: warning: run_background_tasks_on: w6 is no worker of the files given: what is to be done from time to time is not',
      'w2.yaml:3:30: federation_sender_instances: w1 (w2.yaml) has w1, and the main process w0, w8: all must have the same',
      'w0.yaml:3:20: warning: worker_listeners[0]: 127.0.0.1:8008 is also where master (hs.yaml) listens: on one machine the second will not start',
      'w1.yaml:4:20: warning: worker_listeners[0]: [::]:9093, 0.0.0.0:9093 is also where master (hs.yaml) listens: on one machine the second will not start',
      'hs.yaml:13:20: warning: enable_media_repo: false, and no worker has a listener for media: they are answered 404',
    ],
  )
})

test('without --workers a process is judged by itself', () => {
  assert.deepEqual(
    check('stream_writers: {typing: w0}\ninstance_map: {w0: {host: a, port: 1}}\nenable_media_repo: false\n'),
    [],
  )
})

test('workers need main: in instance_map, and with a listener', () => {
  const worker = `${APP}worker_name: w1\n`
  assert.deepEqual(check('', worker), [
    'hs.yaml: instance_map: main is not in it: workers reach the main process over HTTP',
  ])
  assert.deepEqual(check(`listeners: [${listen(8008, 'client')}]\n${INSTANCES}`, worker), [
    'hs.yaml:6:1: warning: listeners: given twice: this one counts, not that on line 5',
    'hs.yaml:6:12: warning: listeners: others look for main in instance_map, and it has no listener with the replication resource',
    'hs.yaml:6:12: listeners: the main process has no listener with the replication resource: workers hand it what it alone does',
  ])
  assert.deepEqual(check(`redis: {enabled: false}\n${INSTANCES}`, worker), [
    'hs.yaml:6:1: warning: redis: given twice: this one counts, not that on line 4',
    'hs.yaml:6:8: warning: redis: is not enabled: the processes talk over Postgres, which workers of Synapse’s cannot',
  ])
})

test('instance_map and listeners must agree', () => {
  const told = (location: string) =>
    check(
      `instance_map:\n  main: {host: localhost, port: 9093}\n  w0: ${location}\nstream_writers: {events: w0}\n`,
      `${APP}worker_name: w0\nworker_listeners: [${listen(9100, 'replication')}]\n`,
    )
  assert.deepEqual(told('{host: other, port: 9100}'), [])
  assert.deepEqual(told('{host: other, port: 9101}'), [
    'hs.yaml:8:3: warning: instance_map.w0: others look for replication at port 9101, and it listens at 127.0.0.1:9100',
  ])
  assert.deepEqual(told('{path: /run/w0.sock}'), [
    'hs.yaml:8:3: warning: instance_map.w0: others look for replication at /run/w0.sock, and it listens at 127.0.0.1:9100',
  ])
  assert.deepEqual(told('{host: other, port: 9100, tls: true}'), [
    'hs.yaml:8:3: warning: instance_map.w0: says tls: true, and its listener speaks none',
  ])
  assert.deepEqual(told('{host: other}'), [
    'hs.yaml:8:7: instance_map.w0: expected host and port, or path',
    'hs.yaml:9:18: stream_writers.events: w0 is not in instance_map: nobody could hand it what is to be written',
  ])
})

test('processes on machines of their own may listen at the same port', () => {
  const worker = (name: string) =>
    `${APP}worker_name: ${name}\nworker_listeners: [${listen(8080, 'client')}, ${listen(9100, 'replication')}]\n`
  const instances = `instance_map: {main: {host: a, port: 9093}, w0: {host: b, port: 9100}, w1: {host: c, port: 9100}}\n`
  assert.deepEqual(check(instances, worker('w0'), worker('w1')), [])
})

test('only asked through others: the secret and the map', () => {
  assert.deepEqual(check('outbound_federation_restricted_to: [w0]\n'), [
    'hs.yaml:6:36: outbound_federation_restricted_to: needs a worker_replication_secret: what is asked through others is',
    'hs.yaml:6:36: outbound_federation_restricted_to: w0 is not in instance_map',
  ])
})

test('what several files say alike is told of the first', () => {
  const worker = (name: string) => `${APP}worker_name: ${name}\nworker_daemonize: true\n`
  assert.deepEqual(check(INSTANCES.replace(/ {2}w0.*\n/, ''), worker('a'), worker('b'), worker('c')), [
    'w0.yaml:3:19: warning: worker_daemonize: not supported yet: the process stays in the foreground: start it with a service manager, of type simple (so in 2 more files)',
  ])
})
