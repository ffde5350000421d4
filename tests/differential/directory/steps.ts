/** What is asked of aliases, directories and spaces, of both servers: in this order, as one thing follows on another. */

export interface Step {
  readonly who: string
  readonly method: string
  /** After `/_matrix/client`. `{name}` is what was kept under that name, or a user's ID. */
  readonly path: string
  readonly body?: unknown
  /** Kept from the answer: its `room_id`, under that name. */
  readonly keep?: string
  /** Kept from the answer: its `next_batch` or `prev_batch`, under that name. */
  readonly keepToken?: { readonly name: string; readonly from: 'next_batch' | 'prev_batch' }
  /** Why ours is another answer, and which: `status errcode`, ours and Synapse's. */
  readonly unlike?: { readonly why: string; readonly ours: string; readonly theirs: string }
}

const step =
  (method: string) =>
  (who: string, path: string, body?: unknown, more: Partial<Step> = {}): Step => ({
    who,
    method,
    path,
    ...(body !== undefined && { body }),
    ...more,
  })
const get = (who: string, path: string, more: Partial<Step> = {}) => step('GET')(who, path, undefined, more)
const del = (who: string, path: string, more: Partial<Step> = {}) => step('DELETE')(who, path, undefined, more)
const put = step('PUT')
const post = step('POST')

const room = (who: string, keep: string, body: object): Step => post(who, '/v3/createRoom', body, { keep })
const state = (who: string, of: string, type: string, content: object, key = '') =>
  put(who, `/v3/rooms/{${of}}/state/${type}/${key}`, content)
const join = (who: string, of: string) => post(who, `/v3/rooms/{${of}}/join`, {})
const leave = (who: string, of: string) => post(who, `/v3/rooms/{${of}}/leave`, {})

const alias = (name: string) => `/v3/directory/room/%23${name}%3Ahs.test`

const aliases: readonly Step[] = [
  room('alice', 'tea', { name: 'Tea', preset: 'public_chat', visibility: 'public', room_alias_name: 'tea' }),
  room('alice', 'den', { name: 'Den', topic: 'of foxes' }),
  get('', alias('tea')),
  get('alice', alias('tea')),
  get('', alias('nothing')),
  get('', '/v3/directory/room/%23tea%3Aother.test'),
  get('', '/v3/directory/room/tea'),
  get('', '/v3/directory/room/%23tea'),
  get('', '/v3/directory/room/%21tea%3Ahs.test'),
  get('', `/v3/directory/room/%23${'a'.repeat(250)}%3Ahs.test`, {
    unlike: { why: 'an alias of more than 255 bytes is none', ours: '400 M_INVALID_PARAM', theirs: '404 M_NOT_FOUND' },
  }),
  put('alice', alias('tea2'), { room_id: '{tea}' }),
  put('alice', alias('tea2'), { room_id: '{tea}' }),
  put('alice', alias('tea2'), { room_id: '{den}' }),
  put('bob', alias('bob'), { room_id: '{tea}' }),
  put('admin', alias('admin'), { room_id: '{den}' }),
  put('alice', alias('forbidden'), { room_id: '{tea}' }),
  put('alice', alias('with%20space'), { room_id: '{tea}' }),
  put('alice', '/v3/directory/room/%23tea%3Aother.test', { room_id: '{tea}' }),
  put('alice', alias('x'), { room_id: '!nowhere:hs.test' }),
  put('alice', alias('x'), { room_id: 5 }),
  put('alice', alias('x'), {}),
  put('alice', alias('x'), []),
  put('alice', alias('listed'), { room_id: '{tea}', servers: ['other.test', 'hs.test'] }),
  put('alice', alias('listed2'), { room_id: '{tea}', servers: 'other.test' }),
  put('alice', `/v3/directory/room/%23${'a'.repeat(250)}%3Ahs.test`, { room_id: '{tea}' }),
  put('alice', '/v3/directory/room/nonsense', { room_id: '{tea}' }),
  get('', alias('listed')),
  get('alice', '/v3/rooms/{tea}/aliases'),
  get('bob', '/v3/rooms/{tea}/aliases'),
  get('admin', '/v3/rooms/{tea}/aliases'),
  get('alice', '/unstable/org.matrix.msc2432/rooms/{den}/aliases'),
  get('alice', '/v3/rooms/!nowhere:hs.test/aliases'),
  state('alice', 'tea', 'm.room.canonical_alias', {
    alias: '#tea:hs.test',
    alt_aliases: ['#tea2:hs.test', '#listed:hs.test'],
    'org.example': 1,
  }),
  join('bob', 'tea'),
  del('bob', alias('tea2')),
  del('alice', alias('tea2')),
  get('alice', '/v3/rooms/{tea}/state/m.room.canonical_alias/'),
  del('alice', alias('tea2')),
  del('alice', alias('listed')),
  get('alice', '/v3/rooms/{tea}/state/m.room.canonical_alias/'),
  del('alice', alias('tea')),
  get('alice', '/v3/rooms/{tea}/state/m.room.canonical_alias/'),
  del('alice', alias('nothing')),
  del('alice', '/v3/directory/room/%23tea%3Aother.test'),
  del('alice', '/v3/directory/room/nonsense'),
  put('bob', alias('bobs'), { room_id: '{tea}' }),
  // A moderator of the room may take others' aliases away, so may an admin of the server.
  del('alice', alias('bobs')),
  put('bob', alias('bobs'), { room_id: '{tea}' }),
  del('admin', alias('bobs')),
  put('bob', alias('bobs'), { room_id: '{tea}' }),
  // Who made it may, though they are no longer there.
  leave('bob', 'tea'),
  del('bob', alias('bobs')),
  del('carol', alias('admin')),
  post('alice', '/v3/createRoom', { room_alias_name: 'forbidden2' }),
  get('', alias('forbidden2')),
]

