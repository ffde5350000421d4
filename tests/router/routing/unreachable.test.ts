import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Rule } from '../../../router/routing/rule.ts'
import { unreachableRules } from '../../../router/routing/unreachable.ts'
import { documentedTable, quirkyTable, rule } from './tables.ts'

/** `rule <- earlier rules` of every unreachable rule. */
const unreachable = (...rules: Rule[]): string[] => {
  const found = unreachableRules(rules)
  assert.deepEqual(found.undecided, [])
  return found.unreachable.map(({ rule, by }) => `${rule} <- ${by}`)
}

test('a rule is unreachable behind the same pattern, or a wider one', () => {
  assert.deepEqual(unreachable(rule('^/a/b$'), rule('^/a/b$')), ['1 <- 0'])
  assert.deepEqual(unreachable(rule('^/x'), rule('^/a/'), rule('^/a/.*/b$')), ['2 <- 1'])
  assert.deepEqual(unreachable(rule('^/a/[^/]+$'), rule('^/a/b$')), ['1 <- 0'])
  assert.deepEqual(unreachable(rule('/a'), rule('^/b/a$')), ['1 <- 0'])
})

test('a rule is reachable if one path is left to it', () => {
  assert.deepEqual(unreachable(rule('^/a/b$'), rule('^/a/[^/]+$')), [])
  assert.deepEqual(unreachable(rule('^/a/[^/]+$'), rule('^/a/[^/]*$')), [])
  assert.deepEqual(unreachable(rule('^/a/[a-y]{3}$'), rule('^/a/\\w{3}$')), [])
  assert.deepEqual(unreachable(rule('^/.'), rule('^/$')), [])
})

test('earlier rules may do it together', () => {
  assert.deepEqual(unreachable(rule('^/(r0|v1)/a$'), rule('^/x'), rule('^/v[2-9]/a'), rule('^/(r0|v\\d)/a$')), [])
  assert.deepEqual(unreachable(rule('^/(r0|v[01])/a$'), rule('^/x'), rule('^/v[2-9]/a'), rule('^/(r0|v\\d)/a$')), [
    '3 <- 0,2',
  ])
  assert.deepEqual(unreachable(rule('^/a$'), rule('^/a.'), rule('^/b'), rule('^/a')), ['3 <- 0,1'])
})

test('a pattern that matches nothing is unreachable behind no rule at all', () => {
  assert.deepEqual(unreachable(rule('^/a[?]b'), rule('^/a')), ['0 <- '])
})

test('methods count, and OPTIONS goes to the first rule for the path', () => {
  const path = '^/a$'
  assert.deepEqual(unreachable(rule(path, { methods: ['GET'] }), rule(path)), [])
  assert.deepEqual(unreachable(rule(path, { methods: ['GET'] }), rule(path, { methods: ['HEAD'] })), ['1 <- 0'])
  assert.deepEqual(unreachable(rule(path, { methods: ['PUT'] }), rule(path, { methods: ['OPTIONS'] })), ['1 <- 0'])
  assert.deepEqual(
    unreachable(
      rule(path, { methods: ['GET'] }),
      rule(path, { methods: ['PUT'] }),
      rule(path, { methods: ['PUT', 'GET'] }),
    ),
    ['2 <- 0,1'],
  )
})

test('conditions count', () => {
  const when = (condition: Rule['when'] & {}) => rule('^/a$', { when: condition })
  const initial = when({ initialSync: true })
  const incremental = when({ initialSync: false })
  assert.deepEqual(unreachable(initial, incremental), [])
  assert.deepEqual(unreachable(initial, incremental, rule('^/a$')), ['2 <- 0,1'])
  assert.deepEqual(unreachable(initial, when({ query: { since: false } })), ['1 <- 0'])
  assert.deepEqual(unreachable(initial, when({ query: { since: true } })), [])
  assert.deepEqual(unreachable(initial, when({ query: { since: true, full_state: 'true' } })), ['1 <- 0'])
  assert.deepEqual(unreachable(when({ query: { dir: true } }), when({ query: { dir: 'b' } })), ['1 <- 0'])
  assert.deepEqual(unreachable(when({ query: { dir: 'b' } }), when({ query: { dir: true } })), [])
  assert.deepEqual(unreachable(when({ query: { dir: 'x' } }), when({ query: { dir: true } })), [])
  assert.deepEqual(unreachable(when({ query: { x: true } }), when({ query: { x: false } }), rule('^/a')), [])
  assert.deepEqual(
    unreachable(when({ query: { x: true, y: '1' }, initialSync: true }), when({ query: { x: false } })),
    [],
  )
  assert.deepEqual(unreachable(when({ initialSync: true, query: { since: true, full_state: false } })), ['0 <- '])
})

test('says so when it cannot decide within its budget', () => {
  const rules = [rule('^/.*a.{12}b$'), rule('^/.*b.{12}a$'), rule('^/.*a[^x]{12}b$')]
  assert.deepEqual(unreachableRules(rules, { maxSets: 100 }), { unreachable: [], undecided: [2] })
  const present = Array.from({ length: 13 }, (_, i) => rule('^/a$', { when: { query: { [`q${i}`]: true } } }))
  const absent = rule('^/a$', { when: { query: Object.fromEntries(present.map((_, i) => [`q${i}`, false])) } })
  assert.deepEqual(unreachableRules([...present, absent, rule('^/a$')]), { unreachable: [], undecided: [14] })
})

test('of the documented table only repetitions are unreachable', (t) => {
  const table = documentedTable()
  if (!table) return t.skip('no copy of the documentation beside the repository')
  const { unreachable, undecided } = unreachableRules(table)
  assert.deepEqual(undecided, [])
  assert.ok(unreachable.length > 0)
  for (const { rule, by } of unreachable)
    assert.deepEqual(
      by.map((earlier) => table[earlier]!.match),
      [table[rule]!.match],
    )
})

test('every rule of the table of quirks is reachable', () => assert.deepEqual(unreachable(...quirkyTable), []))
