/**
 * `m.room.power_levels` as an event: its content, and what a sender may change. The cases cover those of ruma's
 * `event_auth/tests/room_power_levels.rs` (ruma-state-res 0.18, MIT) and gomatrixserverlib's `eventauth_test.go`
 * (Apache-2.0).
 */

import { levelNames } from '../../../../shared/matrix/event-auth/power-levels.ts'
import { JsonFloat, type JsonObject, type JsonValue } from '../../../../shared/matrix/json/value.ts'
import { ALICE, ALLOWED, authorisationCase, BOB, CAROL, type Expected, type Fields, inPowerLevels } from './case.ts'

const change = (content: JsonObject, sender = BOB, stateKey = ''): Fields => ({
  type: 'm.room.power_levels',
  sender,
  stateKey,
  content,
})
const members = { [BOB]: 'join', [CAROL]: 'join' }
const LEVELS = inPowerLevels({ '10-12': '1' })
const MAPS = inPowerLevels({ '10-12': '2' })
const USERS = inPowerLevels({ '1-9': '1', '10-12': '3' })
const ALL_BELOW_10: Expected = { '1-9': 'allow' }

/** Content of the first power levels of a room, set by its creator: only its form is checked. */
const firsts: readonly (readonly [title: string, JsonObject, Expected])[] = [
  ['empty', {}, ALLOWED],
  ['users that are empty', { users: {} }, ALLOWED],
  ['users above the sender', { users: { [BOB]: 1000 } }, ALLOWED],
  ['levels above the sender', { ban: 1000, events: { a: 1000 } }, ALLOWED],
  ['historical user IDs', { users: { '@Bob Smith/é:b': 1, '@:b': 1, '@bob:not a server': 1 } }, ALLOWED],
  ['users that are no object', { users: [] }, USERS],
  ['null as users', { users: null }, USERS],
  ['a string as users', { users: '' }, USERS],
  ['a user without @', { users: { 'bob:b': 1 } }, USERS],
  ['a user without server', { users: { '@bob': 1 } }, USERS],
  ['a user of no name', { users: { '': 1 } }, USERS],
  ...([null, true, {}, [], 'fifty', '', '5.0', new JsonFloat('1e400')] satisfies JsonValue[]).map(
    (level) => [`${JSON.stringify(level)} as the level of a user`, { users: { [BOB]: level } }, USERS] as const,
  ),
  [
    'a string as the level of a user',
    { users: { [BOB]: ' +50 ' } },
    { ...ALL_BELOW_10, ...inPowerLevels({ '10-12': '3' }) },
  ],
  [
    'a float as the level of a user',
    { users: { [BOB]: new JsonFloat('50.5') } },
    {
      '1-5': 'allow',
      ...inPowerLevels({ '6-9': '1', '10-12': '3' }),
    },
  ],
  ...levelNames.flatMap((name) =>
    ([null, true, {}, [], 'fifty', '50', new JsonFloat('50.5')] satisfies JsonValue[]).map(
      (level) => [`${JSON.stringify(level)} as ${name}`, { [name]: level }, { ...ALL_BELOW_10, ...LEVELS }] as const,
    ),
  ),
  ...['events', 'notifications'].flatMap((name) =>
    [null, 5, [], '', { a: '5' }, { a: null }, { a: true }, { a: {} }].map(
      (map) => [`${JSON.stringify(map)} as ${name}`, { [name]: map }, { ...ALL_BELOW_10, ...MAPS }] as const,
    ),
  ),
  ['whatever else', { custom: 'x', historical: null }, ALLOWED],
  ['the creator among users', { users: { [ALICE]: 100 } }, { '1-11': 'allow', '12': '10.4' }],
]
for (const [title, content, expected] of firsts)
  authorisationCase(`first power levels: ${title}`, {}, change(content, ALICE), expected)

authorisationCase(
  'first power levels: another creator among users',
  { create: { additional_creators: [BOB] } },
  change({ users: { [BOB]: 1 } }, ALICE),
  { '1-11': 'allow', '12': '10.4' },
)
authorisationCase('first power levels: by a member without power', { members }, change({}), {
  '1-5': '8',
  '6-11': '7',
  '12': '8',
})