const visibility: readonly Step[] = [
  get('', '/v3/directory/list/room/{tea}'),
  get('', '/v3/directory/list/room/{den}'),
  get('', '/v3/directory/list/room/!nowhere:hs.test'),
  put('alice', '/v3/directory/list/room/{den}', { visibility: 'public' }),
  get('', '/v3/directory/list/room/{den}'),
  put('alice', '/v3/directory/list/room/{den}', { visibility: 'private' }),
  get('', '/v3/directory/list/room/{den}'),
  put('alice', '/v3/directory/list/room/{den}', {}),
  get('', '/v3/directory/list/room/{den}'),
  put(
    'alice',
    '/v3/directory/list/room/{den}',
    { visibility: 'nonsense' },
    {
      unlike: { why: 'a word that is not allowed', ours: '400 M_INVALID_PARAM', theirs: '400 M_BAD_JSON' },
    },
  ),
  put('alice', '/v3/directory/list/room/{den}', { visibility: 5 }),
  put('bob', '/v3/directory/list/room/{den}', { visibility: 'public' }),
  put('admin', '/v3/directory/list/room/{den}', { visibility: 'private' }),
  put('alice', '/v3/directory/list/room/!nowhere:hs.test', { visibility: 'public' }),
  room('alice', 'hidden', { name: 'not to be published', room_alias_name: 'unlisted', visibility: 'public' }),
  get('', '/v3/directory/list/room/{hidden}'),
  put('alice', '/v3/directory/list/room/{hidden}', { visibility: 'public' }),
  put('alice', '/v3/directory/list/appservice/net/{tea}', { visibility: 'public' }),
  del('alice', '/v3/directory/list/appservice/net/{tea}'),
]

const list = (body: object, more: Partial<Step> = {}) => post('alice', '/v3/publicRooms', body, more)
const search = (term: unknown) => list({ filter: { generic_search_term: term } })

