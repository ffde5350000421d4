import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { readSynapseFile } from '../../../shared/synapse-config/file.ts'
import { pythonWith } from '../../harness/python.ts'

const ours = (scalar: string): unknown => readSynapseFile({ file: 'f', text: `k: ${scalar}\n` }).settings.k

test('YAML 1.1 as PyYAML has it', () => {
  for (const [scalar, value] of [
    ['yes', true],
    ['Off', false],
    ['oN', 'oN'],
    ['y', 'y'],
    ['0666', 0o666],
    ['0o666', '0o666'],
    ['08', '08'],
    ['1_000', 1000],
    ['0x1F', 31],
    ['-0b11', -3],
    ['1:30', 90],
    ['1e6', '1e6'],
    ['1.0e+6', 1_000_000],
    ['1000000.0', 1_000_000],
    ['.5', 0.5],
    ['~', null],
    ["'yes'", 'yes'],
    ['5m', '5m'],
  ] as const)
    assert.deepEqual([scalar, ours(scalar)], [scalar, value])
})

const found = pythonWith('yaml')

const ASK = `
import json, sys, yaml
def value(text):
    try: v = yaml.safe_load("k: " + text + "\\n")["k"]
    except Exception: return ["error"]
    if isinstance(v, bool) or v is None or isinstance(v, str): return [type(v).__name__, v]
    if isinstance(v, (int, float)): return ["number", repr(float(v))]
    return ["other"]
print(json.dumps([value(t) for t in json.load(sys.stdin)]))
`

test('any plain scalar is what PyYAML takes it for', { skip: 'missing' in found && found.missing }, () => {
  assert.ok('python' in found)
  const part = fc.constantFrom(...'0123456789_:.-+eExXbBoO', '0', '1', 'inf', '.nan', 'on', 'Yes', 'NO', 'true', 'null')
  const scalars = fc
    .sample(
      fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')),
      { numRuns: 1500, seed: 1 },
    )
    // Marks of structure, and dates: neither is a scalar of a setting.
    .filter((text) => !/^[-:.]+$|: |:$|^\d{4}-\d/.test(text))
  const { stdout } = spawnSync(found.python, ['-c', ASK], { input: JSON.stringify(scalars), encoding: 'utf8' })
  const theirs = JSON.parse(stdout) as readonly (readonly [string, unknown])[]
  for (const [i, text] of scalars.entries()) {
    const [type, value] = theirs[i]!
    if (type === 'error' || type === 'other') continue
    const own = ours(text)
    if (type === 'number') assert.deepEqual([text, own], [text, Number(String(value).replace('inf', 'Infinity'))])
    else assert.deepEqual([text, own], [text, value])
  }
})
