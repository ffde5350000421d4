/**
 * Requests that change rooms, in their order, for two servers alike. Names in braces stand for what each server gave: users,
 * rooms, events (`as`), `{server}`.
 */

export interface Step {
  readonly who: 'alice' | 'bob' | 'carol'
  readonly method: 'POST' | 'PUT' | 'GET'
  /** Below `/_matrix/client/v3`; what stands in braces is percent-encoded. */
  readonly path: string
  /** An object, or text to be sent as it is. */
  readonly body?: object | string
  /** Keeps `room_id` or `event_id` of the answer under that name. */
  readonly as?: string
  /** Where we answer otherwise: `ours`, and why. */
  readonly otherwise?: { readonly ours: string; readonly theirs: string; readonly why: string }
}

type Rest = Pick<Step, 'as' | 'otherwise'>
type Who = Step['who']
const post = (who: Who, path: string, body?: object | string, rest: Rest = {}): Step => ({
  who,
  method: 'POST',
  path,
  ...(body !== undefined && { body }),
  ...rest,
})
const put = (who: Who, path: string, body: object | string, rest: Rest = {}): Step => ({
  who,
  method: 'PUT',
  path,
  body,
  ...rest,
})
const create = (as: string, body: object) =>
  post('alice', '/createRoom', { room_version: '11', preset: 'public_chat', ...body }, { as })
const fails = (ours: string): Rest => ({ otherwise: { ours, theirs: '500 M_UNKNOWN', why: 'Synapse fails on it' } })

const text = { msgtype: 'm.text', body: 'x' }

const joining: readonly Step[] = [
  create('pub', { room_alias_name: 'pub' }),
  create('priv', { preset: 'private_chat' }),
  ...['x', '#x', '!nope:{server}', '!nope:other.test', '%23nope:{server}', '{priv}'].map((room) =>
    post('bob', `/join/${room}`, {}),
  ),
  ...['x', '!nope:{server}', '{priv}'].map((room) => post('bob', `/rooms/${room}/join`, {})),
  post('bob', '/join/{pub}'),
  post('bob', '/join/%23pub:{server}', {}),
  post('bob', '/join/{pub}', '[]'),
  post('bob', '/join/{pub}', '{'),
  post('bob', '/rooms/{pub}/join'),
  put('bob', '/rooms/{pub}/join/1', {}),
  put('bob', '/join/{pub}/1', { reason: 'r' }),
  post('bob', '/join/{pub}', { displayname: 'Z', reason: 'why', n: 1 }),
  post('bob', '/rooms/{pub}/join', { reason: 'other', displayname: 'Y' }),
]