const publicRooms: readonly Step[] = [
  // As many members as none of the others has, so that the order is the same.
  room('alice', 'five', {
    name: 'Five Stars',
    topic: 'hotels and the like',
    preset: 'public_chat',
    visibility: 'public',
    room_alias_name: 'five',
  }),
  ...['bob', 'carol', 'dave', 'admin'].map((who) => join(who, 'five')),
  room('alice', 'four', {
    name: 'Vier',
    preset: 'public_chat',
    visibility: 'public',
    creation_content: { type: 'm.space' },
    initial_state: [
      { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'world_readable' } },
      { type: 'm.room.guest_access', state_key: '', content: { guest_access: 'forbidden' } },
    ],
  }),
  ...['bob', 'carol', 'dave'].map((who) => join(who, 'four')),
  room('alice', 'three', {
    topic: '100% topical',
    visibility: 'public',
    preset: 'private_chat',
    initial_state: [
      { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } },
      { type: 'm.room.avatar', state_key: '', content: { url: 'mxc://hs.test/three' } },
      { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
    ],
  }),
  post('alice', '/v3/rooms/{three}/invite', { user_id: '{bob}' }),
  join('bob', 'three'),
  post('alice', '/v3/rooms/{three}/invite', { user_id: '{carol}' }),
  join('carol', 'three'),
  // Published, but only for those who are asked.
  room('alice', 'closed', { name: 'Closed', visibility: 'public', preset: 'private_chat' }),
  room('bob', 'odd', {
    name: 'Odd',
    preset: 'public_chat',
    visibility: 'public',
    creation_content: { type: 'org.example.odd' },
    initial_state: [
      {
        type: 'm.room.topic',
        state_key: '',
        content: {
          topic: 'plain',
          'm.topic': { 'm.text': [{ mimetype: 'text/html', body: '<b>' }, { body: 'from m.topic' }] },
        },
      },
      { type: 'm.room.canonical_alias', state_key: '', content: {} },
    ],
  }),
  join('carol', 'odd'),
  get('', '/v3/publicRooms'),
  get('alice', '/v3/publicRooms'),
  list({}),
  list({ limit: 0 }),
  list({ limit: 1 }, { keepToken: { name: 'second', from: 'next_batch' } }),
  list({ limit: 1, since: '{second}' }, { keepToken: { name: 'third', from: 'next_batch' } }),
  list({ limit: 2, since: '{third}' }, { keepToken: { name: 'back', from: 'prev_batch' } }),
  list({ limit: 1, since: '{back}' }, { keepToken: { name: 'back2', from: 'prev_batch' } }),
  list({ limit: 1, since: '{back2}' }),
  list({ limit: 50, since: '{third}' }),
  get('alice', '/v3/publicRooms?limit=2', { keepToken: { name: 'fromGet', from: 'next_batch' } }),
  get('alice', '/v3/publicRooms?limit=2&since={fromGet}'),
  // Synapse's own tokens: of a place before everything, behind everything.
  list({ since: 'g6Ftzg7msoChcqChZMM' }),
  list({ limit: 1, since: 'g6FtAKFyoKFkwg' }),
  get('alice', '/v3/publicRooms?limit=-1'),
  get('alice', '/v3/publicRooms?limit=x'),
  get('alice', '/v3/publicRooms?since=nonsense', {
    unlike: { why: 'a token that is none', ours: '400 M_INVALID_PARAM', theirs: '500 M_UNKNOWN' },
  }),
  list([]),
  list({ filter: null }),
  list({ filter: {} }),
  list({ limit: 'x' }, { unlike: { why: 'a limit that is none', ours: '400 M_BAD_JSON', theirs: '500 M_UNKNOWN' } }),
  search('tea'),
  search('HOTEL'),
  search('#five:'),
  search('nothing like it'),
  search('Vier'),
  search(''),
  search(null),
  search('topical'),
  list({ filter: { generic_search_term: 'topic', room_types: [null] } }),
  list({ filter: { room_types: ['m.space'] } }),
  list({ filter: { room_types: [null] } }),
  list({ filter: { room_types: ['org.example.odd', 'm.space'] } }),
  list({ filter: { room_types: [] } }),
  list({ filter: { room_types: ['none'] } }),
  list({ include_all_networks: true }),
  list({ include_all_networks: true, third_party_instance_id: 'as|net' }),
  list({ third_party_instance_id: 'as|net' }),
  list({ third_party_instance_id: 'nonsense' }),
  list({ third_party_instance_id: 'a|b|c' }),
  get('alice', '/v3/publicRooms?server=hs.test&limit=1'),
  get('alice', '/v3/publicRooms?server=%20'),
  get('', '/v3/publicRooms?server=other.test'),
  // What changes.
  state('alice', 'five', 'm.room.name', { name: 'Six' }),
  state('alice', 'five', 'm.room.topic', { topic: 5 }),
  state('alice', 'five', 'm.room.avatar', { url: 'mxc://hs.test/five' }),
  leave('dave', 'four'),
  list({}),
  state('alice', 'four', 'm.room.history_visibility', { history_visibility: 'shared' }),
  state('alice', 'four', 'm.room.join_rules', { join_rule: 'invite' }),
  list({}),
  state('alice', 'four', 'm.room.join_rules', { join_rule: 'restricted', allow: [] }),
  list({}),
  state('alice', 'four', 'm.room.join_rules', {
    join_rule: 'knock_restricted',
    allow: [{ type: 'm.room_membership', room_id: '{tea}' }],
  }),
  list({}),
  leave('bob', 'odd'),
  leave('carol', 'odd'),
  list({}),
]

