import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeAddressRanges, PRIVATE_RANGES } from '../../../worker/outbound/address-ranges.ts'
import { makeAskJson } from '../../../worker/outbound/ask-json.ts'
import { selfSigned } from '../../harness/certificate.ts'

test('private addresses are not asked, however they are written', () => {
  const { allows } = makeAddressRanges(PRIVATE_RANGES, ['10.0.0.7', '192.168.1.0/24'])
  for (const address of [
    ...['127.0.0.1', '10.1.2.3', '172.31.0.1', '169.254.169.254', '0.0.0.0', '::', '::1', 'fe80::1%eth0', 'fd00::1'],
    ...['::ffff:127.0.0.1', '::ffff:10.0.0.8', 'example.org', ''],
  ])
    assert.equal(allows(address), false, address)
  for (const address of ['1.1.1.1', '2606:4700::1111', '10.0.0.7', '::ffff:10.0.0.7', '192.168.1.9'])
    assert.equal(allows(address), true, address)
})

async function server(t: TestContext, answer: string, status = 200) {
  const folder = mkdtempSync(join(tmpdir(), 'ask-json-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const files = selfSigned(folder)
  const asked: string[] = []
  const https = createServer(
    { cert: readFileSync(files.certificate), key: readFileSync(files.key) },
    (request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
      response.writeHead(status, { location: 'https://localhost/other' }).end(answer)
    },
  )
  https.listen(0, '127.0.0.1')
  await once(https, 'listening')
  t.after(() => https.close())
  return { asked, url: new URL(`https://localhost:${(https.address() as AddressInfo).port}/a`) }
}
const question = { method: 'GET', token: 'secret' } as const
const tls = { rejectUnauthorized: false }

test('a name that stands for a private address is not asked', async (t) => {
  const { asked, url } = await server(t, '{}')
  const ask = makeAskJson({ ranges: makeAddressRanges(PRIVATE_RANGES, []), tls })
  await assert.rejects(ask({ ...question, url }), /ip_range_blacklist/)
  const literal = new URL(url)
  literal.hostname = '127.0.0.1'
  await assert.rejects(ask({ ...question, url: literal }), /ip_range_blacklist/)
  assert.deepEqual(asked, [])
})

test('what is allowed is asked, and what it answers is JSON, and little', async (t) => {
  const ranges = makeAddressRanges(PRIVATE_RANGES, ['127.0.0.1'])
  const { asked, url } = await server(t, '{"a":1}')
  assert.deepEqual(await makeAskJson({ ranges, tls })({ ...question, url }), { a: 1 })
  assert.deepEqual(asked, ['GET /a Bearer secret'])
  await assert.rejects(makeAskJson({ ranges })({ ...question, url }), /self.signed|certificate/)
  await assert.rejects(makeAskJson({ ranges, tls, maxBytes: 3 })({ ...question, url }), /more than 3 bytes/)
  const elsewhere = await server(t, '{}', 302)
  await assert.rejects(makeAskJson({ ranges, tls })({ ...question, url: elsewhere.url }), /302/)
})