const others: readonly Step[] = [
  ...['invite', 'kick', 'ban', 'unban'].flatMap((action) => [
    post('alice', `/rooms/{pub}/${action}`, {}),
    post('alice', `/rooms/{pub}/${action}`, []),
    post('alice', `/rooms/{pub}/${action}`, { user_id: '' }),
    post('alice', `/rooms/{pub}/${action}`, { user_id: '@x' }),
    post('alice', `/rooms/{pub}/${action}`, { user_id: 5 }, fails('400 M_INVALID_PARAM')),
    post('bob', `/rooms/{pub}/${action}`, { user_id: '{alice}' }),
    post('bob', `/rooms/{pub}/${action}`, { user_id: '{carol}' }),
    post('carol', `/rooms/{pub}/${action}`, { user_id: '{bob}' }),
    post('alice', `/rooms/!nope:{server}/${action}`, { user_id: '{bob}' }),
    post('alice', `/rooms/x/${action}`, { user_id: '{bob}' }),
  ]),
  post('alice', '/rooms/{pub}/invite', { user_id: '{carol}' }),
  post('alice', '/rooms/{pub}/invite', { user_id: '{carol}' }),
  post('alice', '/rooms/{pub}/invite', { user_id: '{bob}' }),
  post('alice', '/rooms/{pub}/unban', { user_id: '{carol}' }),
  put('alice', '/rooms/{pub}/kick/1', { user_id: '{carol}', reason: 'r' }),
  put('alice', '/rooms/{pub}/kick/1', { user_id: '{carol}', reason: 'r' }),
  post('alice', '/rooms/{pub}/kick', { user_id: '{carol}' }),
  post('alice', '/rooms/{pub}/ban', { user_id: '{carol}', reason: 'r' }),
  post('alice', '/rooms/{pub}/ban', { user_id: '{carol}', reason: 'r' }),
  post('alice', '/rooms/{pub}/invite', { user_id: '{carol}' }),
  post('alice', '/rooms/{pub}/kick', { user_id: '{carol}' }),
  post('carol', '/join/{pub}', {}),
  post('carol', '/rooms/{pub}/leave', {}),
  post('alice', '/rooms/{pub}/unban', { user_id: '{carol}' }),
  post('carol', '/rooms/{pub}/leave', {}),
  post('carol', '/rooms/{priv}/leave', {}),
  post('carol', '/rooms/!nope:{server}/leave', {}),
  post('alice', '/rooms/{priv}/invite', { user_id: '{bob}', reason: 'because' }),
  post('bob', '/rooms/{priv}/leave', { reason: 'no' }),
  post('bob', '/rooms/{priv}/leave', { reason: 'no' }),
  post('bob', '/rooms/{priv}/leave', {}),
  post('bob', '/rooms/{priv}/forget', {}),
  post('bob', '/rooms/{priv}/forget', {}),
  post('bob', '/rooms/{pub}/forget', {}),
  post('bob', '/rooms/!nope:{server}/forget', {}),
  post('alice', '/rooms/{pub}/invite', { medium: 'email', address: 'a@b' }),
  post('alice', '/rooms/{pub}/kick', { user_id: '{bob}' }),
  post('bob', '/join/{pub}', {}),
]

const restricted: readonly Step[] = [
  create('space', {}),
  create('inner', {
    initial_state: [
      {
        type: 'm.room.join_rules',
        content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: '{space}' }] },
      },
    ],
  }),
  post('carol', '/join/{inner}', {}),
  post('carol', '/join/{space}', {}),
  post('carol', '/join/{inner}', {}),
  create('door', { initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }] }),
  post('carol', '/knock/{door}', { reason: 'please' }),
  post('carol', '/knock/{door}', { reason: 'please' }),
  post('carol', '/knock/{priv}', {}),
  post('carol', '/knock/x', {}),
  post('carol', '/knock/!nope:{server}', {}),
  post('carol', '/knock/{door}'),
  post('carol', '/join/{door}', {}),
  post('carol', '/rooms/{door}/leave', {}),
]

const sent: readonly Step[] = [
  create('v1', { room_version: '1' }),
  create('v6', { room_version: '6' }),
  ...['v1', 'v6'].map((room) => post('bob', `/join/{${room}}`, {})),
  ...[
    ['m.room.message', {}],
    ['m.room.message', { msgtype: 'm.text', body: 5 }],
    ['m.room.message', { body: 'x' }],
    ['m.room.name', { name: 'x' }],
    ['m.room.topic', { topic: 'x' }],
    ['m.room.tombstone', { replacement_room: 'x' }],
    ['m.room.server_acl', {}],
    ['m.room.retention', {}],
    ['', {}],
    ['x'.repeat(256), {}],
    ['a', { x: 'x'.repeat(65_536) }],
    ['a', { x: 1.5 }],
    ['a', '{"x":9007199254740993}'],
    ['a', '{'],
    ['a', '[]'],
    ['a', { x: '\0' }],
    ['a', `{"x":${'['.repeat(200)}${']'.repeat(200)}}`],
    ['a', { 'm.mentions': 5 }],
    ['a', { 'm.mentions': { user_ids: 5 } }],
    ['a', { 'm.mentions': { room: 5 } }],
    ['a', { 'm.mentions': { user_ids: ['x'], room: true } }],
    ['m.room.canonical_alias', { alias: '#nope:{server}' }],
    ['m.room.redaction', { redacts: '$x' }],
    ['a?org.matrix.msc4140.delay=5', {}],
    ['a?ts=x', {}],
  ].map(([type, body]) => post('alice', `/rooms/{pub}/send/${type as string}`, body)),
  post('alice', '/rooms/{pub}/send/m.room.member', { membership: 'leave' }, fails('400 M_BAD_JSON')),
  post('alice', '/rooms/{pub}/send/m.room.create', {}, fails('400 M_INVALID_PARAM')),
  post('alice', '/rooms/{pub}/send/m.room.power_levels', {}, fails('400 M_UNKNOWN')),
  post('alice', '/rooms/{pub}/send/m.room.redaction', {}, fails('400 M_BAD_JSON')),
  post('alice', '/rooms/{pub}/send/a', { 'm.mentions': { user_ids: [5] } }, fails('400 M_BAD_JSON')),
  post('alice', '/rooms/{pub}/send/a', '{"x":"\\ud800"}', fails('400 M_BAD_JSON')),
  post('alice', '/rooms/{v1}/send/a', { x: 1.5 }),
  post('carol', '/rooms/{pub}/send/m.room.message', text),
  post('carol', '/rooms/!nope:{server}/send/m.room.message', text),
  put('alice', '/rooms/{pub}/send/a/t1', {}, { as: 't1' }),
  put('alice', '/rooms/{pub}/send/a/t1', {}),
]

