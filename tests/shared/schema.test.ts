import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import type { JsonValue } from '../../shared/matrix/json/value.ts'
import {
  anyOf,
  anything,
  array,
  boolean,
  describeFault,
  integer,
  jsonObject,
  nullable,
  object,
  oneOf,
  optional,
  record,
  type Schema,
  string,
  type TypeOf,
} from '../../shared/schema.ts'

const parsed = (text: string): JsonValue => {
  const result = parseJson(text)
  assert.ok(result.ok, text)
  return result.value
}
/** `undefined`, or error code and message. */
const told = (schema: Schema<unknown>, text: string): string | undefined => {
  const found = schema.check(parsed(text))
  return found && `${found.errcode} ${describeFault(found)}`
}

const login = object({
  type: oneOf('m.login.password', 'm.login.token'),
  identifier: optional(object({ type: string(), user: optional(string({ minLength: 1 })) })),
  password: optional(nullable(string({ maxLength: 5 }))),
  levels: optional(record(integer({ minimum: 0, maximum: 100 }))),
  ids: optional(array(string({ pattern: /^@/ }), { maxItems: 2 })),
  refresh: optional(boolean()),
  extra: optional(jsonObject()),
  what: optional(anything()),
  either: optional(anyOf(string(), integer())),
})

test('a body without fault passes as it is, unknown keys too', () => {
  for (const text of [
    '{"type":"m.login.token"}',
    '{"type":"m.login.password","identifier":{"type":"m.id.user","user":"a","odd":1},"password":null,"unknown":[1]}',
    '{"type":"m.login.password","levels":{"@a:b":100,"__proto__":0},"ids":["@a","@b"],"refresh":false,"extra":{"x":1.5}}',
    '{"type":"m.login.password","what":null,"either":5}',
  ])
    assert.equal(told(login, text), undefined, text)
})

test('what is wrong is told with its place, and with the error code that Synapse gives', () => {
  const wrong: Readonly<Record<string, string>> = {
    '[]': 'M_BAD_JSON The body must be an object',
    null: 'M_BAD_JSON The body must be an object',
    '1.5': 'M_BAD_JSON The body must be an object',
    '{}': 'M_MISSING_PARAM type: is missing',
    '{"type":5}': 'M_BAD_JSON type: must be a string',
    '{"type":"m.other"}': 'M_INVALID_PARAM type: must be one of "m.login.password", "m.login.token"',
    '{"type":"m.login.token","identifier":{}}': 'M_MISSING_PARAM identifier.type: is missing',
    '{"type":"m.login.token","identifier":null}': 'M_BAD_JSON identifier: must be an object',
    '{"type":"m.login.token","identifier":{"type":"x","user":""}}':
      'M_INVALID_PARAM identifier.user: must not be empty',
    '{"type":"m.login.token","password":"123456"}': 'M_INVALID_PARAM password: is longer than 5',
    '{"type":"m.login.token","levels":{"@a:b":101}}': 'M_INVALID_PARAM levels["@a:b"]: must be at most 100',
    '{"type":"m.login.token","levels":{"__proto__":-1}}': 'M_INVALID_PARAM levels.__proto__: must be at least 0',
    '{"type":"m.login.token","levels":{"a":1.0}}': 'M_BAD_JSON levels.a: must be an integer',
    '{"type":"m.login.token","levels":{"a":9007199254740992}}': 'M_BAD_JSON levels.a: must be an integer',
    '{"type":"m.login.token","ids":["@a","b"]}': 'M_INVALID_PARAM ids[1]: is malformed',
    '{"type":"m.login.token","ids":["@a","@b","@c"]}': 'M_INVALID_PARAM ids: has more than 2 items',
    '{"type":"m.login.token","ids":{"0":"@a"}}': 'M_BAD_JSON ids: must be an array',
    '{"type":"m.login.token","refresh":"true"}': 'M_BAD_JSON refresh: must be true or false',
    '{"type":"m.login.token","extra":1e3}': 'M_BAD_JSON extra: must be an object',
    '{"type":"m.login.token","either":true}': 'M_BAD_JSON either: must be an integer',
  }
  for (const [text, expected] of Object.entries(wrong)) assert.equal(told(login, text), expected, text)
})

test('a key that every object has is not taken for a member', () => {
  assert.equal(told(object({ toString: string() }), '{}'), 'M_MISSING_PARAM toString: is missing')
  assert.equal(told(object({ constructor: optional(string()) }), '{}'), undefined)
})

test('the place of a fault is cut where a stranger made it long', () => {
  const text = JSON.stringify({ ['x'.repeat(5000)]: 'y' })
  assert.ok(told(record(integer()), text)!.length < 200)
})

test('types follow from schemas', () => {
  const body: TypeOf<typeof login> = { type: 'm.login.token', password: null }
  // @ts-expect-error another string
  const other: TypeOf<typeof login>['type'] = 'm.login.sso'
  // @ts-expect-error it may be absent
  const refresh: boolean = body.refresh
  assert.deepEqual([other, refresh], ['m.login.sso', undefined])
})
