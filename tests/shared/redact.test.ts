import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redactTarget } from '../../shared/redact.ts'

test('secret query arguments are redacted, the rest is as it was', () => {
  for (const [target, redacted] of [
    ['/sync', '/sync'],
    ['/sync?timeout=30000&since=s1_2', '/sync?timeout=30000&since=s1_2'],
    ['/sync?access_token=syt_a_b', '/sync?access_token=<redacted>'],
    ['/sync?a=1&access_token=syt&b=2', '/sync?a=1&access_token=<redacted>&b=2'],
    ['/sync?access_token=a&access_token=b', '/sync?access_token=<redacted>&access_token=<redacted>'],
    ['/sync?access_token=a=b?c', '/sync?access_token=<redacted>'],
    ['/sync?url=https://a/?access_token=b&c', '/sync?url=https://a/?access_token=<redacted>&c'],
    ['/sync?a?access%5Ftoken=b', '/sync?a?access%5Ftoken=<redacted>'],
    ['/sync?access%5Ftoken=a', '/sync?access%5Ftoken=<redacted>'],
    ['/sync?access%5ftoken=a', '/sync?access%5ftoken=<redacted>'],
    ['/sync?%61%63cess_toke%6E=a', '/sync?%61%63cess_toke%6E=<redacted>'],
    ['/sync?ACCESS_TOKEN=a', '/sync?ACCESS_TOKEN=<redacted>'],
    ['/sync?a=1;access_token=a;b=2', '/sync?a=1;access_token=<redacted>;b=2'],
    ['/v?client_secret=x&sid=3', '/v?client_secret=<redacted>&sid=3'],
    ['/login?loginToken=x', '/login?loginToken=<redacted>'],
    ['/a?access_token=', '/a?access_token='],
    ['/a?access_token', '/a?access_token'],
    ['/a?=x&&;=&token=1&', '/a?=x&&;=&token=<redacted>&'],
    ['/access_token=a?b=%', '/access_token=a?b=%'],
    ['/a?not_the_access_token_at_all=1', '/a?not_the_access_token_at_all=1'],
  ] as const)
    assert.equal(redactTarget(target), redacted)
})

test('a hostile target costs no more than its length', () => {
  for (const piece of ['%', '&', ';', '=', '?', 'token', '&%=', 'a=%41']) {
    const target = `/?${piece.repeat(16_384)}`
    const start = performance.now()
    redactTarget(target)
    assert.ok(performance.now() - start < 100, piece)
  }
})
