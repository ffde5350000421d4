/** Random histories of a room: forks, memberships of every kind, races about power levels, clocks and depths that lie. */

import { authorise } from '../../../../shared/matrix/event-auth/authorise.ts'
import type { EventId } from '../../../../shared/matrix/ids.ts'
import type { RoomVersionId } from '../../../../shared/matrix/room-version.ts'
import type { StateMap } from '../../../../shared/matrix/state-map.ts'
import { makeRandom, type Random } from '../../../harness/random.ts'
import {
  create,
  type Draft,
  joinRule,
  makeTestRoom,
  member,
  powerLevels,
  type TestRoom,
  withCreator,
  withEvent,
} from './test-room.ts'

export interface History {
  readonly room: TestRoom
  /** States of the room at events that no other event follows, or at any others. */
  readonly sets: readonly StateMap[]
  readonly rejected: ReadonlySet<EventId>
}

const users = ['@alice:one', '@bob:one', '@carol:two', '@dave:two', '@eve:three', '@frank:three']
const [alice = ''] = users

export function randomHistory(versionId: RoomVersionId, seed: number, length: number): History {
  const random = makeRandom(seed)
  const room = makeTestRoom(versionId)
  const after = new Map<EventId, StateMap>()
  let heads: EventId[] = []
  const send = (draft: Draft, prev: readonly EventId[]): void => {
    const state = room.resolved(prev.map((id) => after.get(id)!))
    const depths = prev.map((id) => room.events.get(id)!.depth)
    // IDs in no relation to time.
    const id = draft.id ?? `$${random.int(2 ** 30).toString(36)}-${room.events.size}`
    const event = room.add(state, {
      ...draft,
      id,
      prev,
      ts: random.int(length),
      depth: random.oneIn(20) ? random.int(length) : Math.max(0, ...depths) + 1,
    })
    const find = (type: string, stateKey: string) => room.events.get(state.get(type)?.get(stateKey) ?? ('' as EventId))
    if (authorise(event, room.version, find) !== undefined) {
      room.events.delete(event.eventId)
      return
    }
    after.set(event.eventId, withEvent(state, event))
    // Some events are followed again later: forks.
    heads = [...heads.filter((head) => !prev.includes(head) || random.oneIn(4)), event.eventId].slice(-8)
  }
  const first = [
    create(alice, room.version),
    member(alice, 'join'),
    powerLevels(alice, withCreator(room.version, alice, { [users[1]!]: 50, [users[2]!]: 100 })),
    joinRule(alice, random.pick(['public', 'invite'])),
  ]
  for (const draft of first) send(draft, heads.slice(-1))
  heads = heads.slice(-1)
  for (let sent = 0; sent < length; sent++) {
    send(randomDraft(random, room), random.oneIn(4) ? pickSome(random, heads, 3) : [random.pick(heads)])
  }

  const at = random.oneIn(2) ? heads : pickSome(random, [...after.keys()], 5)
  const rejected = new Set(random.oneIn(5) ? pickSome(random, [...after.keys()], 4) : [])
  return { room, sets: at.map((id) => after.get(id)!), rejected }
}

function pickSome<T>(random: Random, of: readonly T[], most: number): T[] {
  const count = 1 + random.int(most)
  return [...new Set(Array.from({ length: count }, () => random.pick(of)))]
}

function randomDraft(random: Random, room: TestRoom): Draft {
  const sender = random.pick(users)
  const target = random.pick(users)
  switch (random.int(12)) {
    case 0:
    case 1:
    case 2:
      return member(sender, 'join')
    case 3:
      return member(sender, 'leave', random.oneIn(2) ? sender : target)
    case 4:
      return member(sender, 'ban', target)
    case 5:
      return member(sender, 'invite', target)
    case 6:
      return member(sender, 'knock')
    case 7:
    case 8: {
      const levels = Object.fromEntries(users.slice(1).map((user) => [user, random.pick([0, 0, 50, 100])]))
      const some = Object.fromEntries(Object.entries(levels).filter(() => random.oneIn(2)))
      const content = random.oneIn(3)
        ? { state_default: random.pick([0, 50]), users_default: random.pick([0, 25]) }
        : {}
      return powerLevels(sender, withCreator(room.version, alice, some), content)
    }
    case 9:
      return joinRule(sender, random.pick(['public', 'invite', 'knock', 'restricted']))
    case 10:
      return { sender, type: 'm.room.third_party_invite', stateKey: random.pick(['t1', 't2']), content: {} }
    default:
      return { sender, type: random.pick(['m.room.topic', 'm.room.name']), content: { at: random.int(1000) } }
  }
}
