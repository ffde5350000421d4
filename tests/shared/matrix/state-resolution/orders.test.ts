/** The two orderings of rooms/v2 against their definitions, taken word for word. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId } from '../../../../shared/matrix/ids.ts'
import { makeAuthGraph, readAuthGraph } from '../../../../shared/matrix/state-resolution/auth-graph.ts'
import { mainlineOrder } from '../../../../shared/matrix/state-resolution/mainline-order.ts'
import { isPowerEvent, powerOrder } from '../../../../shared/matrix/state-resolution/power-order.ts'
import { makeRandom } from '../../../harness/random.ts'
import { randomHistory } from './random-history.ts'
import type { TestRoom } from './test-room.ts'

const readerOf = (room: TestRoom) =>
  readAuthGraph(makeAuthGraph(), room.version, room.roomId, (id) => room.events.get(id) ?? null)

const citedLevels = (room: TestRoom, id: EventId): EventId | undefined =>
  room.events.get(id)!.authEvents.find((cited) => room.events.get(cited)!.type === 'm.room.power_levels')

/** In rooms/v11, where levels are integers: "the sender's power level, when looking at their respective auth_events". */
function level(room: TestRoom, id: EventId): number {
  const { sender, authEvents } = room.events.get(id)!
  const levels = citedLevels(room, id)
  if (levels === undefined) return authEvents.some((cited) => room.events.get(cited)?.sender === sender) ? 100 : 0
  const { users, users_default } = room.events.get(levels)!.content as {
    users: Record<string, number>
    users_default?: number
  }
  return users[sender] ?? users_default ?? 0
}

const least = (ids: readonly EventId[], isLess: (x: EventId, y: EventId) => boolean): EventId =>
  ids.reduce((x, y) => (isLess(y, x) ? y : x))

test('reverse topological power ordering: of all that is free, always the least', () => {
  let heldBack = 0
  for (let seed = 0; seed < 200; seed++) {
    const { room } = randomHistory('11', seed, 60)
    const random = makeRandom(seed)
    const conflicted = [...room.events.keys()].filter(() => random.oneIn(2))
    const chosen = new Set(conflicted.filter((id) => isPowerEvent(room.events.get(id)!)))
    for (const id of chosen)
      for (const cited of room.events.get(id)!.authEvents) if (conflicted.includes(cited)) chosen.add(cited)

    const isLess = (x: EventId, y: EventId): boolean => {
      const [a, b] = [room.events.get(x)!, room.events.get(y)!]
      if (level(room, x) !== level(room, y)) return level(room, x) > level(room, y)
      return a.originServerTs !== b.originServerTs ? a.originServerTs < b.originServerTs : x < y
    }
    const expected: EventId[] = []
    const left = new Set(chosen)
    while (left.size > 0) {
      const free = [...left].filter((id) => !room.events.get(id)!.authEvents.some((cited) => left.has(cited)))
      const next = least(free, isLess)
      if (next !== least([...left], isLess)) heldBack++
      expected.push(next)
      left.delete(next)
    }
    const reader = readerOf(room)
    const ordered = powerOrder(reader, conflicted.map(reader.indexOf)).map((index) => reader.graph.ids[index])
    assert.deepEqual(ordered, expected, `seed ${seed}`)
  }
  assert.ok(heldBack > 50, `${heldBack}`)
})

test('mainline ordering: by the closest ancestor in the mainline, the oldest first', () => {
  const positions = new Set<number>()
  for (let seed = 0; seed < 200; seed++) {
    const { room } = randomHistory('11', seed, 60)
    const events = [...room.events.keys()].filter((id) => !isPowerEvent(room.events.get(id)!))
    const all = [...room.events.values()]
      .filter(({ type }) => type === 'm.room.power_levels')
      .map(({ eventId }) => eventId)
    for (const powerLevels of [all.at(-1)!, all[all.length >> 1]!, undefined]) {
      const mainline: EventId[] = []
      for (let at = powerLevels; at !== undefined; at = citedLevels(room, at)) mainline.push(at)
      const position = (id: EventId): number => {
        for (let at = citedLevels(room, id); at !== undefined; at = citedLevels(room, at))
          if (mainline.includes(at)) return mainline.indexOf(at)
        return Number.POSITIVE_INFINITY
      }
      const expected = [...events].sort((x, y) => {
        positions.add(position(x))
        if (position(x) !== position(y)) return position(x) > position(y) ? -1 : 1
        const [a, b] = [room.events.get(x)!, room.events.get(y)!]
        return a.originServerTs - b.originServerTs || (x < y ? -1 : 1)
      })
      const reader = readerOf(room)
      const head = powerLevels === undefined ? undefined : reader.indexOf(powerLevels)
      const ordered = mainlineOrder(reader, events.map(reader.indexOf), head).map((index) => reader.graph.ids[index])
      assert.deepEqual(ordered, expected, `seed ${seed}`)
    }
  }
  assert.ok(positions.size > 3 && positions.has(Number.POSITIVE_INFINITY))
})
