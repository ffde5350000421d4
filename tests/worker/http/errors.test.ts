import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import { errorReply, isKnownErrcode, limitExceeded, statusOf } from '../../../worker/http/errors.ts'
import { missingMaterial } from '../../shared/material.ts'

test('every error code of the specification has a status', { skip: missingMaterial }, () => {
  const folder = fileURLToPath(new URL('../../../../shared/matrix/spec/data/api', import.meta.url))
  const files = globSync('{client-server,server-server,application-service}/**/*.yaml', { cwd: folder })
  assert.ok(files.length > 50)
  const missing = new Set<string>()
  for (const file of files)
    for (const [errcode] of readFileSync(`${folder}/${file}`, 'utf8').matchAll(/\bM_[A-Z_0-9]+\b/g))
      if (!isKnownErrcode(errcode)) missing.add(`${errcode} in ${file}`)
  assert.deepEqual([...missing], [])
})

test('a refusal is told with its members and its status', () => {
  const reply = errorReply(new MatrixError('M_WRONG_ROOM_KEYS_VERSION', 'Wrong version', { current_version: '5' }))
  assert.equal(reply.status, 403)
  assert.deepEqual(JSON.parse(reply.body as string), {
    errcode: 'M_WRONG_ROOM_KEYS_VERSION',
    error: 'Wrong version',
    current_version: '5',
  })
  assert.equal(statusOf(new MatrixError('M_UNKNOWN', '', {}, 504)), 504)
  assert.equal(statusOf(new MatrixError('ORG.EXAMPLE.ODD', '')), 400)
})

test('who is too fast is told when to come back, in whole seconds of the header and in milliseconds', () => {
  const reply = errorReply(limitExceeded(1500.2))
  assert.equal(reply.status, 429)
  assert.equal(JSON.parse(reply.body as string).retry_after_ms, 1501)
  assert.equal(reply.headers[reply.headers.indexOf('Retry-After') + 1], '2')
})

test('of a failure of ours nothing is told', () => {
  for (const error of [new Error('select * from secrets'), 'text', undefined, null]) {
    const reply = errorReply(error)
    assert.equal(reply.status, 500)
    assert.equal(reply.body, '{"errcode":"M_UNKNOWN","error":"Internal server error"}')
  }
})
