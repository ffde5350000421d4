/** What clients ask `createRoom` for. `{alice}` and its like are user IDs, `{server}` the server's name. */

const versions = ['1', '6', '10', '11', '12']
const knock = { type: 'm.room.join_rules', content: { join_rule: 'knock' } }

/** Right ones: the rooms are the same on both sides. */
export const rightBodies: readonly object[] = [
  {},
  ...versions.flatMap((room_version) => [
    { room_version },
    { room_version, preset: 'trusted_private_chat', invite: ['{bob}', '{carol}'], is_direct: true },
    { room_version, preset: 'public_chat', name: 'N', topic: 'T', invite: ['{bob}'] },
    { room_version, room_alias_name: `alias-${room_version}`, visibility: 'public' },
  ]),
  { visibility: 'private', preset: 'public_chat' },
  { visibility: 'nonsense' },
  { name: '', topic: '' },
  { is_direct: false, invite: ['{bob}'] },
  { is_direct: 'yes', invite: ['{bob}'] },
  { invite: ['{bob}', '{bob}'] },
  { invite: ['@nobody:{server}'] },
  { creation_content: { 'm.federate': false, type: 'm.space', room_version: '1', creator: '{bob}' } },
  { room_version: '10', creation_content: { creator: '{bob}', x: 1 } },
  { creation_content: { additional_creators: ['{carol}'] }, preset: 'trusted_private_chat', invite: ['{bob}'] },
  { preset: 'public_chat', power_level_content_override: { ban: 60, events: { a: 5 }, users: { '{bob}': 50 } } },
  { room_version: '11', power_level_content_override: { users: { '{alice}': 90 }, invite: 10, x: 'y' } },
  { power_level_content_override: null },
  { initial_state: [knock] },
  {
    initial_state: [
      { ...knock, state_key: '' },
      { type: 'm.room.guest_access', content: {} },
    ],
  },
  { initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }], name: 'N' },
  {
    initial_state: [
      { type: 'x', state_key: 'k', content: { n: 1 } },
      { type: 'y', content: {} },
      { type: 'x', state_key: 'k', content: { n: 2 } },
      { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
      { type: 'm.room.name', content: { name: 'first' } },
    ],
    name: 'second',
  },
  { initial_state: [{ type: 'm.room.power_levels', content: {} }], power_level_content_override: { ban: 1 } },
  { initial_state: [{ type: 'm.room.canonical_alias', content: {} }], room_alias_name: 'initial' },
  { initial_state: [{ type: 'm.room.member', state_key: '{bob}', content: { membership: 'invite' } }] },
  { room_alias_name: '' },
  { room_alias_name: 'ünï#' },
]

/** Wrong ones: the same status and error code from both. */
export const wrongBodies: readonly object[] = [
  { preset: 'chat' },
  { preset: 5 },
  { room_version: 5 },
  { room_version: '99' },
  { room_version: '' },
  { room_alias_name: 'a b' },
  { room_alias_name: 'a:b' },
  { room_alias_name: 'x'.repeat(260) },
  { room_alias_name: 'alias-1' },
  { invite: ['x'] },
  { invite: ['@x'] },
  { invite: [5] },
  { invite: ['@a:b c'] },
  { invite: ['{alice}'] },
  { invite_3pid: [{}] },
  { room_version: '11', power_level_content_override: { users: { '{bob}': 100 } } },
  { power_level_content_override: { users: { '{alice}': 100 } } },
  { power_level_content_override: { ban: 'x' } },
  { power_level_content_override: { invite: null } },
  { room_version: '9', power_level_content_override: { ban: '50' } },
  { room_version: '11', power_level_content_override: { users: { '{alice}': 0 } }, name: 'x' },
  { creation_content: { additional_creators: ['x'] } },
  { creation_content: { additional_creators: 5 } },
  { initial_state: [{ type: 'm.room.canonical_alias', content: { alias: '#nope:{server}' } }] },
  { initial_state: [{ type: 'm.room.name', content: {} }] },
  { initial_state: [{ type: 'm.room.power_levels', content: { users: { '{alice}': 0 } } }], room_version: '11' },
  { initial_state: [{ type: 'a', content: 5 }] },
  { name: 5 },
  { name: null },
  { topic: 5 },
  { name: 'x'.repeat(70_000) },
  { room_version: '11', initial_state: [{ type: 'a', content: { x: 1.5 } }] },
]

/** Where we answer otherwise. */
export const otherwise: readonly {
  readonly body: object
  readonly ours: string
  readonly theirs: string
  readonly why: string
}[] = [
  ...[
    { room_alias_name: 5 },
    { invite: null },
    { invite_3pid: 5 },
    { power_level_content_override: 5 },
    { creation_content: 5 },
    { initial_state: 5 },
    { initial_state: [5] },
  ].map((body) => ({ body, ours: '400 M_BAD_JSON', theirs: '500 M_UNKNOWN', why: 'Synapse fails on it' })),
  ...[{ initial_state: [{}] }, { initial_state: [{ type: 'a' }] }].map((body) => ({
    body,
    ours: '400 M_MISSING_PARAM',
    theirs: '500 M_UNKNOWN',
    why: 'Synapse fails on it',
  })),
  {
    body: { initial_state: [{ type: 'm.room.create', content: {} }] },
    ours: '400 M_INVALID_PARAM',
    theirs: '500 M_UNKNOWN',
    why: 'Synapse fails on it',
  },
  {
    body: { invite: '{bob}' },
    ours: '400 M_BAD_JSON',
    theirs: '400 M_UNKNOWN',
    why: 'Synapse takes the letters one by one for user IDs',
  },
  {
    body: { initial_state: [{ type: 5, content: {} }] },
    ours: '400 M_BAD_JSON',
    theirs: '400 M_UNKNOWN',
    why: 'a better code',
  },
  {
    body: { initial_state: [{ type: 'a', state_key: 5, content: {} }] },
    ours: '400 M_BAD_JSON',
    theirs: '400 M_UNKNOWN',
    why: 'a better code',
  },
]
