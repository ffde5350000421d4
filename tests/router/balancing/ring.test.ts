import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashString } from '../../../router/balancing/key.ts'
import { hashText, preference, type RingMember } from '../../../router/balancing/ring.ts'

const KEYS = 20_000
const keys = Array.from({ length: KEYS }, (_, i) => hashString(`@user${i}:example.org`))
const members = (count: number, weight: (index: number) => number = () => 1): RingMember[] =>
  Array.from({ length: count }, (_, i) => ({ seed: hashText(`127.0.0.1:${8000 + i}`), weight: weight(i) }))
const owners = (of: readonly RingMember[]) => keys.map((key) => preference(key, of)[0]!)
const share = (owned: readonly number[], index: number) => owned.filter((owner) => owner === index).length / KEYS

test('every worker gets its share of the keys, within a tenth', () => {
  for (const count of [2, 3, 5, 8, 16]) {
    const owned = owners(members(count))
    for (let i = 0; i < count; i++)
      assert.ok(Math.abs(share(owned, i) * count - 1) < 0.1, `${i} of ${count}: ${share(owned, i)}`)
  }
})

test('a weight is a share: 3 to 1 is 75 to 25', () => {
  const owned = owners(members(2, (i) => (i === 0 ? 3 : 1)))
  assert.ok(Math.abs(share(owned, 0) - 0.75) < 0.015, `${share(owned, 0)}`)
})

test('a worker that comes takes its share of the keys, and no key moves but to it', () => {
  const before = owners(members(5))
  const after = owners(members(6))
  const moved = keys.map((_, i) => i).filter((i) => before[i] !== after[i])
  assert.ok(moved.every((i) => after[i] === 5))
  assert.ok(Math.abs(moved.length / KEYS - 1 / 6) < 0.015, `${moved.length / KEYS}`)
})

test('a worker that goes leaves its keys to the others evenly, and no other key moves', () => {
  const all = members(5)
  const before = owners(all)
  const after = keys.map((key) => preference(key, all).find((index) => index !== 2)!)
  assert.ok(before.every((owner, i) => owner === 2 || owner === after[i]))
  for (const index of [0, 1, 3, 4]) assert.ok(Math.abs(share(after, index) - 0.25) < 0.015)
})

test('a heavier weight only draws keys to its worker', () => {
  const before = owners(members(4))
  const after = owners(members(4, (i) => (i === 1 ? 2 : 1)))
  assert.ok(before.every((owner, i) => owner === after[i] || after[i] === 1))
})

test('the order of the workers in the file does not matter', () => {
  const all = members(5)
  const reversed = [...all].reverse()
  for (const key of keys.slice(0, 2000)) {
    const names = preference(key, all).map((index) => all[index]!.seed)
    assert.deepEqual(
      preference(key, reversed).map((index) => reversed[index]!.seed),
      names,
    )
  }
})
