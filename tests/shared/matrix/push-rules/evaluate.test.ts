import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JsonFloat, type JsonObject } from '../../../../shared/matrix/json/value.ts'
import { makeRuleCompiler } from '../../../../shared/matrix/push-rules/compile.ts'
import { defaultRules, synapseFeatures } from '../../../../shared/matrix/push-rules/default-rules.ts'
import { evaluatePushRules } from '../../../../shared/matrix/push-rules/evaluate.ts'
import { foldCase } from '../../../../shared/matrix/push-rules/event-view.ts'
import { noUserRules, type PushRule, type RuleKind } from '../../../../shared/matrix/push-rules/rule.ts'
import { eventOf, holds, message, outcome, room, rule, withRules } from './events.ts'

const matches = (key: string, pattern: string, event = message('')) =>
  holds({ kind: 'event_match', key, pattern }, event)

test('event_match: strings only, as a whole, without regard to case', () => {
  const topic = (value: unknown) => eventOf({ type: 'm.room.topic', content: { topic: value as never } })
  for (const value of ['Lunch plans', 'LUNCH']) assert.ok(matches('content.topic', 'lunc?*', topic(value)), value)
  for (const value of [' lunch', 'lunc', null, 1, true, ['lunch'], { lunch: 1 }, undefined])
    assert.ok(!matches('content.topic', 'lunc?*', topic(value)), `${value}`)
  assert.ok(!matches('content.topic', '*', eventOf({})))
  assert.ok(matches('content.topic', '*', topic('')))
  assert.ok(matches('type', 'M.ROOM.TOPIC', topic('')))
  assert.ok(matches('content.topic', 'ΟΔΌΣ', topic('οδός')))
})

test('event_match of content.body looks for a word', () => {
  assert.ok(matches('content.body', 'CAKE', message('a cake!')))
  assert.ok(!matches('content.body', 'cake', message('pancake')))
  assert.ok(matches('content.body', 'cake*lie', message('the cake is a lie')))
  // ASCII decides what a word is, whatever the letters fold to.
  assert.ok(matches('content.body', 'caf', message('café')))
  assert.ok(matches('content.body', 'elvin', message('\u212Aelvin')))
})

test('keys are property paths', () => {
  const event = message('', { 'm.relates_to': { rel_type: 'm.thread', 'a\\b': 'x' } })
  assert.ok(matches('content.m\\.relates_to.rel_type', 'm.thread', event))
  assert.ok(!matches('content.m.relates_to.rel_type', 'm.thread', event))
  assert.ok(matches('content.m\\.relates_to.a\\\\b', 'x', event))
  assert.ok(!matches('content.constructor.name', '*', event))
  assert.ok(matches('event_id', '$E', event))
  assert.ok(matches('room_id', '!r:*', event))
  assert.ok(matches('sender', '@bob:s', event))
})

test('event_property_is: no casts, nothing compound', () => {
  const is = (value: unknown, found: unknown) =>
    holds(
      { kind: 'event_property_is', key: 'content.v', value: value as never },
      eventOf({ content: { v: found as never } }),
    )
  for (const value of ['x', '', 1, -5, 0, true, false, null]) assert.ok(is(value, value), `${value}`)
  for (const [value, found] of [
    [true, 'true'],
    [1, '1'],
    [1, true],
    [0, false],
    [null, undefined],
    ['x', 'X'],
    [[1], [1]],
    [2n ** 60n, 2n ** 60n],
    [new JsonFloat('1.0'), new JsonFloat('1.0')],
    [1, new JsonFloat('1.0')],
  ])
    assert.ok(!is(value, found), `${value} ${found}`)
})

test('event_property_contains: an array that has the value', () => {
  const contains = (value: unknown, found: unknown) =>
    holds(
      { kind: 'event_property_contains', key: 'content.v', value: value as never },
      eventOf({ content: { v: found as never } }),
    )
  assert.ok(contains('a', ['b', [1], 'a']))
  assert.ok(contains(null, [null]))
  for (const [value, found] of [
    ['a', 'a'],
    ['a', [['a']]],
    ['A', ['a']],
    [1, ['1', true]],
    ['a', { a: 'a' }],
    ['a', undefined],
    [[1], [[1]]],
  ])
    assert.ok(!contains(value, found), `${value} ${JSON.stringify(found)}`)
})

