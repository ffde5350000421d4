import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Acknowledged, judge, type Shown } from './ledger.ts'

const room = '!r'
const sent = (number: number, sender = '@a'): Acknowledged => ({ room, sender, number, eventId: `$${sender}${number}` })
const acknowledged = [sent(1), sent(2), sent(1, '@b'), sent(3)]
const shown = acknowledged.map(({ sender, number, eventId }): Shown => ({ sender, number, eventId }))
const judged = (...views: (readonly Shown[])[]) =>
  judge(
    { acknowledged, open: [{ room, sender: '@a', number: 4 }] },
    new Map(views.map((view, i) => [`reader ${i}`, new Map([[room, view]])])),
  )

test('what was acknowledged, each once and in order, is as it should be; what was not answered may be there', () => {
  assert.deepEqual(judged(shown, [...shown, { sender: '@a', number: 4, eventId: '$x' }]), [])
})

for (const [what, view, expected] of [
  ['lost', shown.slice(1), 'reader 0 in !r: lost: @a #1, $@a1'],
  ['shown twice', [...shown, shown[3]!], 'reader 0 in !r: shown twice: $@a3'],
  [
    'doubled',
    [...shown, { ...shown[3]!, eventId: '$other' }],
    'reader 0 in !r: doubled: @a #3 is there under two event IDs',
  ],
  ['out of order', [shown[1]!, shown[0]!, shown[2]!, shown[3]!], 'reader 0 in !r: out of order: @a #1 after #2'],
  [
    'nobody sent',
    [...shown, { sender: '@c', number: 1, eventId: '$c' }],
    'reader 0 in !r: @c #1 is $c, and was acknowledged as nothing',
  ],
] as const)
  test(`found: a message that is ${what}`, () => {
    assert.equal(judged(view)[0], expected)
  })

test('found: two readers who saw another order of different senders', () => {
  const [a1, a2, b1, a3] = shown as [Shown, Shown, Shown, Shown]
  assert.deepEqual(judged(shown, [a1, b1, a2, a3]), ['reader 1 and reader 0 in !r: $@b1 and $@a2 in another order'])
})
