/** Server names: <https://spec.matrix.org/v1.19/appendices/#server-name>. */

import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { isIpv6 } from '../../../../shared/matrix/ids/ipv6.ts'
import { hostAndPort, isServerName, parseServerName } from '../../../../shared/matrix/ids/server-name.ts'
import type { ServerName } from '../../../../shared/matrix/ids.ts'

test('the examples of the appendix, and their parts', () => {
  for (const [name, host, port] of [
    ['matrix.org', 'matrix.org', undefined],
    ['matrix.org:8888', 'matrix.org', 8888],
    ['1.2.3.4', '1.2.3.4', undefined],
    ['1.2.3.4:1234', '1.2.3.4', 1234],
    ['[1234:5678::abcd]', '[1234:5678::abcd]', undefined],
    ['[1234:5678::abcd]:5678', '[1234:5678::abcd]', 5678],
  ] as const) {
    assert.deepEqual(parseServerName(name), { ok: true, value: name })
    assert.deepEqual(hostAndPort(name as ServerName), { host, port })
  }
})

test('what Synapse takes and refuses', () => {
  for (const name of [
    'localhost',
    'A.B',
    '-a',
    'xn--a',
    '1.2.3',
    '300.1.1.1',
    'a:0',
    'a:99999',
    '[::ffff:1.2.3.4]',
    'a'.repeat(255),
  ])
    assert.ok(isServerName(name), name)
  for (const name of [
    ...[
      '',
      ':80',
      'a:',
      'a:b',
      'a..b',
      '.a',
      'a.',
      'a_b.c',
      'é.com',
      'a b',
      'a\n',
      'a:1\n',
      ' a',
      'a:1:2',
      'a/b',
      'a@b',
    ],
    ...['[::1', '[]', '[::1]x', '[::1]:', '::1', '[1::2::3]', '[fe80::1%eth0]', '[a.b]', '[::1]]', 'a'.repeat(256)],
    // Not Synapse, which reads ports as Python reads integers.
    ...['a:+1', 'a:1_0', 'a:123456', 'a:００'],
  ])
    assert.deepEqual(parseServerName(name), { ok: false, reason: 'not a server name' }, name)
})

test('IPv6 addresses are those of the system, without zone', () => {
  const group = fc.constantFrom('', '0', 'a', 'ABCD', 'ffff', '12345', 'g', '1.2.3.4', '1.2.3.256', '01.2.3.4', '1.2.3')
  const address = fc.oneof(
    fc.ipV6(),
    fc.array(group, { maxLength: 10 }).map((groups) => groups.join(':')),
  )
  fc.assert(
    fc.property(address, (text) => assert.equal(isIpv6(text), isIPv6(text), text)),
    { numRuns: 5000 },
  )
  for (const text of ['::', '::1', '1::', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::', '::1.2.3.4', '1:2:3:4:5:6:1.2.3.4'])
    assert.ok(isIpv6(text), text)
  for (const text of ['', ':', ':::', '1:2:3:4:5:6:7::8', '1.2.3.4', '1.2.3.4::', '1:2:3:4:5:6:7:1.2.3.4'])
    assert.ok(!isIpv6(text), text)
})