test('room_member_count: a decimal integer, one of five comparisons', () => {
  for (const [is, counts] of [
    ['2', [2]],
    ['==2', [2]],
    ['<2', [1]],
    ['>2', [3]],
    ['<=2', [1, 2]],
    ['>=2', [2, 3]],
    ['02', [2]],
    ['=2', []],
    ['=>2', []],
    ['', []],
    ['>', []],
    [' 2', []],
    ['2.0', []],
    ['-2', []],
    [2, []],
  ] as const)
    assert.deepEqual(
      [1, 2, 3].filter((memberCount) => holds({ kind: 'room_member_count', is }, message(''), { memberCount })),
      counts,
      `${is}`,
    )
})

test('sender_notification_permission: 50 where power levels say nothing', () => {
  const may = (key: string, senderPowerLevel: number | bigint | undefined, levels: Record<string, number> = {}) =>
    holds({ kind: 'sender_notification_permission', key }, message(''), {
      senderPowerLevel,
      notificationLevel: (name) => levels[name],
    })
  assert.ok(may('room', 50))
  assert.ok(!may('room', 49))
  assert.ok(may('other', 50))
  assert.ok(may('room', 20, { room: 20 }))
  assert.ok(!may('room', 20, { room: 21 }))
  assert.ok(may('room', Number.POSITIVE_INFINITY, { room: 1000 }))
  assert.ok(may('room', 2n ** 60n, { room: 1000 }))
  assert.ok(!may('room', Number.NaN, { room: 0 }))
  assert.ok(!may('room', undefined, { room: 0 }))
})

test('what is not understood never matches', () => {
  const bad: readonly JsonObject[] = [
    { kind: 'nonsense' },
    {},
    { kind: 'event_match', key: 'type' },
    { kind: 'event_match', pattern: '*' },
    { kind: 'event_match', key: 1, pattern: '*' },
    // Only the server's own rules may say so.
    { kind: 'event_match', key: 'sender', pattern_type: 'user_id' },
    { kind: 'event_property_is', key: 'type' },
    { kind: 'sender_notification_permission' },
    { kind: 'org.matrix.msc3931.room_version_supports' },
  ]
  for (const condition of bad)
    assert.ok(!holds(condition, message(''), { senderPowerLevel: 100 }), JSON.stringify(condition))
  const supports = { kind: 'org.matrix.msc3931.room_version_supports', feature: 'f' }
  assert.ok(holds(supports, message(''), { features: ['f'] }))
  assert.ok(!holds(supports, message(''), { features: ['g'] }))
  assert.ok(!holds(supports, message('')))
})

const always = (kind: RuleKind, ruleId: string, more: Partial<PushRule> = {}) =>
  rule({ kind, ruleId, pattern: kind === 'content' ? 'hello' : undefined, ...more })
const decided = (rules: readonly PushRule[], more: object = {}) =>
  outcome(message('hello'), { user: { ...withRules(...rules), ...more } })?.rule

test('kinds are checked in order, a kind’s rules in the user’s, the server’s behind them', () => {
  const rules = [
    always('underride', 'u'),
    always('sender', '@bob:s'),
    always('room', '!r:s'),
    always('content', 'c'),
    always('override', 'o1'),
    always('override', 'o2'),
  ]
  const order: string[] = []
  let left: PushRule[] = rules
  for (let next = decided(left); next !== undefined && left.length > 0; next = decided(left)) {
    order.push(next.ruleId)
    left = left.filter((one) => one !== next)
  }
  assert.deepEqual(order, ['o1', 'o2', 'c', '!r:s', '@bob:s', 'u'])
  // Below the server's override rules, above its underrides.
  const edit = message('x', { 'm.relates_to': { rel_type: 'm.replace' } })
  assert.equal(outcome(edit, { user: withRules(always('room', '!r:s')) })?.rule.ruleId, '.m.rule.suppress_edits')
  assert.equal(outcome(edit, { user: withRules(always('override', 'o')) })?.rule.ruleId, 'o')
})