const summary = (who: string, of: string, more: Partial<Step> = {}) => get(who, `/v1/room_summary/${of}`, more)

const summaries: readonly Step[] = [
  ...['', 'alice', 'bob', 'carol', 'dave', 'admin'].flatMap((who) =>
    ['{five}', '{four}', '{three}', '{den}', '{closed}', '%23five%3Ahs.test'].map((of) => summary(who, of)),
  ),
  summary('alice', '!nowhere:hs.test'),
  summary('alice', '!nowhere:hs.test?via=hs.test'),
  summary('alice', '%23nothing%3Ahs.test'),
  summary('alice', 'nonsense'),
  get('alice', '/unstable/im.nheko.summary/rooms/{five}/summary'),
  get('alice', '/unstable/im.nheko.summary/summary/{five}'),
  post('alice', '/v3/rooms/{closed}/invite', { user_id: '{dave}' }),
  summary('dave', '{closed}'),
  leave('dave', 'closed'),
  summary('dave', '{closed}'),
  post('alice', '/v3/rooms/{five}/ban', { user_id: '{dave}' }),
  summary('dave', '{five}'),
]

const child = (who: string, of: string, what: string, content: object) =>
  state(who, of, 'm.space.child', content, `{${what}}`)
const hierarchy = (who: string, of: string, query = '', more: Partial<Step> = {}) =>
  get(who, `/v1/rooms/{${of}}/hierarchy${query}`, more)
const via = ['hs.test']

const spaces: readonly Step[] = [
  room('alice', 'space', { name: 'Space', preset: 'public_chat', creation_content: { type: 'm.space' } }),
  room('alice', 'inner', { name: 'Inner', preset: 'private_chat', creation_content: { type: 'm.space' } }),
  room('alice', 'forMembers', {
    name: 'For members',
    preset: 'private_chat',
    initial_state: [
      {
        type: 'm.room.join_rules',
        state_key: '',
        content: {
          join_rule: 'restricted',
          allow: [{ type: 'm.room_membership', room_id: '{space}' }, { type: 'other' }, 5],
        },
      },
    ],
  }),
  child('alice', 'space', 'five', { via, order: 'b' }),
  child('alice', 'space', 'tea', { via, order: 'a', suggested: true }),
  child('alice', 'space', 'inner', { via, suggested: true }),
  child('alice', 'space', 'den', { via, order: 'c' }),
  child('alice', 'space', 'closed', { via: [] }),
  child('alice', 'space', 'three', { via: 'hs.test' }),
  child('alice', 'space', 'forMembers', { via, order: 'é' }),
  state('alice', 'space', 'm.space.child', { via }, '!nowhere:hs.test'),
  child('alice', 'inner', 'four', { via }),
  child('alice', 'inner', 'space', { via }),
  child('alice', 'inner', 'odd', { via, suggested: 1 }),
  child('alice', 'tea', 'five', { via }),
  ...['alice', 'bob', 'dave'].flatMap((who) => [
    hierarchy(who, 'space'),
    hierarchy(who, 'space', '?suggested_only=true'),
    hierarchy(who, 'space', '?max_depth=0'),
    hierarchy(who, 'space', '?max_depth=1'),
    hierarchy(who, 'inner'),
  ]),
  join('bob', 'space'),
  hierarchy('bob', 'space'),
  hierarchy('alice', 'five'),
  hierarchy('alice', 'space', '?limit=0'),
  hierarchy('alice', 'space', '?limit=-1'),
  hierarchy('alice', 'space', '?max_depth=-1'),
  hierarchy('alice', 'space', '?suggested_only=maybe'),
  hierarchy('alice', 'space', '?from=nonsense'),
  hierarchy('alice', 'space', '?limit=2', { keepToken: { name: 'page2', from: 'next_batch' } }),
  hierarchy('alice', 'space', '?limit=2&from={page2}', { keepToken: { name: 'page3', from: 'next_batch' } }),
  hierarchy('alice', 'space', '?limit=2&from={page2}'),
  hierarchy('alice', 'space', '?limit=100&from={page3}'),
  hierarchy('bob', 'space', '?limit=2&from={page2}'),
  hierarchy('alice', 'inner', '?from={page2}'),
  hierarchy('alice', 'space', '?max_depth=3&from={page2}'),
  hierarchy('alice', 'space', '?suggested_only=true&from={page2}'),
  get('alice', '/v1/rooms/!nowhere:hs.test/hierarchy'),
]

