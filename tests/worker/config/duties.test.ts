import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeRole, roleOf } from '../../../worker/config/role.ts'
import { BASE, configOf, problemsOf, WORKER } from './reading.ts'

const withApp = (app: string, more = '') => [BASE, WORKER.replace('generic_worker', app), more] as const

test('without a word about it, main does everything', () => {
  const role = roleOf(configOf([BASE]))
  assert.deepEqual(role.jobs, { backgroundTasks: true, appservices: true, userDirectory: true, mediaCleanup: true })
  assert.deepEqual(role.shares, {
    events: { index: 0, count: 1 },
    federation: { index: 0, count: 1 },
    pushers: { index: 0, count: 1 },
  })
  assert.equal(role.writes.size, 10)
  assert.equal(role.asksServers, true)
  const worker = roleOf(configOf([BASE, WORKER]))
  assert.deepEqual([worker.jobs.backgroundTasks, worker.shares, worker.writes.size], [false, {}, 0])
})

test('shares follow the order of the list, jobs the names', () => {
  const shared = `instance_map:
  main: {host: localhost, port: 9093}
  w1: {host: localhost, port: 9101}
  p2: {host: localhost, port: 9102}
stream_writers: {events: [p2, w1], typing: w1, receipts: master}
federation_sender_instances: [f1, w1, f2]
pusher_instances: []
run_background_tasks_on: w1
notify_appservices_from_worker: w1
update_user_directory_from_worker: other
outbound_federation_restricted_to: [p2]
worker_replication_secret: x
worker_listeners: [{port: 9101, type: http, bind_addresses: [127.0.0.1], resources: [{names: [replication]}]}]
`
  const config = configOf([BASE, WORKER, shared])
  const role = roleOf(config)
  assert.deepEqual(role.shares, { events: { index: 1, count: 2 }, federation: { index: 1, count: 3 } })
  assert.deepEqual([...role.writes], ['events', 'typing'])
  assert.deepEqual(config.streamWriters.receipts, ['master'])
  assert.deepEqual(config.streamWriters.presence, ['master'])
  assert.deepEqual([role.jobs.backgroundTasks, role.jobs.appservices, role.jobs.userDirectory], [true, true, false])
  assert.equal(role.asksServers, false)
  assert.equal(
    describeRole(config, role),
    'w1 (generic_worker): serves replication; writes events (2 of 2), typing; sends to other servers (2 of 3); sends to application services; runs background tasks',
  )
})

test('kinds of workers of old do their job where main is told not to', () => {
  for (const [app, flag, job] of [
    ['federation_sender', 'send_federation', 'federationSenders'],
    ['pusher', 'start_pushers', 'pushers'],
    ['appservice', 'notify_appservices', 'appservices'],
    ['user_dir', 'update_user_directory', 'userDirectory'],
  ] as const) {
    const who = (texts: readonly string[]) => [configOf(texts).duties[job] ?? []].flat()
    assert.deepEqual(who(withApp(app, `${flag}: false`)), ['w1'])
    assert.deepEqual(who([BASE, `${flag}: false`]), [], 'another process, which main’s files do not name')
    assert.deepEqual(who([BASE, WORKER, `${flag}: false`]), [], 'nor those of a generic worker')
    const [problem, ...more] = problemsOf(...withApp(app))
    assert.match(
      problem!,
      new RegExp(`^b\\.yaml:1:13: worker_app: a ${app} needs ${flag}: false in the main process’ file`),
    )
    assert.deepEqual(more, [])
  }
})

test('a setting of old that contradicts a new one is an error', () => {
  assert.deepEqual(problemsOf(BASE, 'notify_appservices: true\nnotify_appservices_from_worker: w1\n'), [
    'b.yaml:1:21: notify_appservices: contradicts notify_appservices_from_worker, which gives it to w1: remove notify_appservices',
  ])
  configOf([BASE, 'notify_appservices: false\nnotify_appservices_from_worker: w1\n'])
  // So Synapse has it: false means that a worker of that kind does it, and w1 is none.
  assert.equal(problemsOf(BASE, WORKER, 'notify_appservices: false\nnotify_appservices_from_worker: w1\n').length, 1)
})

test('main is called master; who writes main means it', () => {
  const told = problemsOf(BASE, 'run_background_tasks_on: main\nstream_writers: {typing: main}\n')
  assert.deepEqual(told, [
    'b.yaml:1:26: warning: run_background_tasks_on: the main process is called master here: Synapse looks for a worker named main',
    'b.yaml:2:18: warning: stream_writers.typing: the main process is called master here: no worker of Synapse will start with main',
  ])
})

test('a worker has a kind and a name of its own', () => {
  for (const [text, problem] of [
    [
      'worker_name: w1',
      'b.yaml:1:14: worker_name: a worker needs worker_app: synapse.app.generic_worker; without it this would be a second main process',
    ],
    [
      'worker_app: synapse.app.homeserver\nworker_name: w1',
      'b.yaml:2:14: worker_name: the main process has no name of its own: it is master',
    ],
    [WORKER.replace('w1', 'master'), 'b.yaml:2:14: worker_name: master is the name of the main process'],
  ] as const)
    assert.deepEqual(problemsOf(BASE, text), [problem])
  assert.equal(configOf([BASE, WORKER.replace('worker_name: w1\n', '')]).instanceName, 'synapse.app.generic_worker')
  assert.equal(configOf([BASE, 'worker_app: synapse.app.homeserver']).isMain, true)
})

test('which classes of endpoints a process answers follows from resources and media', () => {
  const listening = (names: string) =>
    `worker_listeners: [{port: 9101, type: http, bind_addresses: [127.0.0.1], resources: [{names: [${names}]}]}]\n`
  const of = (...texts: readonly string[]) => roleOf(configOf(texts)).classes
  const client = of(BASE, WORKER, listening('client'))
  assert.ok(client.has('sync') && client.has('initial_sync') && client.has('event_send') && client.has('presence'))
  assert.ok(client.has('typing'), 'its writer is asked')
  assert.ok(!client.has('main') && !client.has('federation_in') && !client.has('keys'))
  const federation = of(BASE, WORKER, listening('federation'))
  assert.ok(federation.has('federation_in') && federation.has('keys') && !federation.has('sync'))
  assert.deepEqual([...of(BASE, WORKER, listening('keys'))], ['keys'])
  assert.deepEqual([...of(BASE, WORKER, listening('replication, health'))], [])
  const media = of(
    BASE,
    WORKER.replace('generic_worker', 'media_repository'),
    `enable_media_repo: false\n${listening('media')}`,
  )
  assert.deepEqual([...media].sort(), ['media', 'media_admin', 'quarantined_media_changes'])
  const main = of(BASE)
  assert.ok(main.has('main') && main.has('typing') && main.has('media') && !main.has('mas'))
})
