/** Power levels as admins set them, as bridges set them, and as nobody should. */

import { isObject, JsonFloat, type JsonObject, type JsonValue } from '../../../shared/matrix/json/value.ts'
import type { Draft } from './room.ts'
import type { View } from './view.ts'
import { world } from './world.ts'

const NAMED = ['users_default', 'events_default', 'state_default', 'ban', 'kick', 'invite', 'redact'] as const
const LEVELS = [-1, 0, 1, 25, 49, 50, 51, 75, 99, 100, 100, 101, 2 ** 53 - 1]
const TYPES = [
  'm.room.topic',
  'm.room.power_levels',
  'm.room.member',
  'm.room.message',
  'org.test.state',
  'constructor',
]
/** What Python's `int()` takes, and what it does not; room versions differ in what they let pass. */
const STRINGS = [
  '50',
  '+50',
  '-50',
  ' 50 ',
  '\t100\n',
  '5_0',
  '050',
  '50.0',
  '5e1',
  '',
  'abc',
  '٥٠',
  '0x32',
  '9007199254740993',
  '− 1',
]

export const firstPowerLevels = ({ random, oddly, version }: View, creator: string): JsonObject => ({
  ...(oddly(2)
    ? {}
    : {
        users: {
          ...(version.creatorsAbovePowerLevels ? {} : { [creator]: 100 }),
          [random.pick(world.users)]: 50,
          [random.pick(world.users)]: 75,
        },
      }),
  ...(random.oneIn(3) ? { users_default: random.pick([0, 0, 10, 25, 50]) } : {}),
  ...(random.oneIn(2)
    ? { events: { 'm.room.topic': random.pick([0, 100]), 'm.room.power_levels': random.pick([0, 0, 25, 100]) } }
    : {}),
  ...(random.oneIn(2) ? { state_default: random.pick([0, 25, 50]) } : {}),
  ...(random.oneIn(2) ? { ban: random.pick([50, 75]), kick: 50, redact: 50, invite: random.pick([0, 0, 50]) } : {}),
  ...(random.oneIn(3) ? { notifications: { room: 50 } } : {}),
})

/** A change of one to three things, to levels that the sender may or may not set. */
export const powerLevels = (view: View): Draft => {
  const { random } = view
  const content: Record<string, JsonValue | undefined> = { ...view.content('m.room.power_levels') }
  for (let changes = 1 + random.int(3); changes > 0; changes--) {
    switch (random.int(7)) {
      case 0:
      case 1:
      case 2:
        content.users = changed(view, content.users, view.oddly(25) ? random.pick(BAD_USERS) : view.anyone())
        break
      case 3:
        content.events = changed(view, content.events, random.pick(TYPES))
        break
      case 4:
        content.notifications = changed(view, content.notifications, random.pick(['room', 'org.test.other']))
        break
      default: {
        const name = random.pick(NAMED)
        if (random.oneIn(5)) delete content[name]
        else content[name] = level(view)
      }
    }
  }
  if (view.oddly(25)) content[random.pick(['users', 'events', 'notifications'])] = random.pick(BAD_MAPS)
  return { type: 'm.room.power_levels', stateKey: view.oddly(40) ? 'other' : '', sender: view.sender(), content }
}

const BAD_USERS = ['alice', '@alice', '', '@:a.test', '@a:b c', 'alice:a.test', '@\u00e4:a.test', '@constructor:a.test']
const BAD_MAPS: readonly JsonValue[] = [null, 50, '50', [], ['@alice:a.test'], true]

const changed = (view: View, map: JsonValue | undefined, newKey: string): JsonValue => {
  const entries: Record<string, JsonValue | undefined> = isObject(map) ? { ...map } : {}
  const there = Object.keys(entries)
  const key = there.length > 0 && view.random.oneIn(2) ? view.random.pick(there) : newKey
  if (view.random.oneIn(6)) delete entries[key]
  else entries[key] = level(view)
  return entries
}

const level = ({ random, oddly, version }: View): JsonValue => {
  if (!oddly(6)) return random.pick(LEVELS)
  const odd: JsonValue[] = [random.pick(STRINGS), random.pick(STRINGS), null, [], {}]
  // Before integers were asked for, Synapse read these as 1 and 0, which rooms/v1 does not say: the histories would part.
  if (version.integerPowerLevels) odd.push(true, false)
  // Not in room versions whose canonical JSON has no such numbers: their events would be dropped before any rule is asked.
  if (!version.strictJson)
    odd.push(new JsonFloat('50.0'), new JsonFloat('49.9'), new JsonFloat('1e2'), 2n ** 63n, -(2n ** 64n))
  return random.pick(odd)
}
