import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLongerThan } from '../../shared/code-points.ts'

test('code points are counted, not what they take', () => {
  for (const [text, max, expected] of [
    ['', 0, false],
    ['abc', 3, false],
    ['abcd', 3, true],
    ['😀😀😀', 3, false],
    ['😀😀😀a', 3, true],
    ['😀'.repeat(4), 3, true],
    ['\ud800\ud800', 1, true],
  ] as const)
    assert.equal(isLongerThan(text, max), expected, `${JSON.stringify(text)}, ${max}`)
})
