import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchInOrder } from '../../../router/routing/in-order.ts'
import { methodBit } from '../../../router/routing/method.ts'
import { parsePattern } from '../../../router/routing/pattern.ts'
import type { Rule } from '../../../router/routing/rule.ts'
import { makeRandom, pick, type Random, sample } from '../../../router/routing/sample.ts'
import { compileTrie } from '../../../router/routing/trie.ts'
import { unreachableRules } from '../../../router/routing/unreachable.ts'
import { documentedTable, quirkyTable, rule } from './tables.ts'

const SEED = Number(process.env.SEED ?? 20230907)

/** Index of the first rule that takes the request, or -1. `target` has one character per byte. */
type Find = (target: string, method: string) => number

const implementations: readonly (readonly [name: string, compile: (rules: readonly Rule[]) => Find])[] = [
  ['trie', (rules) => finder(compileTrie(rules))],
  [
    'regular expressions in order',
    (rules) => (target, method) => {
      const { path, query } = split(target)
      return matchInOrder(rules, path, query, method)
    },
  ],
]

const split = (target: string): { path: string; query: string } => {
  const end = target.indexOf('?')
  return end < 0 ? { path: target, query: '' } : { path: target.slice(0, end), query: target.slice(end + 1) }
}

/** As the router does it: the target lies somewhere in a larger buffer. */
const finder = (trie: ReturnType<typeof compileTrie>): Find => {
  const buffer = new Uint8Array(1 << 16).fill(0x3f)
  return (target, method) => {
    for (let i = 0; i < target.length; i++) buffer[4 + i] = target.charCodeAt(i)
    buffer[4 + target.length] = 0x61 // Whoever reads on sees something else.
    return trie.find(buffer, 4, 4 + target.length, methodBit(method))
  }
}

for (const [name, compile] of implementations) {
  /** Asserts which rule, by its index, takes each request. */
  const cases = (title: string, rules: readonly Rule[], expected: readonly (readonly [string, number])[]) =>
    test(`${name}: ${title}`, () => {
      const find = compile(rules)
      for (const [request, index] of expected) {
        const [method, target] = request.split(' ') as [string, string]
        assert.equal(find(target, method), index, request)
      }
    })

  cases(
    'the first rule wins, whatever stands later',
    [rule('^/a/.*/c$'), rule('^/a/b'), rule('^/a')],
    [
      ['GET /a/b/c', 0],
      ['GET /a/b/d', 1],
      ['GET /a', 2],
      ['GET /b', -1],
      ['GET /', -1],
    ],
  )

  cases(
    'quirks of the documented patterns are kept',
    [
      rule('^/m.login.token/validity$'),
      rule('^/(v3|unstable/.*)/rooms/.*/aliases'),
      rule('^/user/.*/filter(/|$)'),
      rule('/tail$'),
      rule('^/query'),
    ],
    [
      ['GET /m.login.token/validity', 0],
      ['GET /m/loginXtoken/validity', 0],
      ['GET /unstable//rooms//aliases/and/more', 1],
      ['GET /unstable/rooms/x/aliases', -1],
      ['GET /v3/rooms/a/b/c/aliases', 1],
      ['GET /user/x/filter', 2],
      ['GET /user/x/filter/', 2],
      ['GET /user/x/filter/1', 2],
      ['GET /user/x/filter1', -1],
      ['GET /any/where/tail', 3],
      ['GET /any/where/tail/', -1],
      ['GET /query', 4],
      ['GET /queryable', 4],
      ['GET x/query', -1],
    ],
  )

  cases(
    'the path is matched raw, up to the first ?',
    [rule('^/v3/sync$'), rule('^/v3/rooms/[^/]+/state$')],
    [
      ['GET /v3/sync?since=1', 0],
      ['GET /v3/sync?', 0],
      ['GET /v3/sync?a?b=/v3/sync', 0],
      ['GET /v3/%73ync', -1],
      ['GET /v3/sync/', -1],
      ['GET //v3/sync', -1],
      ['GET /v3/x/../sync', -1],
      ['GET /v3/sync;a=b', -1],
      ['GET /v3/sync%3Fsince=1', -1],
      ['GET /V3/sync', -1],
      ['GET /v3/rooms/!a%2Fb:hs/state', 1],
      ['GET /v3/rooms/!a:hs%2Fstate', -1],
      ['GET /v3/rooms//state', -1],
      ['GET /v3/rooms/\xff\x80/state', 1],
      ['GET ?/v3/sync', -1],
    ],
  )

  cases(
    'GET includes HEAD, and OPTIONS goes where the first rule for its path says',
    [
      rule('^/a', { methods: ['PUT'] }),
      rule('^/a', { methods: ['GET', 'POST'] }),
      rule('^/b', { methods: ['DELETE'] }),
      rule('^/b'),
    ],
    [
      ['PUT /a', 0],
      ['GET /a', 1],
      ['HEAD /a', 1],
      ['POST /a', 1],
      ['DELETE /a', -1],
      ['OPTIONS /a', 0],
      ['TRACE /a', -1],
      ['get /a', -1],
      ['DELETE /b', 2],
      ['OPTIONS /b', 2],
      ['HEAD /b', 3],
      ['TRACE /b', 3],
    ],
  )

  cases(
    'an initial sync has no or an empty since, or full_state=true',
    [rule('^/sync$', { when: { initialSync: true } }), rule('^/sync$', { when: { initialSync: false } })],
    [
      ['GET /sync', 0],
      ['GET /sync?', 0],
      ['GET /sync?timeout=0', 0],
      ['GET /sync?since=', 0],
      ['GET /sync?since', 0],
      ['GET /sync?since=s1', 1],
      ['GET /sync?timeout=0&since=s1', 1],
      ['GET /sync?timeout=0;since=s1', 1],
      ['GET /sync?sinc%65=s1', 1],
      ['GET /sync?xsince=s1', 0],
      ['GET /sync?since=s1&since=', 1],
      ['GET /sync?since=&since=s1', 0],
      ['GET /sync?since=s1&full_state=true', 0],
      ['GET /sync?full%5fstate=%74rue&since=s1', 0],
      ['GET /sync?since=s1&full_state=false', 1],
      ['GET /sync?since=s1&full_state=True', 1],
      ['GET /sync?since=s1&full_state=false&full_state=true', 1],
      ['GET /sync?filter=since=&since=s1', 1],
    ],
  )

  cases(
    'conditions on arguments: present, absent, equal, decoded as Twisted does',
    [
      rule('^/p', { when: { query: { dir: 'b', from: true } } }),
      rule('^/p', { when: { query: { dir: false } } }),
      rule('^/p', { when: { query: { 'a b&ü': 'c+d é' } } }),
      rule('^/p', { when: { query: { dir: true } } }),
    ],
    [
      ['GET /p?dir=b&from=t1', 0],
      ['GET /p?from=t1&dir=%62', 0],
      ['GET /p?dir=b&from=', 3],
      ['GET /p?dir=', 1],
      ['GET /p', 1],
      ['GET /path/to', 1],
      ['GET /p?dir=f&a+b%26%C3%BC=c%2Bd+%C3%A9', 2],
      ['GET /p?dir=f&a%20b%26%c3%bc=c%2bd%20%c3%a9', 2],
      ['GET /p?dir=f&a+b%26%C3%BC=c+d+%C3%A9', 3],
      ['GET /p?dir=%6', 3],
      ['GET /p?dir=%zz&from=', 3],
      ['GET /p?&&=&dir=f', 3],
    ],
  )

  cases('no rule, no match', [], [['GET /', -1]])
}