/** Bob has 50, as all power levels events need. What he may change, and what not. */
const users = { [BOB]: 50 }
const LEVEL_BEFORE = inPowerLevels({ '1-9': '3.1', '10-11': '5.1', '12': '6.1' })
const LEVEL_AFTER = inPowerLevels({ '1-9': '3.2', '10-11': '5.2', '12': '6.2' })
const ENTRY_BEFORE = inPowerLevels({ '1-9': '4.1', '10-11': '6.1', '12': '7.1' })
const ENTRY_AFTER = inPowerLevels({ '1-9': '5.1', '10-11': '7.1', '12': '8.1' })
const USER_BEFORE = inPowerLevels({ '1-9': '6.1', '10-11': '8.1', '12': '9.1' })
const USER_AFTER = inPowerLevels({ '1-9': '7.1', '10-11': '9.1', '12': '10.1' })

type Change = readonly [title: string, before: JsonObject, after: JsonObject, expected: Expected, sender?: string]
const changes: readonly Change[] = [
  ['nothing', { users, ban: 100 }, { users, ban: 100 }, ALLOWED],
  ...levelNames
    // By these Bob could not send the event at all.
    .filter((name) => name !== 'state_default')
    .flatMap((name): Change[] => [
      [`${name} up to the sender's level`, { users, [name]: 40 }, { users, [name]: 50 }, ALLOWED],
      [`${name} above the sender's level`, { users, [name]: 40 }, { users, [name]: 51 }, LEVEL_AFTER],
      [`${name} from above the sender's level`, { users, [name]: 51 }, { users, [name]: 40 }, LEVEL_BEFORE],
      [`${name} from the sender's level`, { users, [name]: 50 }, { users, [name]: 40 }, ALLOWED],
      [`${name} removed`, { users, [name]: 50 }, { users }, ALLOWED],
      [`${name} removed from above the sender's level`, { users, [name]: 51 }, { users }, LEVEL_BEFORE],
      [`${name} added`, { users }, { users, [name]: 50 }, ALLOWED],
      [`${name} added above the sender's level`, { users }, { users, [name]: 51 }, LEVEL_AFTER],
    ]),
  ['state_default above the sender', { users }, { users, state_default: 51 }, LEVEL_AFTER],
  [
    'what a level is by default is no value',
    { users: { [BOB]: 40 }, state_default: 40 },
    { users: { [BOB]: 40 }, state_default: 40, kick: 10 },
    ALLOWED,
  ],
  // Of rules 3 to 7 each names the first that refuses.
  ['levels come before entries', { users, ban: 51, events: { a: 51 } }, { users }, LEVEL_BEFORE],
  [
    'entries before come before entries after',
    { users, events: { b: 51 } },
    { users, events: { a: 51 } },
    ENTRY_BEFORE,
  ],

  ["an entry of events to the sender's level", { users, events: { a: 10 } }, { users, events: { a: 50 } }, ALLOWED],
  ['an entry of events above it', { users, events: { a: 10 } }, { users, events: { a: 51 } }, ENTRY_AFTER],
  ['an entry of events from above it', { users, events: { a: 51 } }, { users, events: { a: 10 } }, ENTRY_BEFORE],
  ['an entry of events removed', { users, events: { a: 50 } }, { users, events: {} }, ALLOWED],
  ['all of events removed', { users, events: { a: 51 } }, { users }, ENTRY_BEFORE],
  ['an entry of events added', { users }, { users, events: { a: 50 } }, ALLOWED],
  ['an entry of events added above it', { users }, { users, events: { a: 51 } }, ENTRY_AFTER],
  ['an entry of events as high as before', { users, events: { a: 90 } }, { users, events: { a: 90 } }, ALLOWED],
  [
    'an entry named as a property of all objects',
    { users, events: {} },
    { users, events: { constructor: 51 } },
    ENTRY_AFTER,
  ],

  [
    'an entry of notifications above it',
    { users, notifications: { room: 10 } },
    { users, notifications: { room: 51 } },
    {
      '1-5': 'allow',
      ...inPowerLevels({ '6-9': '5.1', '10-11': '7.1', '12': '8.1' }),
    },
  ],
  [
    'an entry of notifications from above it',
    { users, notifications: { room: 51 } },
    { users, notifications: { room: 10 } },
    {
      '1-5': 'allow',
      ...inPowerLevels({ '6-9': '4.1', '10-11': '6.1', '12': '7.1' }),
    },
  ],
  [
    'an entry of notifications to it',
    { users, notifications: { room: 10 } },
    { users, notifications: { room: 50 } },
    ALLOWED,
  ],
  [
    'an entry of notifications removed',
    { users, notifications: { room: 51 } },
    { users },
    {
      '1-5': 'allow',
      ...inPowerLevels({ '6-9': '4.1', '10-11': '6.1', '12': '7.1' }),
    },
  ],

  ["another user to the sender's level", { users }, { users: { ...users, [CAROL]: 50 } }, ALLOWED],
  ['another user above it', { users }, { users: { ...users, [CAROL]: 51 } }, USER_AFTER],
  ['another user from it', { users: { ...users, [CAROL]: 50 } }, { users: { ...users, [CAROL]: 0 } }, USER_BEFORE],
  [
    'another user from above it',
    { users: { ...users, [CAROL]: 51 } },
    { users: { ...users, [CAROL]: 0 } },
    USER_BEFORE,
  ],
  ['another user from below it', { users: { ...users, [CAROL]: 49 } }, { users: { ...users, [CAROL]: 0 } }, ALLOWED],
  [
    'another user at it, as before',
    { users: { ...users, [CAROL]: 50 } },
    { users: { ...users, [CAROL]: 50 } },
    ALLOWED,
  ],
  ['another user at it, removed', { users: { ...users, [CAROL]: 50 } }, { users }, USER_BEFORE],
  ['all users removed', { users: { ...users, [CAROL]: 50 } }, {}, USER_BEFORE],
  ['oneself down', { users }, { users: { [BOB]: 0 } }, ALLOWED],
  ['oneself removed', { users }, { users: {} }, ALLOWED],
  ['oneself up', { users }, { users: { [BOB]: 51 } }, USER_AFTER],
  ['oneself by default up', { users_default: 50 }, { users_default: 50, users: { [BOB]: 51 } }, USER_AFTER],
  ['oneself by default down', { users_default: 50 }, { users_default: 50, users: { [BOB]: 1 } }, ALLOWED],
  [
    'a creator of rooms/v12 changes all',
    { users: { [BOB]: 200 }, ban: 200, events: { a: 200 } },
    { users: { [BOB]: 300 } },
    {
      ...inPowerLevels({ '1-9': '3.1', '10-11': '5.1' }),
      '12': 'allow',
    },
    ALICE,
  ],
]
for (const [title, before, after, expected, sender] of changes)
  authorisationCase(
    `change of power levels: ${title}`,
    // For a sender of rooms/v1 to v11 who is allowed to send the event, but not more.
    { members, levels: sender === ALICE ? { users_default: 50, ...before } : before },
    change(sender === ALICE ? { users_default: 50, ...after } : after, sender),
    expected,
  )

