/**
 * `m.room.member`, every transition. The cases cover those of ruma's `event_auth/room_member/tests.rs` (ruma-state-res
 * 0.18, MIT) and of gomatrixserverlib's `eventauth_test.go` (Apache-2.0); the numbers are those of the specification.
 */

import {
  ALICE,
  ALLOWED,
  authorisationCase,
  BOB,
  CAROL,
  type Expected,
  type Fields,
  type Given,
  inMember,
  member,
} from './case.ts'

type Case = readonly [title: string, given: Given, event: Fields, expected: Expected]

const join = (number: string): Expected => inMember({ '1-7': `2.${number}`, '8-12': `3.${number}` })
const invite = (number: string): Expected => inMember({ '1-7': `3.${number}`, '8-12': `4.${number}` })
const leave = (number: string): Expected => inMember({ '1-7': `4.${number}`, '8-12': `5.${number}` })
const ban = (number: string): Expected => inMember({ '1-7': `5.${number}`, '8-12': `6.${number}` })
const unknown = inMember({ '1-6': '6', '7': '7', '8-12': '8' })
/** Rule "Otherwise, reject" of joins has another place from rooms/v8, where restricted joins come before it. */
const notJoinable = inMember({ '1-7': '2.6', '8-12': '3.7' })

/** Join rules whose meaning came with a room version: what holds in the versions before. */
const beforeKnocking: Expected = inMember({ '1-6': '2.6' })
const beforeRestricted: Expected = inMember({ '1-7': '2.6' })
const beforeKnockRestricted: Expected = inMember({ '1-7': '2.6', '8-9': '3.7' })

const malformed: readonly Case[] = [
  ['no state key', {}, { type: 'm.room.member', content: { membership: 'join' } }, inMember({ '1-12': '1' })],
  ['no membership', {}, { type: 'm.room.member', stateKey: ALICE }, inMember({ '1-12': '1' })],
  ['no membership, first join', {}, { ...firstJoin(ALICE), content: {} }, inMember({ '1-12': '1' })],
  ['a state key without server', {}, member('bob', 'invite', ALICE), inMember({ '1-12': '1' })],
  ['an unknown membership', {}, member(ALICE, 'dance'), unknown],
  ['a membership that is no string', {}, member(ALICE, ['join']), unknown],
  ['null as membership', {}, member(ALICE, null), unknown],
  ['a membership in capitals', { joinRule: 'public' }, member(BOB, 'Join'), unknown],
  ['knock before rooms/v7', { joinRule: 'knock' }, member(BOB, 'knock'), inMember({ '1-6': '6' })],
]

/** A join right after the create event. */
function firstJoin(userId: string, sender = userId): Fields {
  return { ...member(userId, 'join', sender), prevEvents: ['$create'] }
}
const EMPTY = { members: { [ALICE]: null } } satisfies Given

const firstJoins: readonly Case[] = [
  ['of the creator', EMPTY, firstJoin(ALICE), ALLOWED],
  ['of the creator, sent by another', EMPTY, firstJoin(ALICE, BOB), ALLOWED],
  ['of another', EMPTY, firstJoin(BOB), notJoinable],
  [
    'of another creator of rooms/v12',
    { ...EMPTY, create: { additional_creators: [BOB] } },
    firstJoin(BOB),
    notJoinable,
  ],
  ['after two events', EMPTY, { ...firstJoin(ALICE), prevEvents: ['$create', '$other'] }, notJoinable],
  ['twice after the create event', EMPTY, { ...firstJoin(ALICE), prevEvents: ['$create', '$create'] }, notJoinable],
  ['after another event', EMPTY, { ...firstJoin(ALICE), prevEvents: ['$other'] }, notJoinable],
  ['after no event', EMPTY, { ...firstJoin(ALICE), prevEvents: [] }, notJoinable],
  [
    'of the user that content.creator names',
    { ...EMPTY, create: { creator: BOB } },
    firstJoin(BOB),
    {
      '1-10': 'allow',
      ...inMember({ '11-12': '3.7' }),
    },
  ],
  [
    'of the sender, whom content.creator does not name',
    { ...EMPTY, create: { creator: BOB } },
    firstJoin(ALICE),
    {
      ...inMember({ '1-7': '2.6', '8-10': '3.7' }),
      '11-12': 'allow',
    },
  ],
  ['invite is no join', EMPTY, { ...member(ALICE, 'invite'), prevEvents: ['$create'] }, invite('2')],
]