const find = (who: string, term: unknown, limit?: unknown, more: Partial<Step> = {}) =>
  post(who, '/v3/user_directory/search', { search_term: term, ...(limit !== undefined && { limit }) }, more)
const named = (who: string, displayname: string) => put(who, `/v3/profile/{${who}}/displayname`, { displayname })

const people: readonly Step[] = [
  find('zoe', 'alice'),
  find('zoe', 'dave'),
  find('alice', 'dave'),
  find('bob', 'zoe'),
  // Two in a private room find each other.
  room('yves', 'secret', { preset: 'private_chat' }),
  post('yves', '/v3/rooms/{secret}/invite', { user_id: '{zoe}' }),
  find('zoe', 'yves'),
  join('zoe', 'secret'),
  find('zoe', 'yves'),
  find('yves', 'zoe'),
  find('alice', 'yves'),
  leave('zoe', 'secret'),
  find('zoe', 'yves'),
  find('yves', 'zoe'),
  // A room that becomes public, and private again.
  state('yves', 'secret', 'm.room.join_rules', { join_rule: 'public' }),
  find('alice', 'yves'),
  join('zoe', 'secret'),
  find('alice', 'zoe'),
  state('yves', 'secret', 'm.room.join_rules', { join_rule: 'invite' }),
  find('alice', 'zoe'),
  find('zoe', 'yves'),
  state('yves', 'secret', 'm.room.history_visibility', { history_visibility: 'world_readable' }),
  find('alice', 'zoe'),
  // Names.
  named('zoe', 'Zoë Müller-Lüdenscheidt'),
  put('zoe', '/v3/profile/{zoe}/avatar_url', { avatar_url: 'mxc://hs.test/zoe' }),
  ...['Zoë', 'zoë', 'ZOË', 'zoe', 'Mül', 'müller', 'Müller-Lüdenscheidt', 'Lüd', 'zoë mü', 'mü zoë', 'x zoë'].map(
    (term) => find('alice', term),
  ),
  find('alice', '@zoe:hs.test'),
  find('alice', '@zoe'),
  find('alice', 'zoe:hs'),
  named('yves', 'O’Neil \'quoted" back\\slash & | ! ( ) :* <->'),
  ...["O'Neil", 'quoted', 'back\\slash', '& | !', ':*', '<->', '%', '_', '', ' ', "';--", 'back'].map((term) =>
    find('alice', term),
  ),
  named('bob', 'user-71 a.b_c ①②  Ｆｕｌｌ'),
  ...['user-71', '71', 'user', '-71', 'a.b', 'b_c', '12', 'full', 'FULL', 'a. b', 'user -71'].map((term) =>
    find('alice', term),
  ),
  named('carol', '日本語 テスト'),
  ...['日本', '日本語', 'テスト', 'テ'].map((term) => find('alice', term)),
  named('dave', 'bob'),
  find('alice', 'bob'),
  find('alice', 'bob', 1),
  find('alice', 'bob', 0),
  find('alice', 'bob', -1),
  find('alice', 'bob', 1000),
  find('alice', 'bob', 'x', {
    unlike: { why: 'a limit that is none', ours: '400 M_BAD_JSON', theirs: '500 M_UNKNOWN' },
  }),
  find('alice', 5, undefined, {
    unlike: { why: 'a term that is none', ours: '400 M_BAD_JSON', theirs: '500 M_UNKNOWN' },
  }),
  post(
    'alice',
    '/v3/user_directory/search',
    {},
    {
      unlike: { why: 'the member that is missing is named', ours: '400 M_MISSING_PARAM', theirs: '400 M_UNKNOWN' },
    },
  ),
  find('alice', 'a b c d e f g h i j k l m n o p'),
  find('alice', 'x'.repeat(500)),
  find('', 'bob'),
  named('dave', ''),
  find('alice', 'dave'),
]

