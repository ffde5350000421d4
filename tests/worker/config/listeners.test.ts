import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BASE, configOf, problemsOf } from './reading.ts'

const listeners = (...lines: readonly string[]) => `listeners:\n${lines.map((line) => `  - ${line}\n`).join('')}`
const CLIENT = 'resources: [{names: [client]}]'

test('defaults are Synapse’s', () => {
  const { listeners: read } = configOf([
    BASE,
    `enable_metrics: true\n${listeners(
      `{port: 8008, type: http, resources: [{names: [client, federation]}, {names: [federation], compress: true}]}`,
      '{port: 9000, type: metrics}',
      `{path: /run/a.sock, type: http, x_forwarded: no, ${CLIENT}}`,
      `{port: 8009, type: http, bind_address: 127.0.0.1, bind_addresses: ["::1"], tag: x, request_id_header: X-Request-ID, ${CLIENT}}`,
    )}`,
  ])
  const common = { compress: [], xForwarded: false, tls: false, requestIdHeader: undefined }
  assert.deepEqual(read, [
    {
      ...common,
      type: 'http',
      address: { kind: 'tcp', port: 8008, bindAddresses: ['::', '0.0.0.0'] },
      resources: ['client', 'federation'],
      compress: ['federation'],
      tag: '8008',
    },
    {
      ...common,
      type: 'metrics',
      address: { kind: 'tcp', port: 9000, bindAddresses: ['0.0.0.0'] },
      resources: ['metrics'],
      tag: '9000',
    },
    {
      ...common,
      type: 'http',
      address: { kind: 'unix', path: '/run/a.sock', mode: 0o666 },
      resources: ['client'],
      tag: 'unix',
    },
    {
      ...common,
      type: 'http',
      address: { kind: 'tcp', port: 8009, bindAddresses: ['::1', '127.0.0.1'] },
      resources: ['client'],
      tag: 'x',
      requestIdHeader: 'X-Request-ID',
    },
  ])
  const unix = configOf([BASE, listeners(`{path: /run/a.sock, type: http, ${CLIENT}}`)]).listeners[0]
  assert.equal(unix?.xForwarded, true, 'there is no other way to a client’s address')
})

test('what cannot be opened is an error at its place', () => {
  assert.deepEqual(
    problemsOf(
      BASE,
      listeners(
        `{port: 8008, type: http, ${CLIENT}}`,
        `{port: 8008, type: http, bind_addresses: [127.0.0.1], ${CLIENT}}`,
        `{port: 8009, path: /run/a.sock, type: http, ${CLIENT}}`,
        `{type: http, ${CLIENT}}`,
        `{port: 8010, ${CLIENT}}`,
        '{port: 8011, type: http, resources: [{names: [clinet]}]}',
        `{port: "8012", type: http, ${CLIENT}}`,
        '{path: /run/m.sock, type: metrics}',
        `{path: /run/b.sock, mode: 0o660, type: http, ${CLIENT}}`,
        `{port: 8013, type: http, tls: true, ${CLIENT}}`,
        `{path: /run/c.sock, type: http, tls: true, ${CLIENT}}`,
        '{port: 9092, type: replication}',
      ),
    ).map((problem) => problem.replace(/^b\.yaml:/, '')),
    [
      '3:5: listeners[1]: its address is taken by listeners[0]',
      '4:5: listeners[2]: has a port and a path: a listener is one or the other',
      '5:5: listeners[3]: has neither a port nor a path',
      '6:5: listeners[4].type: missing: http, metrics or manhole',
      '7:5: warning: listeners[5]: has no resources: it serves /health alone',
      '7:51: listeners[5].resources[0].names[0]: expected client, consent, federation, health, keys, media, metrics, openid, replication or static, got "clinet"',
      '8:12: listeners[6].port: expected a port, got "8012"',
      '9:5: listeners[7]: metrics on a Unix socket: no Synapse starts with that; give a resource of that name to a listener of type http',
      '9:5: warning: listeners[7]: will have no metrics: enable_metrics is not true',
      '10:31: listeners[8].mode: expected a number such as 0666, got "0o660"',
      '12:5: listeners[10]: a Unix socket has no TLS',
      '13:24: listeners[11].type: expected http, metrics or manhole, got "replication"',
      'tls_certificate_path: missing: a listener has tls: true',
      'tls_private_key_path: missing: a listener has tls: true',
    ].map((problem) => (problem.startsWith('tls') ? `a.yaml: ${problem}` : problem)),
  )
})

test('replication that strangers reach needs a secret', () => {
  const bound = (host: string) =>
    `{port: 9093, type: http, bind_addresses: ['${host}'], resources: [{names: [replication]}]}`
  const told = (host: string, more = '') => problemsOf(BASE, listeners(bound(host)), more)
  const message = 'without worker_replication_secret: who reaches it can act as any user'
  assert.deepEqual(told('0.0.0.0'), [`b.yaml:2:5: listeners[0]: replication is open to all ${message}`])
  assert.deepEqual(told('8.8.8.8'), [`b.yaml:2:5: listeners[0]: replication is open to all ${message}`])
  assert.deepEqual(told('10.0.0.5'), [
    `b.yaml:2:5: warning: listeners[0]: replication is not on a loopback address ${message}`,
  ])
  assert.deepEqual(told('127.0.0.1'), [])
  assert.deepEqual(told('0.0.0.0', 'worker_replication_secret: s3cr3t'), [])
  assert.equal(told('0.0.0.0', 'worker_replication_secret: ""').length, 1, 'an empty one is none')
})

test('what is listed and not served is told', () => {
  assert.deepEqual(
    problemsOf(
      BASE,
      `enable_media_repo: false\n${listeners(
        '{port: 8008, type: http, resources: [{names: [client, media, consent]}], additional_resources: {/x: {module: a.B}}}',
        '{port: 9001, type: manhole}',
        '{port: 9002, type: metrics}',
      )}`,
    ),
    [
      'b.yaml:3:5: warning: listeners[0]: additional_resources are not served: they are Python',
      'b.yaml:3:5: warning: listeners[0]: media are not served: enable_media_repo is false, and this is no media_repository',
      'b.yaml:3:5: warning: listeners[0]: consent is not served: terms are not asked for',
      'b.yaml:4:5: warning: listeners[1]: not opened: there is no Python to open a shell in',
      'b.yaml:5:5: warning: listeners[2]: will have no metrics: enable_metrics is not true',
    ],
  )
})