const joins: readonly Case[] = [
  ['public', { joinRule: 'public' }, member(BOB, 'join'), ALLOWED],
  [
    'public, with other content malformed',
    { joinRule: 'public' },
    member(BOB, 'join', BOB, { displayname: 2 }),
    ALLOWED,
  ],
  ['public, after leaving', { joinRule: 'public', members: { [BOB]: 'leave' } }, member(BOB, 'join'), ALLOWED],
  ['public, knocked', { joinRule: 'public', members: { [BOB]: 'knock' } }, member(BOB, 'join'), ALLOWED],
  ['for another', { joinRule: 'public' }, member(BOB, 'join', ALICE), join('2')],
  [
    'for another who is invited',
    { joinRule: 'invite', members: { [BOB]: 'invite' } },
    member(BOB, 'join', ALICE),
    join('2'),
  ],
  ['banned', { joinRule: 'public', members: { [BOB]: 'ban' } }, member(BOB, 'join'), join('3')],
  [
    'for another who is banned',
    { joinRule: 'public', members: { [BOB]: 'ban' } },
    member(BOB, 'join', ALICE),
    join('2'),
  ],
  ['invite, not invited', { joinRule: 'invite' }, member(BOB, 'join'), notJoinable],
  ['invite, invited', { joinRule: 'invite', members: { [BOB]: 'invite' } }, member(BOB, 'join'), ALLOWED],
  ['invite, joined', { joinRule: 'invite', members: { [BOB]: 'join' } }, member(BOB, 'join'), ALLOWED],
  ['invite, after leaving', { joinRule: 'invite', members: { [BOB]: 'leave' } }, member(BOB, 'join'), notJoinable],
  ['invite, knocked', { joinRule: 'invite', members: { [BOB]: 'knock' } }, member(BOB, 'join'), notJoinable],
  ['no join rules event, invited', { members: { [BOB]: 'invite' } }, member(BOB, 'join'), ALLOWED],
  ['no join rules event, not invited', {}, member(BOB, 'join'), notJoinable],
  ['private, invited', { joinRule: 'private', members: { [BOB]: 'invite' } }, member(BOB, 'join'), notJoinable],
  ['a join rule that is no string', { joinRule: 7, members: { [BOB]: 'join' } }, member(BOB, 'join'), notJoinable],
  ['null as join rule', { joinRule: null, members: { [BOB]: 'join' } }, member(BOB, 'join'), notJoinable],
  [
    'knock, invited',
    { joinRule: 'knock', members: { [BOB]: 'invite' } },
    member(BOB, 'join'),
    {
      ...beforeKnocking,
      '7-12': 'allow',
    },
  ],
  [
    'knock, joined',
    { joinRule: 'knock', members: { [BOB]: 'join' } },
    member(BOB, 'join'),
    {
      ...beforeKnocking,
      '7-12': 'allow',
    },
  ],
  ['knock, knocked', { joinRule: 'knock', members: { [BOB]: 'knock' } }, member(BOB, 'join'), notJoinable],
  [
    'restricted, joined',
    { joinRule: 'restricted', members: { [BOB]: 'join' } },
    member(BOB, 'join'),
    {
      ...beforeRestricted,
      '8-12': 'allow',
    },
  ],
  [
    'restricted, invited',
    { joinRule: 'restricted', members: { [BOB]: 'invite' } },
    member(BOB, 'join'),
    {
      ...beforeRestricted,
      '8-12': 'allow',
    },
  ],
  ['restricted, banned', { joinRule: 'restricted', members: { [BOB]: 'ban' } }, joinBy(ALICE), join('3')],
  ['restricted, authorised', { joinRule: 'restricted' }, joinBy(ALICE), { ...beforeRestricted, '8-12': 'allow' }],
  [
    'restricted, knocked, authorised',
    { joinRule: 'restricted', members: { [BOB]: 'knock' } },
    joinBy(ALICE),
    {
      ...beforeRestricted,
      '8-12': 'allow',
    },
  ],
  [
    'restricted, authorised by a user at the invite level',
    { joinRule: 'restricted', members: { [CAROL]: 'join' }, levels: { invite: 20, users: { [CAROL]: 20 } } },
    joinBy(CAROL),
    { ...beforeRestricted, '8-12': 'allow' },
  ],
  [
    'restricted, authorised by a user below the invite level',
    { joinRule: 'restricted', members: { [CAROL]: 'join' }, levels: { invite: 20, users: { [CAROL]: 19 } } },
    joinBy(CAROL),
    { ...beforeRestricted, ...inMember({ '8-12': '3.5.2' }) },
  ],
  [
    'restricted, authorised by a creator of rooms/v12, whatever the invite level',
    { joinRule: 'restricted', levels: { invite: 200 } },
    joinBy(ALICE),
    { ...beforeRestricted, ...inMember({ '8-11': '3.5.2' }), '12': 'allow' },
  ],
  [
    'restricted, authorised by nobody',
    { joinRule: 'restricted' },
    member(BOB, 'join'),
    {
      ...beforeRestricted,
      ...inMember({ '8-12': '3.5.2' }),
    },
  ],
  [
    'restricted, authorised by what is no user',
    { joinRule: 'restricted' },
    joinBy(50),
    {
      ...beforeRestricted,
      ...inMember({ '8-12': '3.5.2' }),
    },
  ],
  [
    'restricted, authorised by one who never joined',
    { joinRule: 'restricted' },
    joinBy(CAROL),
    {
      ...beforeRestricted,
      ...inMember({ '8-12': '3.5.2' }),
    },
  ],
  [
    'restricted, authorised by one who is only invited',
    { joinRule: 'restricted', members: { [CAROL]: 'invite' }, levels: { users: { [CAROL]: 100 } } },
    joinBy(CAROL),
    { ...beforeRestricted, ...inMember({ '8-12': '3.5.2' }) },
  ],
  [
    'restricted, authorised by the joining user',
    { joinRule: 'restricted' },
    joinBy(BOB),
    {
      ...beforeRestricted,
      ...inMember({ '8-12': '3.5.2' }),
    },
  ],
  ['invite, authorised as for restricted', { joinRule: 'invite' }, joinBy(ALICE), notJoinable],
  [
    'knock_restricted, invited',
    { joinRule: 'knock_restricted', members: { [BOB]: 'invite' } },
    member(BOB, 'join'),
    {
      ...beforeKnockRestricted,
      '10-12': 'allow',
    },
  ],
  [
    'knock_restricted, authorised',
    { joinRule: 'knock_restricted' },
    joinBy(ALICE),
    {
      ...beforeKnockRestricted,
      '10-12': 'allow',
    },
  ],
  [
    'knock_restricted, knocked',
    { joinRule: 'knock_restricted', members: { [BOB]: 'knock' } },
    member(BOB, 'join'),
    {
      ...beforeKnockRestricted,
      ...inMember({ '10-12': '3.5.2' }),
    },
  ],
]

