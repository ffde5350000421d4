import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boolean, integer, object, optional, required, withDefault } from '../../../shared/config/decode.ts'
import { formatProblem } from '../../../shared/config/problem.ts'
import { readYaml } from '../../../shared/config/yaml-document.ts'

const type = object(
  {
    port: required(integer('a port', 1), 'Where it listens.', '80'),
    tls: withDefault(boolean, 'false', 'Whether it is encrypted.', 'true'),
    backlog: optional(integer('a number', 0), 'the system decides', 'How many wait.', '5'),
  },
  'a map',
)

const read = (text: string, lenient: boolean) => {
  const { document, reporter } = readYaml('f.yaml', text, { lenient, syntaxError: ({ message }) => message })
  const value = type.read(reporter.resolve(document?.contents), '', reporter)
  return { value, problems: reporter.problems().map(formatProblem) }
}

test('in files of our own a key that is unknown, doubled or empty is an error', () => {
  assert.deepEqual(read('port: 1\nport: 2\ntsl: true\nbacklog:\n', false).problems, [
    'f.yaml:2:1: port: given twice, first on line 1',
    'f.yaml:3:1: tsl: unknown key: did you mean tls?',
    'f.yaml:4:9: backlog: expected a number, got nothing',
  ])
})

test('a lenient reading warns of unknown and doubled keys, of which the last counts, and takes an empty one as absent', () => {
  assert.deepEqual(read('port: 1\nport: 2\ntsl: true\nxyzzy: 1\nbacklog:\ntls: ~\n', true), {
    value: { port: 2, tls: false },
    problems: [
      'f.yaml:2:1: warning: port: given twice: this one counts, not that on line 1',
      'f.yaml:3:1: warning: tsl: unknown key, passed over: did you mean tls?',
      'f.yaml:4:1: warning: xyzzy: unknown key, passed over',
    ],
  })
})

test('what is required is required of a lenient reading too', () => {
  assert.deepEqual(read('port:\n', true).problems, ['f.yaml:1:1: port: expected a port, got nothing'])
  assert.deepEqual(read('tls: true\n', true).problems, ['f.yaml:1:1: port: missing: a port'])
})