const network = (id: string, of: string) => `/v3/directory/list/appservice/${id}/{${of}}`

/** `irc` is an application service, whose are aliases and users that begin with `irc_`. */
const appservice: readonly Step[] = [
  put('alice', alias('irc_a'), { room_id: '{tea}' }),
  post('alice', '/v3/createRoom', { room_alias_name: 'irc_b' }),
  put('irc', alias('irc_a'), { room_id: '{tea}' }),
  put('irc', alias('other'), { room_id: '{tea}' }),
  get('', alias('irc_a')),
  del('alice', alias('irc_a')),
  del('irc', alias('other')),
  del('irc', alias('irc_a')),
  get('', alias('irc_a')),
  del('irc', alias('irc_a')),
  put('irc', network('net', 'den'), { visibility: 'public' }),
  put('irc', network('net', 'five'), {}),
  put('irc', network('net', 'tea'), { visibility: 'private' }),
  list({ third_party_instance_id: 'irc|net' }),
  list({ third_party_instance_id: 'irc|other' }),
  list({ include_all_networks: true }),
  del('irc', network('net', 'five')),
  list({ third_party_instance_id: 'irc|net' }),
  post('irc', '/v3/register', { type: 'm.login.application_service', username: 'irc_zed', inhibit_login: true }),
  put('irc', '/v3/profile/@irc_zed:hs.test/displayname?user_id=@irc_zed:hs.test', { displayname: 'zed' }),
  post('irc', '/v3/rooms/{five}/join?user_id=@irc_zed:hs.test', {}),
  find('alice', 'zed'),
  find('alice', 'ircbot'),
]

const mutual: readonly Step[] = [
  ...['bob', 'zoe', 'carol', 'nobody'].map((other) => get('alice', `/v1/mutual_rooms?user_id=@${other}:hs.test`)),
  get('alice', '/v1/mutual_rooms?user_id=@bob:hs.test&from=IQ'),
  get('alice', '/v1/mutual_rooms?user_id=@bob:hs.test&from=fg'),
  get('alice', '/v1/mutual_rooms?user_id=@bob:hs.test&from='),
  get('alice', '/v1/mutual_rooms?user_id=@bob:hs.test&from=%25%25', {
    unlike: { why: 'what is no base64 is no token', ours: '400 M_INVALID_PARAM', theirs: '200' },
  }),
  get('alice', '/v1/mutual_rooms?user_id=@bob:hs.test&from=IQ&from=IQ'),
  get('alice', '/v1/mutual_rooms?user_id=@bob:hs.test&user_id=@carol:hs.test'),
  get('alice', '/v1/mutual_rooms?user_id=@alice:hs.test'),
  get('alice', '/v1/mutual_rooms?user_id=bob'),
  get('alice', '/v1/mutual_rooms?user_id=@%C3%A9:hs.test'),
  get('alice', '/v1/mutual_rooms'),
]

export const names = ['alice', 'bob', 'carol', 'dave', 'yves', 'zoe'] as const
export const steps: readonly Step[] = [
  ...aliases,
  ...visibility,
  ...publicRooms,
  ...summaries,
  ...spaces,
  ...people,
  ...appservice,
  ...mutual,
]