function joinBy(authoriser: string | number): Fields {
  return member(BOB, 'join', BOB, { join_authorised_via_users_server: authoriser })
}

const invites: readonly Case[] = [
  ['by a member', { members: { [BOB]: 'join' } }, member(CAROL, 'invite', BOB), ALLOWED],
  ['of one who left', { members: { [BOB]: 'leave' } }, member(BOB, 'invite', ALICE), ALLOWED],
  ['of one who knocks', { members: { [BOB]: 'knock' } }, member(BOB, 'invite', ALICE), ALLOWED],
  ['of one who is invited', { members: { [BOB]: 'invite' } }, member(BOB, 'invite', ALICE), ALLOWED],
  ['whatever the join rule', { joinRule: 'private' }, member(BOB, 'invite', ALICE), ALLOWED],
  ['by one outside', {}, member(CAROL, 'invite', BOB), invite('2')],
  ['by one who is invited', { members: { [BOB]: 'invite' } }, member(CAROL, 'invite', BOB), invite('2')],
  ['by one who left', { members: { [BOB]: 'leave' } }, member(CAROL, 'invite', BOB), invite('2')],
  ['of oneself, outside', {}, member(BOB, 'invite'), invite('2')],
  ['of oneself, joined', {}, member(ALICE, 'invite'), invite('3')],
  ['of a member', { members: { [BOB]: 'join' } }, member(BOB, 'invite', ALICE), invite('3')],
  ['of one who is banned', { members: { [BOB]: 'ban' } }, member(BOB, 'invite', ALICE), invite('3')],
  [
    'below the invite level',
    { members: { [BOB]: 'join' }, levels: { invite: 1 } },
    member(CAROL, 'invite', BOB),
    invite('5'),
  ],
  [
    'at the invite level',
    { members: { [BOB]: 'join' }, levels: { invite: 50, users_default: 50 } },
    member(CAROL, 'invite', BOB),
    ALLOWED,
  ],
]

const leaves: readonly Case[] = [
  ['joined', { members: { [BOB]: 'join' } }, member(BOB, 'leave'), ALLOWED],
  ['invited', { members: { [BOB]: 'invite' } }, member(BOB, 'leave'), ALLOWED],
  [
    'knocked',
    { members: { [BOB]: 'knock' } },
    member(BOB, 'leave'),
    { ...inMember({ '1-6': '4.1' }), '7-12': 'allow' },
  ],
  ['left', { members: { [BOB]: 'leave' } }, member(BOB, 'leave'), leave('1')],
  ['banned', { members: { [BOB]: 'ban' } }, member(BOB, 'leave'), leave('1')],
  ['never there', {}, member(BOB, 'leave'), leave('1')],
]

