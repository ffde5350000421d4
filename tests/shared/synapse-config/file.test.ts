import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatProblem } from '../../../shared/config/problem.ts'
import { mergeFiles, readSynapseFile } from '../../../shared/synapse-config/file.ts'

const file = (name: string, text: string) => readSynapseFile({ file: name, text })

test('of several files the last one’s top-level keys count, whole', () => {
  const { settings, placeOf } = mergeFiles([
    file('a.yaml', 'redis: {enabled: true, host: a}\nserver_name: a\n'),
    file('b.yaml', '# nothing\n'),
    file('c.yaml', 'redis:\n  host: c\n'),
  ])
  assert.deepEqual(settings, { redis: { host: 'c' }, server_name: 'a' })
  assert.deepEqual(placeOf('redis', 'host'), { file: 'c.yaml', line: 2, column: 9 })
  assert.deepEqual(placeOf('server_name'), { file: 'a.yaml', line: 2, column: 14 })
  assert.deepEqual(placeOf('redis', 'enabled'), { file: 'c.yaml', line: 2, column: 3 }, 'the nearest that is written')
  assert.equal(placeOf('listeners'), undefined)
})

test('places are found through aliases, merges and lists', () => {
  const { placeOf } = mergeFiles([file('a.yaml', 'x: &x {port: 1}\nlisteners:\n  - *x\n  - <<: *x\n    tls: true\n')])
  assert.deepEqual(placeOf('listeners', 0, 'port'), { file: 'a.yaml', line: 1, column: 14 })
  assert.deepEqual(placeOf('listeners', 1, 'port'), { file: 'a.yaml', line: 1, column: 14 })
  assert.deepEqual(placeOf('listeners', 1, 'tls'), { file: 'a.yaml', line: 5, column: 10 })
})

test('what Synapse cannot read either is an error with its place', () => {
  for (const [text, problem] of [
    ['a: [', 'f:2:1: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ['a: 1\n---\nb: 1', 'f:2:1: a second document begins here, and Synapse reads files of one: remove the ---'],
    ['a: !env SECRET', 'f:1:4: Unresolved tag: !env'],
    ['a: *b', 'f:1:4: the alias *b has no anchor &b before it'],
  ] as const)
    assert.equal(file('f', `${text}\n`).reporter.problems().map(formatProblem)[0], problem)
})

test('brackets without end are no crash', () => {
  assert.ok(
    file('f', '['.repeat(10_000))
      .reporter.problems()
      .some(({ severity }) => severity === 'error'),
  )
})

test('a key given twice is the later one, with a warning', () => {
  const { settings, reporter } = file('f', 'a: 1\nb: 2\na: 3\n')
  assert.deepEqual(settings, { a: 3, b: 2 })
  assert.deepEqual(reporter.problems().map(formatProblem), [
    'f:3:1: warning: a: given twice: this one counts, not that on line 1',
  ])
})
