import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeLogger } from '../../../worker/logging/logger.ts'
import { currentRequest, inRequest } from '../../../worker/logging/request-context.ts'

function start() {
  const lines: string[] = []
  const log = makeLogger({ level: 'debug', instance: 'sync1', destination: { write: (line) => lines.push(line) } })
  return { log, parsed: () => lines.map((line) => JSON.parse(line)) }
}

test('lines name the instance, and the request they are written for, through awaits and timers', async () => {
  const { log, parsed } = start()
  const work = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 1))
    log.info('working')
  }
  await Promise.all(['a', 'b'].map((requestId) => inRequest({ requestId }, work)))
  log.debug({ request_id: 'told' }, 'by itself')
  assert.equal(currentRequest(), undefined)
  assert.deepEqual(
    parsed().map(({ instance, request_id: id, msg }) => [instance, id, msg]),
    [
      ['sync1', 'a', 'working'],
      ['sync1', 'b', 'working'],
      ['sync1', 'told', 'by itself'],
    ],
  )
})

test('tokens in messages and errors are redacted', () => {
  const { log, parsed } = start()
  const cause = new Error('GET /x?access_token=syt_abc_defghi failed')
  log.error({ err: new Error('Bearer abcdefgh', { cause }) }, 'with %s', 'access_token=syt_abc_defghi')
  const text = JSON.stringify(parsed())
  assert.doesNotMatch(text, /syt_abc|abcdefgh/)
  const [{ err, msg }] = parsed()
  assert.equal(msg, 'with access_token=<redacted>')
  assert.equal(err.type, 'Error')
  assert.equal(err.cause.message, 'GET /x?access_token=<redacted> failed')
})

test('an error that causes itself is printed', () => {
  const { log, parsed } = start()
  const error = new Error('circle')
  error.cause = error
  log.error({ err: error }, 'x')
  assert.equal(parsed().length, 1)
})
