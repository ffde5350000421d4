import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import type { Key } from '../../../shared/config/decode.ts'
import { readEntry } from '../../../shared/config/decode.ts'
import { formatProblem } from '../../../shared/config/problem.ts'
import { readSynapseFile } from '../../../shared/synapse-config/file.ts'
import { SECTIONS } from '../../../worker/config/reference.ts'
import { synapseKeys } from '../../../worker/config/schema.ts'
import { pythonWith } from '../../harness/python.ts'

const told = (keys: Readonly<Record<string, Key<unknown>>>, name: string, value: string) => {
  const { entries, reporter } = readSynapseFile({ file: 'f', text: `${name}: ${value}\n` })
  const read = readEntry(keys, entries.get(name)!, '', reporter)
  return { read, problems: reporter.problems() }
}

for (const { title, keys } of SECTIONS)
  test(`${title}: examples and defaults are values of their keys`, () => {
    for (const [name, key] of Object.entries(keys) as [string, Key<unknown>][]) {
      const { read, problems } = told(keys, name, key.example)
      const said = problems.map(formatProblem).join('\n')
      if ('standing' in key) {
        // Nothing but what becomes of it.
        assert.equal(problems.length, 1, `${name}: ${said}`)
        const severity = { refused: ['error'], 'not yet': ['warning'], 'no effect': ['note', 'warning'] }
        assert.ok(severity[key.standing as 'refused'].includes(problems[0]!.severity), said)
        assert.equal(read, undefined)
      } else {
        assert.equal(said, '', name)
        assert.notEqual(read, undefined, name)
        assert.match(key.doc, /\.$/, name)
        assert.ok(key.required || key.default !== undefined || key.absent, `${name}: its absence means something`)
        if (key.default !== undefined) assert.deepEqual(told(keys, name, key.default).problems, [], name)
      }
    }
  })

const found = pythonWith('synapse')

/** Names that Synapse's own code takes from the outermost map. */
const ASK = `
import ast, glob, importlib.util, json, os
names = set()
for file in glob.glob(os.path.join(importlib.util.find_spec("synapse").submodule_search_locations[0], "config", "*.py")):
    for node in ast.walk(ast.parse(open(file).read())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
            holder, key = node.func.value, node.args[0]
        elif isinstance(node, ast.Subscript):
            holder, key = node.value, node.slice
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            holder, key = node.comparators[0], node.left
        else:
            continue
        if isinstance(holder, ast.Name) and holder.id == "config" and isinstance(key, ast.Constant) and isinstance(key.value, str):
            names.add(key.value)
print(json.dumps(sorted(names)))
`
/** Taken from other maps, which are called config there too. */
const INNER: readonly string[] = ['args']

test('no key of Synapse’s is unknown', { skip: 'missing' in found && found.missing }, () => {
  assert.ok('python' in found)
  const { stdout, stderr } = spawnSync(found.python, ['-c', ASK], { encoding: 'utf8' })
  assert.notEqual(stdout, '', stderr)
  const names = JSON.parse(stdout) as readonly string[]
  assert.ok(names.length > 200, `${names.length} names`)
  assert.deepEqual(
    names.filter((name) => !Object.hasOwn(synapseKeys, name) && !INNER.includes(name)),
    [],
  )
})