const state: readonly Step[] = [
  ...[
    ['m.room.name/', { name: 'n' }],
    ['m.room.name/', { name: 'n' }],
    ['m.room.name', { name: 'm' }],
    ['m.room.name/k', { name: 'k' }],
    ['m.room.name/', {}],
    ['m.room.topic/', { topic: 5 }],
    ['m.room.message/', {}],
    ['m.room.create/', { room_version: '11' }],
    ['m.room.create/x', {}],
    ['m.room.tombstone/', {}],
    ['m.room.tombstone/', { replacement_room: '{pub}' }],
    ['m.room.server_acl/', {}],
    ['m.room.server_acl/', { allow: ['*'] }],
    ['m.room.server_acl/', { allow: ['*'], deny: ['{server}'] }],
    ['m.room.server_acl/', { allow: '*' }],
    ['m.room.power_levels/', { users: { '{alice}': '100' } }],
    ['m.room.power_levels/', { users: { '{alice}': 100 } }],
    ['m.room.power_levels/', { users: { '{alice}': 100 }, ban: true }],
    ['m.room.power_levels/', { users: 5 }],
    ['m.room.power_levels/', { events: { a: 'x' } }],
    ['m.room.power_levels/', { users: { '{alice}': 100 }, ban: null }],
    ['m.room.power_levels/', { users: { '{alice}': 101 } }],
    ['m.room.retention/', { min_lifetime: 'x' }],
    ['m.room.retention/', { max_lifetime: true }],
    ['m.room.retention/', { min_lifetime: 5, max_lifetime: 3 }],
    ['m.room.canonical_alias/', { alias: '#nope:{server}' }],
    ['m.room.canonical_alias/', { alias: 'x' }],
    ['m.room.canonical_alias/', { alias: 5 }],
    ['m.room.canonical_alias/', { alt_aliases: 5 }],
    ['m.room.canonical_alias/', { alt_aliases: [5] }],
    ['m.room.canonical_alias/', { alt_aliases: ['#nope:{server}'] }],
    ['m.room.canonical_alias/', { alias: null }],
    ['m.room.canonical_alias/', { alias: '#pub:{server}', alt_aliases: ['#pub:{server}'] }],
    ['m.room.aliases/{server}', { aliases: [`#${'x'.repeat(300)}`] }],
    ['m.room.aliases/{server}', { aliases: [] }],
    ['m.room.member/{alice}', {}],
    ['m.room.member/{alice}', { membership: 5 }],
    ['m.room.member/{alice}', { membership: 'x' }],
    ['m.room.member/x', { membership: 'join' }],
    ['m.room.member/', { membership: 'join' }],
    ['m.room.member/{alice}', { membership: 'join', displayname: 'd' }],
    ['m.room.member/{alice}', { membership: 'join', displayname: null, x: 1 }],
    ['m.room.member/{alice}', { membership: 'join', displayname: 'd'.repeat(257) }],
    ['m.room.member/{alice}', { membership: 'join', avatar_url: 'd'.repeat(1001) }],
    ['m.room.member/{bob}', { membership: 'leave', reason: 'z' }],
    ['m.room.member/{bob}', { membership: 'leave', reason: 'zz' }],
    ['m.room.member/{carol}', { membership: 'kick' }],
    ['m.room.member/{carol}', { membership: 'ban' }],
    ['m.room.member/{carol}', { membership: 'unban' }],
    ['m.room.member/@z:other.test', { membership: 'ban' }],
    ['x/{bob}', {}],
    ['x/{alice}', {}],
    [`x/${'k'.repeat(256)}`, {}],
    ['m.room.join_rules/', { join_rule: 5 }],
    ['m.room.join_rules/', { join_rule: 'public' }],
    ['m.room.encryption/', { algorithm: 'x' }],
    ['m.room.encryption/', {}],
  ].map(([path, body]) => put('alice', `/rooms/{pub}/state/${path as string}`, body!)),
  put('alice', '/rooms/{pub}/state/m.room.create/', {}, fails('400 M_INVALID_PARAM')),
  put(
    'alice',
    '/rooms/{pub}/state/m.room.member/{alice}',
    { membership: 'join', displayname: 5 },
    fails('400 M_BAD_JSON'),
  ),
  put(
    'alice',
    '/rooms/{pub}/state/m.room.power_levels/',
    { users: { x: 1, '{alice}': 100 } },
    { otherwise: { ours: '403 M_FORBIDDEN', theirs: '400 M_UNKNOWN', why: 'a rule of the room like all others' } },
  ),
  put('alice', '/rooms/{v1}/state/m.room.power_levels/', { users: { '{alice}': '100' } }),
  put('alice', '/rooms/{v6}/state/m.room.canonical_alias/', { alias: '#pub:{server}' }),
  post('bob', '/join/{pub}', {}),
  put('bob', '/rooms/{pub}/state/m.room.member/{bob}', {
    membership: 'join',
    join_authorised_via_users_server: '{alice}',
    x: 1,
  }),
  put('bob', '/rooms/{pub}/state/m.room.name/', { name: 'b' }),
  put('bob', '/rooms/{pub}/state/m.room.power_levels/', { users: { '{alice}': 100 } }),
  put('carol', '/rooms/{pub}/state/x/', {}),
  put('carol', '/rooms/!nope:{server}/state/x/', {}),
]

