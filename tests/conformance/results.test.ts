import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countLeaves, tell } from './count.ts'
import { readResult } from './results.ts'

test('a result is read where Go says it, and nowhere else', () => {
  const mark = '\x16'
  assert.deepEqual(readResult(`${mark}    --- PASS: TestLogin/parallel/GET_/login (0.31s)`), {
    name: 'TestLogin/parallel/GET_/login',
    outcome: 'pass',
    seconds: 0.31,
  })
  assert.equal(readResult(`a line without its end${mark}--- FAIL: TestSync (1.00s)`)?.outcome, 'fail')
  assert.equal(readResult('--- PASS: TestLogin (0.31s)'), undefined, 'a line of a log')
  assert.equal(readResult(`${mark}=== RUN   TestLogin`), undefined)
})

test('tests with parts are counted by their parts', () => {
  const result = (name: string, outcome: 'pass' | 'fail' | 'skip') => ({ name, outcome, seconds: 0 })
  const count = countLeaves([
    result('TestB/parallel/one', 'pass'),
    result('TestB/parallel/two', 'fail'),
    result('TestB/parallel', 'fail'),
    result('TestB', 'fail'),
    result('TestA', 'pass'),
    result('TestMediaConfig', 'fail'),
    result('TestSkipped', 'skip'),
  ])
  assert.deepEqual(count.passed, ['TestA', 'TestB/parallel/one'])
  assert.deepEqual(count.failed, ['TestB/parallel/two', 'TestMediaConfig'])
  assert.deepEqual(count.skipped, ['TestSkipped'])
  assert.match(tell(count), /TestMediaConfig: media$/m)
  assert.match(tell(count), /: 2 of 3 pass \(66\.7 %\)\.$/)
})