const MODERATED = { users: { [ALICE]: 100, [BOB]: 50, [CAROL]: 0 } }
const room = (bob: string, carol: string, levels = {}): Given => ({
  members: { [BOB]: bob, [CAROL]: carol },
  levels: { ...MODERATED, ...levels },
})

const kicks: readonly Case[] = [
  ['of a member', room('join', 'join'), member(CAROL, 'leave', BOB), ALLOWED],
  ['of one who is invited', room('join', 'invite'), member(CAROL, 'leave', BOB), ALLOWED],
  ['of one who knocks', room('join', 'knock'), member(CAROL, 'leave', BOB), ALLOWED],
  ['of one who is not there', room('join', 'leave'), member(CAROL, 'leave', BOB), ALLOWED],
  ['by one outside', room('leave', 'join'), member(CAROL, 'leave', BOB), leave('2')],
  ['by one who is invited', room('invite', 'join'), member(CAROL, 'leave', BOB), leave('2')],
  ['by one who is banned', room('ban', 'join'), member(CAROL, 'leave', BOB), leave('2')],
  ['by the creator, without power levels', { members: { [BOB]: 'join' } }, member(BOB, 'leave', ALICE), ALLOWED],
  ['of the creator, without power levels', { members: { [BOB]: 'join' } }, member(ALICE, 'leave', BOB), leave('5')],
  ['below the kick level', room('join', 'join', { kick: 51 }), member(CAROL, 'leave', BOB), leave('5')],
  ['at the kick level', room('join', 'join', { kick: 50 }), member(CAROL, 'leave', BOB), ALLOWED],
  ['of one above', room('join', 'join'), member(ALICE, 'leave', BOB), leave('5')],
  [
    'of one of the same level',
    room('join', 'join', { users: { [BOB]: 50, [CAROL]: 50 } }),
    member(CAROL, 'leave', BOB),
    leave('5'),
  ],
  [
    'of one of the same level by default',
    room('join', 'join', { users: { [BOB]: 50 }, users_default: 50 }),
    member(CAROL, 'leave', BOB),
    leave('5'),
  ],
]

const unbans: readonly Case[] = [
  ['at both levels', room('join', 'ban'), member(CAROL, 'leave', BOB), ALLOWED],
  ['below the ban level', room('join', 'ban', { ban: 51 }), member(CAROL, 'leave', BOB), leave('3')],
  ['below the kick level', room('join', 'ban', { kick: 51 }), member(CAROL, 'leave', BOB), leave('5')],
  [
    'of one of the same level',
    room('join', 'ban', { users: { [BOB]: 50, [CAROL]: 50 } }),
    member(CAROL, 'leave', BOB),
    leave('5'),
  ],
  ['by one outside', room('leave', 'ban'), member(CAROL, 'leave', BOB), leave('2')],
  ['by an invitation', room('join', 'ban'), member(CAROL, 'invite', BOB), invite('3')],
]

const bans: readonly Case[] = [
  ['of a member', room('join', 'join'), member(CAROL, 'ban', BOB), ALLOWED],
  ['of one who never was there', { ...room('join', 'join') }, member('@dave:d', 'ban', BOB), ALLOWED],
  ['of one who is banned', room('join', 'ban'), member(CAROL, 'ban', BOB), ALLOWED],
  ['of one who is invited', room('join', 'invite'), member(CAROL, 'ban', BOB), ALLOWED],
  ['by one outside', room('leave', 'join'), member(CAROL, 'ban', BOB), ban('1')],
  ['by one who is banned', room('ban', 'join'), member(CAROL, 'ban', BOB), ban('1')],
  ['of oneself', room('join', 'join'), member(BOB, 'ban'), ban('3')],
  ['below the ban level', room('join', 'join', { ban: 51 }), member(CAROL, 'ban', BOB), ban('3')],
  ['at the ban level', room('join', 'join', { ban: 50 }), member(CAROL, 'ban', BOB), ALLOWED],
  ['of one above', room('join', 'join'), member(ALICE, 'ban', BOB), ban('3')],
  [
    'of one of the same level',
    room('join', 'join', { users: { [BOB]: 50, [CAROL]: 50 } }),
    member(CAROL, 'ban', BOB),
    ban('3'),
  ],
  [
    'of one below, with negative levels',
    room('join', 'join', { ban: -10, users: { [BOB]: -5, [CAROL]: -6 } }),
    member(CAROL, 'ban', BOB),
    ALLOWED,
  ],
]

