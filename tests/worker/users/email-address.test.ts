import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalEmail } from '../../../worker/users/email-address.ts'

test('addresses are kept in small letters', () => {
  assert.equal(canonicalEmail(' Alice.Example@A.TEST '), 'alice.example@a.test')
  assert.equal(canonicalEmail('Straße@a.test'), 'strasse@a.test')
  assert.equal(canonicalEmail('Ü@a.test'), 'ü@a.test')
})

test('what could be another address, a list, or a header is none', () => {
  for (const text of [
    '',
    'a',
    '@',
    'a@b@c',
    'a b@c.test',
    'a@b.test,c',
    '<a@b.test>',
    'a@b.test\r\nBcc: c',
    `${'a'.repeat(500)}@b`,
    'a\0@b',
  ])
    assert.equal(canonicalEmail(text), undefined, JSON.stringify(text))
})
