import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import { type JsonText, jsonTextOf } from '../../../worker/json-text.ts'
import { directToDeviceEdus, MAX_EDU_BYTES } from '../../../worker/to-device/edus.ts'

const sender = '@alice:here.test' as UserId

interface Edu {
  readonly sender: string
  readonly type: string
  readonly message_id: string
  readonly messages: Readonly<Record<string, Readonly<Record<string, { readonly body: string }>>>>
}

/** `users` × `devices` messages, each of so many bytes. */
function split(users: number, devices: number, bytes: number) {
  const messages = new Map<UserId, ReadonlyMap<string, JsonText>>()
  for (let user = 0; user < users; user++)
    messages.set(
      `@u${user}:there.test` as UserId,
      new Map(
        Array.from({ length: devices }, (_, device) => [`D${device}`, jsonTextOf({ body: 'ü'.repeat(bytes / 2) })]),
      ),
    )
  return directToDeviceEdus(sender, 'm.x', messages).map((text) => {
    const edu = `{"content":${text},"edu_type":"m.direct_to_device"}`
    return { bytes: Buffer.byteLength(edu), edu: JSON.parse(text) as Edu }
  })
}

const devicesOf = ({ messages }: Edu) =>
  Object.entries(messages).flatMap(([user, devices]) => Object.keys(devices).map((device) => `${user} ${device}`))

for (const [users, devices, bytes, expected] of [
  [1, 1, 10, 1],
  [3, 2, 1_000, 1],
  [10, 1, 20_000, 4],
  [2, 8, 20_000, 6],
  [1, 2, 65_000, 2],
] as const)
  test(`${users} users with ${devices} devices, ${bytes} bytes each: ${expected} EDUs`, () => {
    const edus = split(users, devices, bytes)
    assert.equal(edus.length, expected)
    const all = edus.flatMap(({ edu }) => devicesOf(edu))
    assert.equal(all.length, users * devices)
    assert.equal(new Set(all).size, users * devices)
    for (const { bytes: size, edu } of edus) {
      assert.ok(size <= MAX_EDU_BYTES, `${size}`)
      assert.equal(edu.sender, sender)
      assert.equal(edu.type, 'm.x')
    }
    assert.equal(new Set(edus.map(({ edu }) => edu.message_id)).size, edus.length)
  })

test('nobody gets nothing', () => assert.deepEqual(split(0, 0, 0), []))