const knocks: readonly Case[] = [
  ['never there', { joinRule: 'knock' }, member(BOB, 'knock'), { '7-12': 'allow' }],
  ['after leaving', { joinRule: 'knock', members: { [BOB]: 'leave' } }, member(BOB, 'knock'), { '7-12': 'allow' }],
  ['again', { joinRule: 'knock', members: { [BOB]: 'knock' } }, member(BOB, 'knock'), { '7-12': 'allow' }],
  ['public', { joinRule: 'public' }, member(BOB, 'knock'), knock('1')],
  ['invite', { joinRule: 'invite' }, member(BOB, 'knock'), knock('1')],
  ['restricted', { joinRule: 'restricted' }, member(BOB, 'knock'), knock('1')],
  ['no join rules event', {}, member(BOB, 'knock'), knock('1')],
  [
    'knock_restricted',
    { joinRule: 'knock_restricted' },
    member(BOB, 'knock'),
    {
      ...inMember({ '7': '6.1', '8-9': '7.1' }),
      '10-12': 'allow',
    },
  ],
  ['for another', { joinRule: 'knock' }, member(BOB, 'knock', ALICE), knock('2')],
  ['banned', { joinRule: 'knock', members: { [BOB]: 'ban' } }, member(BOB, 'knock'), knock('4')],
  ['invited', { joinRule: 'knock', members: { [BOB]: 'invite' } }, member(BOB, 'knock'), knock('4')],
  ['joined', { joinRule: 'knock', members: { [BOB]: 'join' } }, member(BOB, 'knock'), knock('4')],
]

function knock(number: string): Expected {
  return inMember({ '7': `6.${number}`, '8-12': `7.${number}` })
}

/** From rooms/v12 creators stand above all, each other not. */
const DAVE = '@dave:d'
const made = (members: Given['members'], levels = {}): Given => ({
  create: { additional_creators: [CAROL] },
  members: { [CAROL]: 'join', [DAVE]: 'join', ...members },
  levels: { users: { [DAVE]: 9007199254740991 }, kick: 100, ban: 100, invite: 100, ...levels },
})
const creators: readonly Case[] = [
  ['a creator kicks whoever is not', made({}), member(DAVE, 'leave', CAROL), { '12': 'allow' }],
  ['a creator bans whoever is not', made({}), member(DAVE, 'ban', ALICE), { '12': 'allow' }],
  ['a creator does not kick a creator', made({}), member(ALICE, 'leave', CAROL), { '12': '5.5.5' }],
  ['a creator does not ban a creator', made({}), member(CAROL, 'ban', ALICE), { '12': '5.6.3' }],
  ['nobody else kicks a creator', made({}), member(CAROL, 'leave', DAVE), { '12': '5.5.5' }],
  ['nobody else bans a creator', made({}), member(ALICE, 'ban', DAVE), { '12': '5.6.3' }],
  ['a creator invites', made({}), member(BOB, 'invite', CAROL), { '12': 'allow' }],
  ['a creator needs to be joined', made({ [CAROL]: 'leave' }), member(BOB, 'invite', CAROL), { '12': '5.4.2' }],
  [
    'additional_creators mean nothing before',
    made({}),
    member(DAVE, 'leave', CAROL),
    {
      ...inMember({ '1-7': '4.5', '8-11': '5.5' }),
    },
  ],
]

const closed = (members: Given['members']): Given => ({
  create: { 'm.federate': false },
  joinRule: 'public',
  members: { ...members },
})
const FEDERATE: Expected = { '1-11': '3', '12': '4' }
const federation: readonly Case[] = [
  ['a member of another server', closed({}), member(BOB, 'join'), FEDERATE],
  ['a member of the same server', closed({}), member('@bob:a', 'join'), ALLOWED],
  ['an invitation to another server', closed({}), member(BOB, 'invite', ALICE), FEDERATE],
  ['a ban of a user of another server', closed({}), member(BOB, 'ban', ALICE), FEDERATE],
]

const tables = { malformed, 'first join': firstJoins, join: joins, invite: invites, leave: leaves, kick: kicks }
for (const [name, cases] of Object.entries({
  ...tables,
  unban: unbans,
  ban: bans,
  knock: knocks,
  creators,
  federation,
}))
  for (const [title, given, event, expected] of cases) authorisationCase(`${name}: ${title}`, given, event, expected)
