/** What people do in rooms, each with how often. */

import type { JsonObject, JsonValue } from '../../../shared/matrix/json/value.ts'
import type { Random } from '../../harness/random.ts'
import * as membership from './membership.ts'
import { powerLevels } from './power-levels.ts'
import type { Draft } from './room.ts'
import type { Oddly, View } from './view.ts'
import { serverOf, world } from './world.ts'

type Make = (view: View) => Draft

const setting =
  (type: string, contents: readonly JsonObject[]): Make =>
  (view) => ({ type, stateKey: '', sender: view.sender(), content: view.random.pick(contents) })

const joinRules: Make = (view) => {
  const rule = view.oddly(8)
    ? view.random.pick<JsonValue>(['private', 'foo', 5, null, ''])
    : view.random.pick(['public', 'public', 'invite', 'knock', 'restricted', 'restricted', 'knock_restricted'])
  const content = view.oddly(20)
    ? {}
    : { join_rule: rule, allow: [{ type: 'm.room_membership', room_id: '!x:a.test' }] }
  return { type: 'm.room.join_rules', stateKey: '', sender: view.sender(), content }
}

const message: Make = (view) => ({
  type: view.random.pick(['m.room.message', 'm.room.message', 'm.sticker', 'constructor']),
  sender: view.sender(),
  content: { msgtype: 'm.text', body: view.random.pick(['hello', '\u{1F600} \uFF5E "quoted" \\ \u007f', 'ünï']) },
})

const ownState: Make = (view) => {
  const sender = view.sender()
  const stateKey = view.random.pick([sender, sender, view.anyone(), `${sender}_x`, '@', 'plain', ''])
  return { type: 'org.test.state', stateKey, sender, content: { value: view.random.int(3) } }
}

const aliases: Make = (view) => {
  const sender = view.sender()
  const stateKey = view.random.pick([serverOf(sender), serverOf(sender), view.random.pick(world.servers), ''])
  const content = { aliases: [`#x:${serverOf(sender)}`] }
  return { type: 'm.room.aliases', sender, content, ...(view.random.oneIn(10) ? {} : { stateKey }) }
}

const redaction: Make = (view) => {
  const redacts = view.sent.length > 0 && !view.random.oneIn(6) ? view.random.pick(view.sent) : '$nothing:a.test'
  return view.version.redactsIn === 'content'
    ? { type: 'm.room.redaction', sender: view.sender(), content: { redacts } }
    : { type: 'm.room.redaction', sender: view.sender(), content: {}, redacts }
}

const secondCreate: Make = (view) => ({
  type: 'm.room.create',
  stateKey: '',
  sender: view.anyone(),
  content: { creator: view.anyone() },
})

const WEIGHTED: readonly (readonly [weight: number, make: Make])[] = [
  [14, membership.join],
  [5, membership.restrictedJoin],
  [5, membership.leave],
  [7, membership.invite],
  [5, membership.kick],
  [6, membership.ban],
  [4, membership.unban],
  [5, membership.knock],
  [3, membership.malformed],
  [6, membership.thirdPartyInvite],
  [6, membership.inviteByThirdParty],
  [15, powerLevels],
  [7, joinRules],
  [6, setting('m.room.topic', [{ topic: 'one' }, { topic: 'two' }, {}])],
  [3, setting('m.room.name', [{ name: 'one' }, { name: 'two' }])],
  [1, setting('m.room.history_visibility', [{ history_visibility: 'shared' }, { history_visibility: 'joined' }])],
  [4, message],
  [5, ownState],
  [3, aliases],
  [4, redaction],
  [1, secondCreate],
]
const TOTAL = WEIGHTED.reduce((sum, [weight]) => sum + weight, 0)

export const draft = (view: View): Draft => {
  let left = view.random.int(TOTAL)
  for (const [weight, make] of WEIGHTED) {
    left -= weight
    if (left < 0) return make(view)
  }
  throw new Error('weights do not add up')
}

/** The first event, most often as it should be. */
export const create = (random: Random, oddly: Oddly, version: string, isV12: boolean): Draft => {
  const sender = random.pick(world.users)
  const creators: readonly JsonValue[] = [
    [random.pick(world.users)],
    [],
    ['alice'],
    'x',
    [5],
    [`@${'x'.repeat(260)}:a.test`],
    ['@a:b c'],
  ]
  return {
    type: 'm.room.create',
    stateKey: '',
    sender,
    content: {
      ...(oddly(7) ? {} : { creator: oddly(7) ? random.pick<JsonValue>([5, null, 'x']) : sender }),
      ...(oddly(7) ? { room_version: random.pick<JsonValue>(['none', 5, null]) } : { room_version: version }),
      ...(random.oneIn(16)
        ? { 'm.federate': oddly(2) ? random.pick<JsonValue>([null, 'false', 0]) : random.oneIn(2) }
        : {}),
      ...(isV12 && random.oneIn(2) ? { additional_creators: oddly(2) ? random.pick(creators) : creators[0]! } : {}),
    },
  }
}
