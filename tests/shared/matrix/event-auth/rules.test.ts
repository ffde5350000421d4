/**
 * The numbers of the rules against the text of the specification: a checkout of `matrix-spec` whose folder is in the
 * environment variable `MATRIX_SPEC`. Without it those tests are skipped; the cases of the other files name numbers too.
 */

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { numbered, numberRules, type RuleName, refuse } from '../../../../shared/matrix/event-auth/rules.ts'
import { roomVersions } from '../../../../shared/matrix/room-version.ts'

/** What the rule says, in words that stand in its text. */
const texts: Readonly<Record<RuleName, RegExp>> = {
  create: /^If type is `m.room.create`/,
  'create.prevEvents': /has any `prev_events`, reject/,
  'create.roomId': /domain of the `room_id` does not match|event has a `room_id`, reject/,
  'create.roomVersion': /`content.room_version` is present and is not a recognised/,
  'create.creator': /no `creator` property, reject/,
  'create.additionalCreators': /`additional_creators` is present in `content` and/,
  'create.allow': /^Otherwise, allow/,
  roomId: /`room_id` is not an event ID for an accepted/,
  authEvents: /^Considering the event's `auth_events`/,
  'authEvents.duplicate': /duplicate entries/,
  'authEvents.unexpected': /entries whose `type` and `state_key` don't match/,
  'authEvents.rejected': /themselves rejected/,
  'authEvents.create': /no `m.room.create` event among the entries/,
  'authEvents.room': /event in `auth_events` has a `room_id` which does not match/,
  federate: /`m.federate` set to `false`/,
  aliases: /^If type is `m.room.aliases`/,
  'aliases.stateKey': /no `state_key`, reject/,
  'aliases.domain': /domain doesn't match `state_key`/,
  'aliases.allow': /^Otherwise, allow/,
  member: /^If type is `m.room.member`/,
  'member.malformed': /no `state_key` property, or no `membership` property/,
  'member.authorisingServer': /^If `content` has a `join_authorised_via_users_server`/,
  'member.join': /^If `membership` is `join`/,
  'member.join.allowCreator': /only previous event is an `m.room.create`.*, allow/,
  'member.join.sender': /`sender` does not match `state_key`, reject/,
  'member.join.banned': /`sender` is banned, reject/,
  'member.join.allowInvited': /`join_rule` is `invite`.*allow if membership state is `invite` or `join`/,
  'member.join.restricted': /^If the `join_rule` is `restricted`/,
  'member.join.restricted.allowInvited': /membership state is `join` or `invite`, allow/,
  'member.join.restricted.authorisingUser': /`join_authorised_via_users_server` key.*reject/,
  'member.join.restricted.allow': /^Otherwise, allow/,
  'member.join.allowPublic': /`join_rule` is `public`, allow/,
  'member.join.otherwise': /^Otherwise, reject/,
  'member.invite': /^If `membership` is `invite`/,
  'member.invite.thirdParty': /`content` has (a )?`third_party_invite`/,
  'member.invite.thirdParty.banned': /is banned, reject/,
  'member.invite.thirdParty.signed': /does not have a `signed` property/,
  'member.invite.thirdParty.properties': /does not have `mxid` and `token`/,
  'member.invite.thirdParty.target': /`mxid` does not match `state_key`/,
  'member.invite.thirdParty.event': /no `m.room.third_party_invite` event/,
  'member.invite.thirdParty.sender': /`sender` does not match `sender`/,
  'member.invite.thirdParty.allow': /any signature in `signed`.*allow/,
  'member.invite.thirdParty.otherwise': /^Otherwise, reject/,
  'member.invite.sender': /`sender`'s current membership state is not `join`, reject/,
  'member.invite.target': /current membership state is `join` or `ban`, reject/,
  'member.invite.allow': /\*invite level\*, allow/,
  'member.invite.otherwise': /^Otherwise, reject/,
  'member.leave': /^If `membership` is `leave`/,
  'member.leave.own': /`sender` matches `state_key`, allow if and only if/,
  'member.leave.sender': /current membership state is not `join`, reject/,
  'member.leave.unban': /current membership state is `ban`.*\*ban level\*, reject/,
  'member.leave.allow': /\*kick level\*.*allow/,
  'member.leave.otherwise': /^Otherwise, reject/,
  'member.ban': /^If `membership` is `ban`/,
  'member.ban.sender': /current membership state is not `join`, reject/,
  'member.ban.allow': /\*ban level\*.*allow/,
  'member.ban.otherwise': /^Otherwise, reject/,
  'member.knock': /^If `membership` is `knock`/,
  'member.knock.joinRule': /`join_rule` is anything other than `knock`.*reject/,
  'member.knock.sender': /`sender` does not match `state_key`, reject/,
  'member.knock.allow': /is not `ban`, `invite`, or `join`, allow/,
  'member.knock.otherwise': /^Otherwise, reject/,
  'member.unknown': /membership is unknown. Reject/,
  senderNotJoined: /`sender`'s current membership state is not `join`, reject/,
  thirdPartyInvite: /^If type is `m.room.third_party_invite`/,
  'thirdPartyInvite.level': /\*invite level\*/,
  requiredLevel: /\*required power level\* is greater than/,
  stateKeyOfOther: /`state_key` that starts with an `@`/,
  powerLevels: /^If type is `m.room.power_levels`/,
  'powerLevels.levels': /^If any of the properties `users_default`.*not an integer, reject/,
  'powerLevels.maps': /properties `events` or `notifications`.*reject/,
  'powerLevels.users': /`users` property in `content` is not an object/,
  'powerLevels.creators': /contains the `sender` of the `m.room.create` event/,
  'powerLevels.allowFirst': /no previous `m.room.power_levels` event in the room, allow/,
  'powerLevels.changedLevel': /^For the properties `users_default`/,
  'powerLevels.changedLevel.current': /^If the current value is (greater|higher) than/,
  'powerLevels.changedLevel.new': /^If the new value is (greater|higher) than/,
  'powerLevels.changedEntry': /entry being changed in, or removed from, the `events`/,
  'powerLevels.changedEntry.current': /^If the current value is greater than/,
  'powerLevels.newEntry': /entry being added to, or changed in,? the `events`/,
  'powerLevels.newEntry.new': /^If the new value is greater than/,
  'powerLevels.changedUser': /entry being changed in, or removed from, the `users`/,
  'powerLevels.changedUser.current': /^If the current value is greater than or equal/,
  'powerLevels.newUser': /entry being added to, or changed in, the `users`/,
  'powerLevels.newUser.new': /^If the new value is greater than/,
  'powerLevels.allow': /^Otherwise, allow/,
  redaction: /^If type is `m.room.redaction`/,
  'redaction.allowLevel': /\*redact level\*, allow/,
  'redaction.allowServer': /domain of the `event_id` of the event being redacted/,
  'redaction.otherwise': /^Otherwise, reject/,
  allow: /^Otherwise, allow/,
}