const redacted: readonly Step[] = ['v1', 'v6', 'pub'].flatMap((room) => [
  post('alice', `/rooms/{${room}}/send/m.room.message`, text, { as: `${room}Alice` }),
  post('bob', `/rooms/{${room}}/send/m.room.message`, text, { as: `${room}Bob` }),
  post('bob', `/rooms/{${room}}/redact/{${room}Alice}`, {}),
  post('bob', `/rooms/{${room}}/redact/{${room}Bob}`, { reason: 'r' }),
  post('bob', `/rooms/{${room}}/redact/{${room}Bob}`, {}),
  post('bob', `/rooms/{${room}}/redact/$x:{server}`, {}),
  post('alice', `/rooms/{${room}}/redact/$x:{server}`, {}),
  post('alice', `/rooms/{${room}}/redact/{t1}`, {}),
  post('carol', `/rooms/{${room}}/redact/{${room}Alice}`, {}),
  post('alice', `/rooms/{${room}}/redact/{${room}Alice}`, { redacts: `{${room}Alice}` }),
  post('alice', `/rooms/{${room}}/redact/{${room}Alice}`, { redacts: '$y' }),
  post('alice', `/rooms/{${room}}/redact/{${room}Alice}`),
  put('alice', `/rooms/{${room}}/redact/{${room}Alice}/t2`, { reason: 5 }),
  put('alice', `/rooms/{${room}}/redact/{${room}Alice}/t2`, { reason: 5 }),
])

export const steps: readonly Step[] = [
  ...joining,
  ...others,
  ...restricted,
  ...sent,
  ...state,
  ...redacted,
  post('alice', '/rooms/!nope:{server}/redact/$x', {}),
]

/** Rooms whose events are the same on both sides, when all that was done. */
export const comparedRooms = ['pub', 'priv', 'space', 'inner', 'door', 'v1', 'v6']