/** Before rooms/v10 what is no level can be in the first power levels of a room. */
const malformed: readonly (readonly [title: string, before: JsonObject, after: JsonObject, expected: Expected])[] = [
  ['equal as strings', { users, ban: '050' }, { users: { [BOB]: '50' }, ban: ' +50' }, { '1-9': 'allow' }],
  ['a string above the sender', { users }, { users, ban: '51' }, inPowerLevels({ '1-9': '3.2' })],
  ['an integer that no number holds', { users }, { users, ban: '9007199254740993' }, inPowerLevels({ '1-9': '3.2' })],
  ['a float above the sender', { users }, { users, ban: new JsonFloat('51.1') }, inPowerLevels({ '1-5': '3.2' })],
  ["a float that is the sender's level", { users }, { users, ban: new JsonFloat('50.9') }, { '1-5': 'allow' }],
  ['no level', { users }, { users, ban: 'high' }, inPowerLevels({ '1-9': '3.2' })],
  ['null', { users }, { users, ban: null }, inPowerLevels({ '1-9': '3.2' })],
  ['no level before', { users, kick: 'high' }, { users }, inPowerLevels({ '1-9': '3.1' })],
  ['no level before and after', { users, kick: 'high' }, { users, kick: 'high' }, inPowerLevels({ '1-9': '3.1' })],
  ['no level of an event type', { users }, { users, events: { a: 'high' } }, inPowerLevels({ '1-9': '5.1' })],
  ['events that are no object', { users }, { users, events: 5 }, inPowerLevels({ '1-9': '4.1' })],
  [
    'notifications that are no object',
    { users },
    { users, notifications: 5 },
    {
      '1-5': 'allow',
      ...inPowerLevels({ '6-9': '4.1' }),
    },
  ],
  ['events that were no object', { users, events: 5 }, { users }, { '1-5': '8', '6-9': '7' }],
]
for (const [title, levels, after, expected] of malformed)
  authorisationCase(`malformed power levels: ${title}`, { members, levels }, change(after), expected)

authorisationCase(
  'power levels of another state key take the place of none',
  { members, levels: { users, ban: 100 } },
  change({ users: { [CAROL]: 100 } }, BOB, 'other'),
  ALLOWED,
)
authorisationCase(
  'power levels of another state key have its form',
  { members, levels: { users } },
  change({ users: [] }, BOB, 'other'),
  USERS,
)