test('rules of a room or sender are of that one, by the letter', () => {
  for (const [kind, ruleId] of [
    ['room', '!R:s'],
    ['room', '!*'],
    ['sender', '@Bob:s'],
    ['sender', '@*'],
  ] as const)
    assert.equal(decided([always(kind, ruleId)])?.ruleId, '.m.rule.message', ruleId)
})

test('a rule about one room keeps its place among rules about all', () => {
  const muted = (ruleId: string, pattern: string) =>
    always('override', ruleId, { conditions: [{ kind: 'event_match', key: 'room_id', pattern }] })
  assert.equal(decided([muted('other', '!x:s'), muted('here', '!R:S'), always('override', 'all')])?.ruleId, 'here')
  assert.equal(decided([always('override', 'all'), muted('here', '!r:s')])?.ruleId, 'all')
  assert.equal(decided([muted('glob', '!*'), muted('here', '!r:s')])?.ruleId, 'glob')
  const more = always('override', 'here', {
    conditions: [
      { kind: 'event_match', key: 'room_id', pattern: '!r:s' },
      { kind: 'event_match', key: 'type', pattern: 'x' },
    ],
  })
  assert.equal(decided([more, always('underride', 'last')])?.ruleId, 'last')
})

test('disabled rules never match; the master rule stands above the user’s', () => {
  assert.equal(decided([always('override', 'o', { enabled: false })])?.ruleId, '.m.rule.message')
  const enabled = (key: string, value: boolean) => ({ enabled: new Map([[key, value]]) })
  assert.equal(decided([always('override', 'o')], enabled('override/o', false))?.ruleId, '.m.rule.message')
  assert.equal(decided([], enabled('underride/.m.rule.message', false)), undefined)
  const silenced = decided([always('override', 'o')], enabled('override/.m.rule.master', true))
  assert.equal(silenced?.ruleId, '.m.rule.master')
})

test('the user’s actions for a rule of the server’s count, its conditions stay', () => {
  const actions = new Map([['underride/.m.rule.message', ['notify', { set_tweak: 'highlight' }] as const]])
  const user = { ...noUserRules, actions }
  assert.equal(outcome(message('x'), { user })?.highlight, true)
  assert.equal(outcome(eventOf({ type: 'other' }), { user }), undefined)
})

test('nobody is notified of what they sent', () => {
  assert.equal(outcome(message('x'), { userId: '@bob:s', user: withRules(always('override', 'o')) }), undefined)
})

test('actions: historical ones mean nothing, the last tweak counts', () => {
  const of = (...actions: PushRule['actions']) => outcome(message('x'), { user: withRules(rule({ actions })) })!
  assert.deepEqual(of('dont_notify', 'coalesce').actions, [])
  assert.equal(of('dont_notify').notify, false)
  assert.deepEqual(of('coalesce', 'notify').actions, ['notify'])
  assert.equal(of('notify', { set_tweak: 'highlight' }).highlight, true)
  assert.equal(of('notify', { set_tweak: 'highlight', value: false }).highlight, false)
  assert.equal(of('notify', { set_tweak: 'highlight' }, { set_tweak: 'highlight', value: false }).highlight, false)
  assert.equal(of({ set_tweak: 'highlight' }).highlight, false)
  const tweaked = of(
    'notify',
    { set_tweak: 'sound', value: 'a.wav' },
    { set_tweak: '__proto__', value: 1 },
    { set_tweak: 'x' },
  )
  assert.equal(tweaked.sound, 'a.wav')
  assert.deepEqual(Object.entries(tweaked.tweaks), [
    ['sound', 'a.wav'],
    ['__proto__', 1],
  ])
})

test('one evaluation serves users whose rules were compiled later, and more rules than are remembered', () => {
  const compiler = makeRuleCompiler(defaultRules(synapseFeatures), 20)
  const evaluate = evaluatePushRules(compiler, message('tea is ready'), room)
  for (let i = 0; i < 100; i++) {
    const user = withRules(rule({ kind: 'content', ruleId: `${i}`, pattern: i % 2 ? 'tea' : `coffee${i}` }))
    const rules = compiler.compile(`@u${i}:s`, user)
    const expected = i % 2 ? `${i}` : '.m.rule.message'
    assert.equal(evaluate(rules, {})?.rule.ruleId, expected)
    assert.equal(evaluatePushRules(compiler, message('tea'), room)(rules, {})?.rule.ruleId, expected)
  }
})