/** What users put where a pattern has `.*`: identifiers, escapes, path tricks, and words of the table itself. */
const makeFill = (rules: readonly Rule[], random: Random): (() => string) => {
  const words = [...new Set(rules.flatMap(({ match }) => match.match(/[\w.]+/g) ?? []))]
  const odd = [
    '',
    '.',
    '..',
    '%2F',
    '%2e%2e',
    ';a=b',
    'a;p',
    '%',
    '%3F',
    '!r:hs',
    '%21r%3Ahs',
    '@u:hs.org',
    '#',
    '\xc3\xbc',
    '//',
    '/',
    '$e',
  ]
  const segment = () => {
    const kind = random()
    if (kind < 0.35) return pick(random, words)
    if (kind < 0.65) return pick(random, odd)
    if (kind < 0.99)
      return random()
        .toString(36)
        .slice(2, 3 + random() * 8)
    return 'long'.repeat(1 + random() * 60)
  }
  return () => {
    const kind = random()
    if (kind < 0.6) return segment()
    return kind < 0.9 ? `${segment()}/${segment()}` : `${segment()}/${segment()}/${segment()}`
  }
}

const queries = [
  '',
  '?',
  '?since=s1',
  '?since=',
  '?full_state=true&since=s',
  '?dir=b',
  '?dir=f',
  '?dir=f&from=x',
  '?a+b%26%C3%BC=c%2Bd',
  '?/x',
  '??dir=b',
]
const methods = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'TRACE']

/** Inserts, deletes or replaces a character, or repeats a piece of the path. */
const mutate = (path: string, random: Random, fill: () => string): string => {
  const at = Math.floor(random() * (path.length + 1))
  const kind = random()
  const char = random() < 0.4 ? pick(random, ['/', '.', '%', '$', '_']) : String.fromCharCode(0x21 + random() * 94)
  if (kind < 0.25) return path.slice(0, at) + char + path.slice(at)
  if (kind < 0.5) return path.slice(0, at) + path.slice(at + 1)
  if (kind < 0.75) return path.slice(0, at) + char + path.slice(at + 1)
  if (kind < 0.85) return `${path.slice(0, at)}/${fill()}/${path.slice(at)}`
  return path.slice(0, at) + path.slice(Math.floor(random() * (path.length + 1)))
}

