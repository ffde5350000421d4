import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AccessEntry, makeAccessLog } from '../../../router/telling/access-log.ts'

const entry: AccessEntry = {
  requestId: 'r1',
  clientIp: '192.0.2.1',
  method: 'GET',
  target: '/_matrix/client/v3/sync?since=s1&access_token=syt_secret',
  status: 200,
  bytesSent: 1234,
  durationMs: 30_012.34,
  route: 'sync',
  pool: 'sync',
  worker: '127.0.0.1:8013',
  retries: 0,
  error: '',
}

function logged(changes: Partial<AccessEntry>): Record<string, unknown> {
  const lines: string[] = []
  makeAccessLog(
    (line) => lines.push(line),
    () => 1_700_000_000_000,
  ).log({ ...entry, ...changes })
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /^[\x20-\x7e]+\n$/, 'one line, ASCII')
  return JSON.parse(lines[0]!) as Record<string, unknown>
}

test('a request is one line as pino writes it, with its secrets redacted', () => {
  assert.deepEqual(logged({}), {
    level: 30,
    time: 1_700_000_000_000,
    pid: process.pid,
    msg: 'request',
    request_id: 'r1',
    client_ip: '192.0.2.1',
    method: 'GET',
    target: '/_matrix/client/v3/sync?since=s1&access_token=<redacted>',
    status: 200,
    bytes_sent: 1234,
    duration_ms: 30012.3,
    retries: 0,
    route: 'sync',
    pool: 'sync',
    worker: '127.0.0.1:8013',
  })
})

test('a request that failed before it had a worker is a warning without one', () => {
  const line = logged({ status: 503, pool: '', worker: '', error: 'no live worker', retries: 2 })
  assert.deepEqual(
    [line.level, line.error, line.retries, 'worker' in line, 'pool' in line],
    [40, 'no live worker', 2, false, false],
  )
})

test('hostile text stays within its JSON string', () => {
  const text = fc.string({ unit: 'binary', maxLength: 30 })
  fc.assert(
    fc.property(text, text, (method, route) => {
      const line = logged({ method, route, target: `/${route}`, error: method })
      assert.equal(line.method, method)
      assert.equal(line.route, route)
    }),
  )
})