test('an evaluation for many users answers as one for each alone', () => {
  const condition = fc.oneof(
    fc.record({
      kind: fc.constant('event_match'),
      key: fc.constantFrom('type', 'content.body', 'room_id', 'sender', 'content.n'),
      pattern: fc.constantFrom('*', 'm.room.*', 'm.room.message', 'tea', '!r:s', '@bob:s', 't?a'),
    }),
    fc.record({
      kind: fc.constant('event_property_is'),
      key: fc.constant('content.n'),
      value: fc.constantFrom(1, true, 'tea'),
    }),
    fc.constant({ kind: 'contains_display_name' }),
    fc.record({ kind: fc.constant('room_member_count'), is: fc.constantFrom('2', '>2', '<=2') }),
  )
  const anyRule = fc.record({
    kind: fc.constantFrom<RuleKind>('override', 'content', 'room', 'sender', 'underride'),
    conditions: fc.array(condition, { maxLength: 2 }),
    id: fc.constantFrom('!r:s', '@bob:s', 'x'),
  })
  const users = fc.array(
    fc.record({ rules: fc.array(anyRule, { maxLength: 5 }), displayName: fc.constantFrom('Al', 'tea', undefined) }),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  const content = fc.record({ body: fc.constantFrom('tea', 'al: hello', ''), n: fc.constantFrom(1, true, 'tea') })
  fc.assert(
    fc.property(users, content, fc.integer({ min: 1, max: 3 }), (members, value, memberCount) => {
      const event = eventOf({ content: value })
      const compiler = makeRuleCompiler(defaultRules(synapseFeatures), 25)
      const evaluate = evaluatePushRules(compiler, event, { ...room, memberCount })
      for (const [i, { rules, displayName }] of members.entries()) {
        const user = withRules(
          ...rules.map(({ kind, conditions, id }, n) =>
            rule({
              kind,
              conditions: kind === 'override' || kind === 'underride' ? conditions : [],
              pattern: 'tea',
              ruleId: kind === 'room' || kind === 'sender' ? id : `${n}`,
            }),
          ),
        )
        const userId = `@u${i}:s`
        const together = evaluate(compiler.compile(userId, user), { displayName })
        const alone = outcome(event, {
          user,
          userId,
          features: synapseFeatures,
          facts: { memberCount },
          member: { displayName },
        })
        assert.deepEqual(together, alone)
      }
    }),
  )
})

test('a hostile user’s patterns cost others nothing, and the server little', () => {
  const compiler = makeRuleCompiler(defaultRules())
  const hostile = Array.from({ length: 300 }, (_, i) =>
    rule({ kind: 'content', ruleId: `${i}`, pattern: `${'a?'.repeat(400)}b${i}` }),
  )
  // The same pattern as the last one of the other's, which is past what they may spend.
  const last = rule({ kind: 'content', ruleId: 'last', pattern: 'x?z' })
  const attacker = compiler.compile('@mallory:s', withRules(...hostile, last))
  const other = compiler.compile('@alice:s', withRules(last))
  const evaluate = evaluatePushRules(compiler, message(`${'a'.repeat(64_000)} xyz`), room)
  const before = process.cpuUsage()
  assert.equal(evaluate(attacker, {})?.rule.ruleId, '.m.rule.message')
  const ms = process.cpuUsage(before).user / 1000
  assert.ok(ms < 5000, `took ${ms} ms`)
  assert.equal(evaluate(other, {})?.rule.ruleId, 'last')
})

test('folding case keeps the length', () => {
  for (const text of ['İSTANBUL İ', 'ΟΔΟΣ ς', 'ẞ', '\u212A', '😀A', '\ud800A'])
    assert.equal(foldCase(text).length, text.length, text)
  assert.equal(foldCase('ΑΣ'), foldCase('ας'))
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assert.equal(foldCase(text).length, text.length)))
})