/**
 * Compares trie and regular expressions on at least `comparisons` requests made for the rules in turn, until every rule
 * that can be reached has won `wins` times.
 */
const compare = (rules: readonly Rule[], comparisons: number, wins: number): void => {
  const random = makeRandom(SEED)
  const fill = makeFill(rules, random)
  const asts = rules.map(({ match }) => {
    const parsed = parsePattern(match)
    assert.ok(parsed.ok, match)
    return parsed.ast
  })
  const { unreachable, undecided } = unreachableRules(rules)
  assert.deepEqual(undecided, [])
  const shadowed = new Set(unreachable.map(({ rule }) => rule))
  const won = new Array<number>(rules.length).fill(0)
  const find = finder(compileTrie(rules))
  let done = 0
  for (;;) {
    const goOn = done < comparisons
    if (!goOn && won.every((count, index) => shadowed.has(index) || count >= wins)) break
    for (let index = 0; index < rules.length; index++) {
      if (!goOn && (shadowed.has(index) || won[index]! >= wins)) continue
      let path = sample(asts[index]!, random, fill)
      const kind = random()
      if (kind < 0.35) path = mutate(path, random, fill)
      else if (kind < 0.5) path += pick(random, ['/', '/x', fill(), `/${fill()}`])
      // A `?` that a mutation brought in is as good as any other.
      const target = path + (random() < (rules[index]!.when ? 0.9 : 0.3) ? pick(random, queries) : '')
      const method = random() < 0.5 ? (rules[index]!.methods?.[0] ?? 'GET') : pick(random, methods)
      const parts = split(target)
      const expected = matchInOrder(rules, parts.path, parts.query, method)
      const found = find(target, method)
      done++
      if (found !== expected) {
        assert.fail(
          `${method} ${target}: ${found} ${rules[found]?.match}, wanted ${expected} ${rules[expected]?.match} (SEED=${SEED})`,
        )
      }
      if (expected >= 0) won[expected]!++
    }
    const slowest = won.findIndex((count, index) => !shadowed.has(index) && count < wins)
    assert.ok(done < 4 * comparisons, `${rules[slowest]?.match} won ${won[slowest]} times only (SEED=${SEED})`)
  }
  for (const index of shadowed) assert.equal(won[index], 0, `proved unreachable: ${rules[index]!.match} (SEED=${SEED})`)
}

test('trie and regular expressions agree on a million requests for the documented table', (t) => {
  const table = documentedTable()
  if (!table) return t.skip('no copy of the documentation beside the repository')
  compare(table, 1_000_000, 1000)
})

test('trie and regular expressions agree on a million requests for a table of quirks, methods and conditions', () => {
  compare(quirkyTable, 1_000_000, 1000)
})

/** A pattern of the grammar that `parsePattern` reads, over few characters so that rules overlap. */
const patterns: fc.Arbitrary<string> = (() => {
  const byte = fc.constantFrom(
    'a',
    'b',
    '/',
    '\\.',
    '.',
    '[^/]',
    '[ab]',
    '[^a]',
    '\\w',
    '\\W',
    '\\d',
    '\\D',
    '[a-c\\d]',
    '%',
  )
  const quantifier = fc.constantFrom('', '', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,1}', '{2,}')
  const open = fc.constantFrom('(', '(?:', '(?P<x>', '(?<x>')
  const sequence = (item: fc.Arbitrary<string>) => fc.array(item, { maxLength: 3 }).map((items) => items.join(''))
  const repeated = (atom: fc.Arbitrary<string>) => fc.tuple(atom, quantifier).map(([item, times]) => item + times)
  const group = (content: fc.Arbitrary<string>) =>
    fc
      .tuple(open, fc.array(content, { minLength: 1, maxLength: 3 }))
      .map(([start, options]) => `${start}${options.join('|')})`)
  // What is repeated holds no other repetition than `?`: JavaScript's matcher takes exponential time on `(a*b?)*`.
  const optional = group(sequence(byte)).map((plain) => `${plain}?`)
  const node = sequence(
    fc.oneof(
      repeated(byte),
      repeated(group(sequence(fc.oneof({ arbitrary: byte, weight: 3 }, { arbitrary: optional, weight: 1 })))),
      group(sequence(fc.oneof(repeated(byte), repeated(group(sequence(byte)))))),
    ),
  )
  const tail = fc.constantFrom('', '', '$', '(/|$)', '.*', '.*$', '(a$|b)')
  return fc
    .tuple(fc.constantFrom('^', '^', '', '(^/|^a)', '(^a)?'), node, tail)
    .map(([start, middle, end]) => start + middle + end)
    .filter((pattern) => pattern !== '')
})()

