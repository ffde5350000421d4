import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readActions, readEnabled, readPushRule } from '../../../../shared/matrix/push-rules/read.ts'
import { rulesetJson, rulesetOf } from '../../../../shared/matrix/push-rules/ruleset.ts'
import { withRules } from './events.ts'

const actions = ['notify']

test('a rule is read as clients put it, and shown as they read it', () => {
  const conditions = [{ kind: 'event_match', key: 'type', pattern: 'x' }, { kind: 'of the future' }]
  const rules = [
    readPushRule('override', 'a', { actions, conditions }),
    readPushRule('underride', 'b', { actions }),
    readPushRule('content', 'c', { actions, pattern: 'cake' }),
    readPushRule('room', '!r:s', { actions: ['dont_notify'] }),
    readPushRule('sender', '@a:s', { actions: [{ set_tweak: 'sound', value: 'x' }], conditions: 'ignored' }),
  ].map((result) => {
    assert.ok(result.ok)
    return result.value
  })
  const shown = { default: false, enabled: true, actions }
  assert.deepEqual(rulesetJson(rulesetOf([], withRules(...rules)), '@alice:s'), {
    override: [{ rule_id: 'a', ...shown, conditions }],
    underride: [{ rule_id: 'b', ...shown, conditions: [] }],
    content: [{ rule_id: 'c', ...shown, pattern: 'cake' }],
    room: [{ rule_id: '!r:s', ...shown, actions: ['dont_notify'] }],
    sender: [{ rule_id: '@a:s', ...shown, actions: [{ set_tweak: 'sound', value: 'x' }] }],
  })
})

test('a rule that is none is refused, with a reason', () => {
  for (const [kind, id, body, reason] of [
    ['postcontent', 'a', { actions }, /Unknown template/],
    ['constructor', 'a', { actions }, /Unknown template/],
    ['override', '', { actions }, /empty/],
    ['override', '.m.rule.mine', { actions }, /start with/],
    ['override', 'a/b', { actions }, /slash/],
    ['override', 'a\\b', { actions }, /slash/],
    ['override', 'a', [], /object/],
    ['override', 'a', {}, /actions/],
    ['override', 'a', { actions: ['shout'] }, /action/],
    ['override', 'a', { actions: [{ sound: 'x' }] }, /action/],
    ['override', 'a', { actions: [null] }, /action/],
    ['override', 'a', { actions, conditions: {} }, /conditions/],
    ['override', 'a', { actions, conditions: [{ key: 'type' }] }, /kind/],
    ['content', 'a', { actions }, /pattern/],
    ['content', 'a', { actions, pattern: 1 }, /pattern/],
  ] as const) {
    const result = readPushRule(kind, id, body as never)
    assert.ok(!result.ok && reason.test(result.reason), `${kind} ${JSON.stringify(result)}`)
  }
})

test('actions and enabled on their own', () => {
  assert.deepEqual(readActions({ actions: ['notify'] }), { ok: true, value: ['notify'] })
  assert.equal(readActions(['notify']).ok, false)
  for (const body of [{ enabled: false }, false]) assert.deepEqual(readEnabled(body), { ok: true, value: false })
  for (const body of [{ enabled: 1 }, 'true', null, {}]) assert.equal(readEnabled(body).ok, false)
})
