import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomEvent } from '../../../../shared/matrix/events/event.ts'
import { redactionApplies } from '../../../../shared/matrix/events/redaction.ts'
import { roomVersions } from '../../../../shared/matrix/room-version.ts'

const make = (fields: Partial<Record<keyof RoomEvent, string>>): RoomEvent =>
  ({ eventId: '$t', roomId: '!r:b', sender: '@a:b:1', type: 'm.room.message', ...fields }) as unknown as RoomEvent
const target = make({})
const redaction = (fields: Parameters<typeof make>[0] = {}): RoomEvent =>
  make({ eventId: '$r', redacts: '$t', sender: '@other:c', type: 'm.room.redaction', ...fields })
const high = { sender: 50, redact: 50 }
const low = { sender: 49, redact: 50 }

test('rooms/v3, "Handling redactions": by power level, or from the same domain', () => {
  for (const version of Object.values(roomVersions)) {
    assert.ok(redactionApplies(redaction(), target, version, high))
    assert.ok(redactionApplies(redaction({ sender: '@other:b:1' }), target, version, low))
    // In room versions 1 and 2 the authorisation rules have decided.
    assert.equal(redactionApplies(redaction(), target, version, low), Number(version.id) <= 2)
    assert.equal(redactionApplies(redaction({ sender: '@a:b' }), target, version, low), Number(version.id) <= 2)
  }
})

test('only what it names, in its room, and never the create event', () => {
  for (const version of Object.values(roomVersions)) {
    assert.ok(!redactionApplies(redaction({ redacts: '$else' }), target, version, high))
    assert.ok(!redactionApplies(redaction({ roomId: '!else:b' }), target, version, high))
    assert.ok(!redactionApplies(redaction(), make({ type: 'm.room.create' }), version, high))
  }
})
