import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parsePropertyPath, printPropertyPath, valueAt } from '../../../shared/matrix/property-path.ts'

test('appendices, "Dot-separated property paths": dots and backslashes are escaped, other escapes stay', () => {
  for (const [text, names] of [
    ['content.body', ['content', 'body']],
    ['content.m\\.relates_to', ['content', 'm.relates_to']],
    ['content.m\\\\foo', ['content', 'm\\foo']],
    ['content.\\x', ['content', '\\x']],
    ['a\\\\.b', ['a\\', 'b']],
    ['a\\', ['a\\']],
    ['', ['']],
    ['a..b', ['a', '', 'b']],
  ] as const)
    assert.deepEqual(parsePropertyPath(text), names)
})

test('every path is read as it was printed', () => {
  const path = fc.array(fc.string({ unit: fc.constantFrom('a', '.', '\\', 'é') }), { minLength: 1 })
  fc.assert(fc.property(path, (names) => assert.deepEqual(parsePropertyPath(printPropertyPath(names)), names)))
})

test('a value is found in objects only, and never on a prototype', () => {
  const event = { content: { 'm.x': { y: 1 }, list: [{ z: 1 }], nothing: null } }
  assert.equal(valueAt(event, ['content', 'm.x', 'y']), 1)
  assert.equal(valueAt(event, ['content', 'nothing']), null)
  for (const path of [
    ['content', 'list', '0', 'z'],
    ['content', 'nothing', 'x'],
    ['content', 'constructor'],
    ['__proto__'],
    ['content', 'list', 'length'],
  ])
    assert.equal(valueAt(event, path), undefined, path.join())
})