test('trie and regular expressions agree on random tables', () => {
  const rules = fc.array(
    fc.record(
      {
        match: patterns,
        methods: fc.constantFrom(['GET'], ['PUT', 'GET'], ['DELETE'], ['OPTIONS']) as fc.Arbitrary<
          Rule['methods'] & {}
        >,
        when: fc.constantFrom<Rule['when'] & {}>(
          { initialSync: true },
          { query: { dir: 'b' } },
          { query: { since: false } },
        ),
        pool: fc.constant('p'),
        name: fc.constant('n'),
      },
      { requiredKeys: ['match', 'pool', 'name'] },
    ),
    { minLength: 1, maxLength: 6 },
  )
  const property = fc.property(rules, fc.integer(), (table, seed) => {
    const random = makeRandom(seed)
    const fill = () => pick(random, ['', 'a', 'b', 'ab', '/', 'a/b', '.', '%', '0'])
    // Few nodes, so that some tables outgrow them on the way.
    const find = finder(compileTrie(table, { maxNodes: 8 }))
    for (let i = 0; i < 40; i++) {
      const parsed = parsePattern(pick(random, table).match)
      assert.ok(parsed.ok)
      let path = sample(parsed.ast, random, fill).slice(0, 9)
      if (random() < 0.4) path = mutate(path, random, fill).slice(0, 9)
      const target = path + pick(random, queries)
      const method = pick(random, methods)
      const parts = split(target)
      assert.equal(find(target, method), matchInOrder(table, parts.path, parts.query, method), `${method} ${target}`)
    }
  })
  fc.assert(property, { numRuns: 2000, seed: SEED })
})

/** Behind what all hostile paths have in common. */
const place = (random: Random, path: Buffer): number => 40 + Math.floor(random() * (path.length - 40))

/** CPU time per byte of `count` paths of 8 KiB that `next` makes, in ns; making them is not counted. */
const timePerByte = (rules: readonly Rule[], count: number, next: (random: Random) => Buffer) => {
  const random = makeRandom(SEED)
  const trie = compileTrie(rules)
  const paths = Array.from({ length: 200 }, () => next(random))
  let spent = 0
  for (let i = 0; i < count; i++) {
    const path = paths[i % paths.length]!
    // Ever new paths, at the cost of 64 changed bytes each.
    for (let k = 0; k < 64; k++) path[place(random, path)] = path[place(random, path)]!
    const start = process.cpuUsage()
    trie.find(path, 0, path.length, methodBit('GET'))
    const { user, system } = process.cpuUsage(start)
    spent += user + system
  }
  return { nsPerByte: (spent * 1000) / (count * 8192), ...trie.stats() }
}

test('100,000 hostile paths of 8 KiB neither fill memory nor cost more than reading them', () => {
  const table = documentedTable() ?? quirkyTable
  const words = table.flatMap(({ match }) => match.match(/[\w.]+/g) ?? [])
  const hostile = (random: Random) => {
    let path = '/_matrix/client/unstable/rooms/'
    while (path.length < 8192)
      path += pick(random, words).slice(0, 1 + random() * 20) + pick(random, ['/', '/', '/rooms/', 'x'])
    return Buffer.from(path.slice(0, 8192))
  }
  const { nsPerByte, bytes } = timePerByte(table, 100_000, hostile)
  assert.ok(bytes < 16e6, `${bytes} bytes`)
  assert.ok(nsPerByte < 60, `${nsPerByte} ns per byte`)
})

test('a table whose nodes no memory could hold is cut off, and still answers in linear time', () => {
  // Which of the last 16 bytes were an a: 2^16 nodes, and twice.
  const table = [rule('^/.*a.{16}b$', { methods: ['GET'] }), rule('^/.*b.{7}a.{8}b/'), rule('^/.*x$')]
  const hostile = (random: Random) =>
    Buffer.from(`/${Array.from({ length: 8191 }, () => pick(random, ['a', 'b'])).join('')}`)
  const { nsPerByte, bytes, nodes, flushes } = timePerByte(table, 1000, hostile)
  assert.ok(flushes > 0 && nodes <= 16384, `${nodes} nodes, ${flushes} flushes`)
  assert.ok(bytes < 32e6, `${bytes} bytes`)
  assert.ok(nsPerByte < 3000, `${nsPerByte} ns per byte`)
  const find = finder(compileTrie(table))
  const random = makeRandom(SEED)
  for (let i = 0; i < 200; i++) {
    const path = hostile(random).toString().slice(0, 1000) + pick(random, ['b', 'b/', 'x', 'a'])
    assert.equal(find(path, 'GET'), matchInOrder(table, path, '', 'GET'), path)
  }
})
