import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redactHeader, redactTarget, redactText } from '../../shared/redact.ts'

for (const [target, redacted] of [
  ['/sync?since=s1', '/sync?since=s1'],
  ['/sync?access_token=a&since=s1', '/sync?access_token=<redacted>&since=s1'],
  ['/sync?since=s1&access%5ftoken=a%20b', '/sync?since=s1&access%5ftoken=<redacted>'],
  ['/sync?access%5Ftoken=a', '/sync?access%5Ftoken=<redacted>'],
  ['/sync?%61%43CESS_token=a;b=c', '/sync?%61%43CESS_token=<redacted>;b=c'],
  ['/x?access_token=', '/x?access_token='],
  ['/x?xaccess_token=a&access_token', '/x?xaccess_token=a&access_token'],
  ['/access_token=a', '/access_token=a'],
  ['/x?a=%zz&access_token=%zz', '/x?a=%zz&access_token=<redacted>'],
  ['/x?access_token=a&access_token=b', '/x?access_token=<redacted>&access_token=<redacted>'],
] as const)
  test(`a target: ${target}`, () => assert.equal(redactTarget(target), redacted))

for (const [name, value, redacted] of [
  ['Authorization', 'Bearer syt_a_b_c', 'Bearer <redacted>'],
  ['authorization', 'Basic YTpi', 'Basic <redacted>'],
  ['Authorization', 'syt_a_b_c', '<redacted>'],
  [
    'Authorization',
    'X-Matrix origin=a.org,key="ed25519:1",sig="abc+/="',
    'X-Matrix origin=a.org,key="ed25519:1",sig=<redacted>',
  ],
  [
    'Authorization',
    'X-Matrix origin=a.org,sig=abc,destination=b',
    'X-Matrix origin=a.org,sig=<redacted>,destination=b',
  ],
  ['Cookie', 'a=b', '<redacted>'],
  ['Host', 'example.org', 'example.org'],
  ['Referer', 'https://a/?access_token=b', 'https://a/?access_token=<redacted>'],
] as const)
  test(`a header: ${name}: ${value}`, () => assert.equal(redactHeader(name, value), redacted))

for (const [text, redacted] of [
  ['GET /sync?access_token=a failed', 'GET /sync?access_token=<redacted> failed'],
  ['"/x?a=b&client%5Fsecret=c"', '"/x?a=b&client%5Fsecret=<redacted>"'],
  ['sent Authorization: Bearer abcdef', 'sent Authorization: Bearer <redacted>'],
  ['token syt_YWxpY2U_abc_def is unknown', 'token <redacted> is unknown'],
  ['connect ECONNREFUSED 127.0.0.1:8008', 'connect ECONNREFUSED 127.0.0.1:8008'],
] as const)
  test(`text: ${text}`, () => assert.equal(redactText(text), redacted))