const folder = process.env.MATRIX_SPEC ?? ''
const rooms = join(folder, 'content/rooms')
const skip = existsSync(rooms) ? false : 'MATRIX_SPEC names no folder with the text of the specification'

for (const version of Object.values(roomVersions))
  test(`the rules of rooms/v${version.id} have the numbers of its text`, { skip }, () => {
    const page = readFileSync(join(rooms, `v${version.id}.md`), 'utf8').replaceAll(
      /\{\{% rver-fragment name="(v\d+-auth-rules)" %}}/g,
      (_, name) => readFileSync(join(rooms, `fragments/${name}.md`), 'utf8'),
    )
    const published = rulesIn(page)
    const numbers = numberRules(version)
    for (const [name, number] of numbers) assert.match(published.get(number) ?? '', texts[name], `${name}, ${number}`)
    // What has no name here: a rule's note, or how third-party invites hold their keys.
    const unnamed = [...published].filter(([number]) => ![...numbers.values()].includes(number))
    for (const [number, text] of unnamed)
      assert.match(text, /^A single public key|^A list of public keys|not validly signed/, number)
  })

/** Number → text of each item of the numbered list, counted as Markdown counts, whatever number its source has. */
function rulesIn(page: string): ReadonlyMap<string, string> {
  const list =
    /^(?:The rules are as follows|The complete list of rules)[^\n]*\n([\s\S]*?)^(?:\{\{% boxes\/note|#)/m.exec(
      page,
    )?.[1]
  assert.ok(list !== undefined, 'the page has the list')
  const rules = new Map<string, string>()
  const open: { indent: number; place: number }[] = []
  let number = ''
  for (const line of list.split('\n')) {
    const item = /^( *)\d+\. +(.*)$/.exec(line)
    if (item === null) {
      rules.set(number, `${rules.get(number) ?? ''} ${line.trim()}`.trim())
      continue
    }
    const indent = item[1]!.length
    while (open.length > 0 && open.at(-1)!.indent > indent) open.pop()
    if (open.at(-1)?.indent === indent) open.at(-1)!.place++
    else open.push({ indent, place: 1 })
    number = open.map(({ place }) => place).join('.')
    rules.set(number, item[2]!)
  }
  rules.delete('')
  for (const [key, text] of rules) rules.set(key, text.replaceAll(/\{\{% (?:added|changed)-in v=\d+ %}} ?/g, '').trim())
  return rules
}

test('a number is the place in the list of the room version', () => {
  const numbersOf = (rule: RuleName) => Object.values(roomVersions).map((version) => numberRules(version).get(rule))
  assert.deepEqual(numbersOf('member'), ['5', '5', '5', '5', '5', '4', '4', '4', '4', '4', '4', '5'])
  assert.deepEqual(numbersOf('aliases'), ['4', '4', '4', '4', '4', ...Array(7).fill(undefined)])
  assert.deepEqual(numbersOf('allow'), ['12', '12', '11', '11', '11', '10', '10', '10', '10', '10', '10', '11'])
})

test('a rule that the room version does not have is a mistake of ours', () => {
  assert.throws(() => numbered(refuse('redaction.otherwise', ''), roomVersions['3']), /no rule redaction.otherwise/)
})
