import assert from 'node:assert/strict'
import { test } from 'node:test'
import { percentDecode } from '../../../worker/http/percent.ts'

test('escapes are decoded as UTF-8, and what is none stays', () => {
  const cases: Readonly<Record<string, string | undefined>> = {
    plain: 'plain',
    '%40alice%3Aexample.org': '@alice:example.org',
    'a%2Fb+c': 'a/b+c',
    '%C3%A9%e2%82%ac': 'é€',
    '%zz%4': '%zz%4',
    '%zz%C3%A9': '%zzé',
    '100%': '100%',
    '%00': '\0',
    '%EF%BB%BFx': '\ufeffx',
    '%ff': undefined,
    '%C3': undefined,
    '%ed%a0%80': undefined,
    '%zz%ff': undefined,
  }
  for (const [text, expected] of Object.entries(cases)) assert.equal(percentDecode(text), expected, text)
})
