import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerName } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { aclAllows } from '../../../shared/matrix/server-acl.ts'

test('a server access control list says which servers take part', () => {
  for (const [content, allowed, denied] of [
    [{}, [], ['a.org']],
    [{ allow: ['*'] }, ['a.org', '1.2.3.4', '[::1]:8448'], []],
    [{ allow: '*' }, [], ['a.org']],
    [{ allow: ['*'], deny: ['*.evil.org', 5] }, ['a.org', 'evil.org'], ['x.evil.org', 'X.Evil.org:8448']],
    [{ allow: ['*.A.org', '?.b.org'] }, ['x.a.org', 'X.a.org:1', 'y.b.org'], ['a.org', 'yy.b.org']],
    [{ allow: ['*'], allow_ip_literals: false }, ['a.org', '1.2.3.org'], ['1.2.3.4', '1.2.3.4:5', '[::1]']],
    [{ allow: ['*'], allow_ip_literals: 'no' }, ['1.2.3.4'], []],
    [{ allow: ['*'], deny: ['*'] }, [], ['a.org']],
  ] as const satisfies readonly (readonly [JsonObject, readonly string[], readonly string[]])[]) {
    const described = JSON.stringify(content)
    for (const server of allowed) assert.ok(aclAllows(content, server as ServerName), `${described} ${server}`)
    for (const server of denied) assert.ok(!aclAllows(content, server as ServerName), `${described} ${server}`)
  }
})
