/**
 * Simplified sliding sync beside a real Synapse: the same scripts on both, of actions and of requests with lists, ranges,
 * filters, subscriptions and extensions; the same answers, but for what every server makes up for itself.
 *
 *     SLIDING_SEED=7 SLIDING_STEPS=400 npm test -- --only differential/sliding-sync
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homeserver } from '../harness/homeserver.ts'
import { register, type User } from '../harness/matrix-client.ts'
import { startPostgres } from '../harness/postgres.ts'
import { makeRandom } from '../harness/random.ts'
import { startSynapse } from '../harness/synapse.ts'

const V3 = '/_matrix/client/v3'
const SYNC = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
const plenty = { per_second: 1_000, burst_count: 1_000 }
const limits = {
  rc_message: plenty,
  rc_registration: plenty,
  rc_joins: { local: plenty, remote: plenty },
  rc_joins_per_room: plenty,
  rc_invites: { per_room: plenty, per_user: plenty, per_issuer: plenty },
  rc_room_creation: plenty,
  experimental_features: { msc4306_enabled: true },
}
const seed = Number(process.env.SLIDING_SEED ?? 1)
const steps = Number(process.env.SLIDING_STEPS ?? 120)

// biome-ignore lint/suspicious/noExplicitAny: answers of either server
type Json = any
type Seen = readonly (readonly [what: string, answer: Json])[]
const NAMES = ['alice', 'bob', 'carol'] as const
type Name = (typeof NAMES)[number]

/** What a script does to a server. */
interface Player {
  readonly createRoom: (by: Name, options: object) => Promise<void>
  /** Rooms by the order in which they were made. */
  readonly membership: (by: Name, room: number, action: string, target?: Name) => Promise<void>
  readonly send: (by: Name, room: number, type: string, content: object) => Promise<void>
  readonly state: (by: Name, room: number, type: string, content: object) => Promise<void>
  readonly typing: (by: Name, room: number, isTyping: boolean) => Promise<void>
  /** Of the last event that was sent in the room. */
  readonly receipt: (by: Name, room: number, type: string) => Promise<void>
  readonly put: (
    by: Name,
    path: (rooms: readonly string[]) => string,
    content: (rooms: readonly string[]) => object,
  ) => Promise<void>
  readonly follow: (by: Name, room: number, isFollowing: boolean) => Promise<void>
  /** Goes on from the last answer of the connection. */
  readonly sync: (
    by: Name,
    connection: string,
    body: (rooms: readonly string[]) => object,
    isNew?: boolean,
  ) => Promise<void>
}

type Script = (player: Player) => Promise<void>

async function play(url: string, prefix: string, script: Script): Promise<Seen> {
  const seen: (readonly [string, Json])[] = []
  const users = new Map<Name, User>()
  for (const name of NAMES) users.set(name, await register(url, `${prefix}_${name}`))
  const rooms: string[] = []
  const names = new Map<string, string>()
  const lastEvents = new Map<string, string>()
  const positions = new Map<string, string>()
  let count = 0
  const path = (room: number, rest: string) => `${V3}/rooms/${encodeURIComponent(rooms[room]!)}/${rest}`
  /** Scripts name users as if they were alone. */
  const named = (body: object): Json =>
    JSON.parse(JSON.stringify(body).replaceAll(/"@(alice|bob|carol):/g, `"@${prefix}_$1:`))
  const act = async (by: Name, method: string, to: string, body: object) => {
    const { status, body: answer } = await users.get(by)!.tryTo(method, to, named(body))
    seen.push([
      `${by} ${method} ${to.replace(/\d+$/, '').replace(/[!$%][^/]*/g, '…')}`,
      { status, errcode: answer.errcode },
    ])
    return answer
  }
  const note = (room: number, answer: Json) => {
    if (answer.event_id === undefined) return
    names.set(answer.event_id, `$${++count}`)
    lastEvents.set(rooms[room]!, answer.event_id)
  }
  const player: Player = {
    async createRoom(by, options) {
      const { room_id: id } = await act(by, 'POST', `${V3}/createRoom`, { room_version: '11', ...options })
      names.set(id, `!${rooms.length}`)
      rooms.push(id)
    },
    async membership(by, room, action, target) {
      await act(by, 'POST', path(room, action), target === undefined ? {} : { user_id: users.get(target)!.userId })
    },
    send: async (by, room, type, content) =>
      note(room, await act(by, 'PUT', path(room, `send/${type}/${++count}`), content)),
    state: async (by, room, type, content) => note(room, await act(by, 'PUT', path(room, `state/${type}/`), content)),
    async typing(by, room, typing) {
      await act(by, 'PUT', path(room, `typing/${encodeURIComponent(users.get(by)!.userId)}`), {
        typing,
        timeout: 60_000,
      })
    },
    async receipt(by, room, type) {
      const event = lastEvents.get(rooms[room]!)
      if (event !== undefined) await act(by, 'POST', path(room, `receipt/${type}/${encodeURIComponent(event)}`), {})
    },
    async put(by, to, content) {
      const own = `${V3}/user/${encodeURIComponent(users.get(by)!.userId)}`
      await act(by, 'PUT', `${own}/${to(rooms.map(encodeURIComponent))}`, content(rooms))
    },
    async follow(by, room, isFollowing) {
      const root = lastEvents.get(rooms[room]!)
      if (root === undefined) return
      const thread = `/_matrix/client/unstable/io.element.msc4306/rooms/${encodeURIComponent(rooms[room]!)}/thread/${encodeURIComponent(root)}/subscription`
      await act(by, isFollowing ? 'PUT' : 'DELETE', thread, {})
    },
    async sync(by, connection, body, isNew = false) {
      const key = `${by} ${connection}`
      const pos = isNew ? undefined : positions.get(key)
      const query = new URLSearchParams({ timeout: '0', ...(pos !== undefined && { pos }) })
      const asked = named({ conn_id: connection, ...body(rooms) })
      const { status, body: answer } = await users.get(by)!.tryTo('POST', `${SYNC}?${query}`, asked)
      if (status === 200) positions.set(key, answer.pos)
      const what = JSON.stringify(asked)
      const windows = new Map(Object.entries(asked.lists ?? {}).map(([list, { ranges }]: Json) => [list, ranges]))
      seen.push([
        `${by} ${pos === undefined ? 'begins' : 'goes on'}: ${replaced(what, names)}`,
        status === 200 ? plain(answer, names, windows) : { status, errcode: answer.errcode },
      ])
    },
  }
  await script(player)
  return seen
}

function replaced(text: string, names: ReadonlyMap<string, string>): string {
  let known = text
  for (const [id, as] of names) known = known.replaceAll(JSON.stringify(id).slice(1, -1), as)
  return known
}

const LEFT_OUT = new Set([
  // Made up by the server.
  ...[
    'pos',
    'prev_batch',
    'event_id',
    'origin_server_ts',
    'age',
    'ts',
    'replaces_state',
    'transaction_id',
    'next_batch',
  ],
  // Synapse has them always 0.
  ...['notification_count', 'highlight_count'],
])

/** Without IDs, times and tokens, lists that have no order sorted. */
function plain(answer: Json, names: ReadonlyMap<string, string>, windows: ReadonlyMap<string, Json>): Json {
  const text = JSON.stringify(answer, (key, value) => {
    if (LEFT_OUT.has(key)) return undefined
    if (key === 'unsigned') return value.membership === undefined ? {} : { membership: value.membership }
    return value
  })
  const result = JSON.parse(replaced(text, names).replace(/\$[A-Za-z0-9_-]{43}/g, '$event'))
  // Their order is what counts.
  const stamps = Object.values(result.rooms as Record<string, Json>)
    .map(({ bump_stamp: stamp }) => stamp)
    .filter((stamp) => stamp !== undefined)
    .sort((a, b) => a - b)
  for (const room of Object.values(result.rooms) as Json[]) {
    if (room.bump_stamp !== undefined) room.bump_stamp = stamps.indexOf(room.bump_stamp)
    room.required_state?.sort(byText)
    room.invite_state?.sort(byText)
  }
  for (const [name, list] of Object.entries(result.lists ?? {}) as [string, Json][]) {
    const ranges = windows.get(name)
    // Where all rooms are wanted, Synapse does not sort them.
    const isWhole = ranges?.length === 1 && ranges[0][0] === 0 && ranges[0][1] >= list.count - 1
    if (isWhole) for (const op of list.ops) op.room_ids.sort()
  }
  const { account_data: data, thread_subscriptions: _ } = result.extensions ?? {}
  data?.global.sort(byText)
  for (const events of Object.values(data?.rooms ?? {}) as Json[]) events.sort(byText)
  for (const { type, content } of data?.global ?? [])
    if (type === 'm.push_rules') for (const kind of Object.keys(content.global)) delete content.global[kind]
  for (const kind of ['subscribed', 'unsubscribed'])
    for (const threads of Object.values(
      result.extensions['io.element.msc4308.thread_subscriptions']?.[kind] ?? {},
    ) as Json[])
      for (const thread of Object.values(threads) as Json[]) delete thread.bump_stamp
  const { device_lists: lists } = result.extensions.e2ee ?? {}
  lists?.changed.sort()
  lists?.left.sort()
  return result
}

const byText = (a: Json, b: Json): number => (JSON.stringify(sorted(a)) < JSON.stringify(sorted(b)) ? -1 : 1)
const sorted = (value: Json): Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(
        Object.keys(value)
          .sort()
          .map((key) => [key, sorted(value[key])]),
      )
    : value

const room = (timeline_limit: number, ...required_state: readonly (readonly [string, string])[]) => ({
  timeline_limit,
  required_state,
})
const all =
  (timeline_limit: number, ...required_state: readonly (readonly [string, string])[]) =>
  () => ({
    lists: { all: { ranges: [[0, 99]], ...room(timeline_limit, ...required_state) } },
  })
const EXTENSIONS = {
  to_device: { enabled: true },
  e2ee: { enabled: true },
  account_data: { enabled: true },
  receipts: { enabled: true },
  typing: { enabled: true },
  'io.element.msc4308.thread_subscriptions': { enabled: true },
}
const text = (body: string) => ({ msgtype: 'm.text', body })

/** One thing after the other. */
const conversation: Script = async (p) => {
  await p.sync('alice', 'a', all(3))
  await p.createRoom('alice', { name: 'zero', preset: 'public_chat' })
  await p.createRoom('alice', { preset: 'private_chat', invite: [] })
  await p.sync('alice', 'a', all(3, ['m.room.name', ''], ['m.room.member', '$ME']))
  await p.sync('alice', 'a', all(3, ['m.room.name', ''], ['m.room.member', '$ME']))
  await p.membership('bob', 0, 'join')
  await p.send('bob', 0, 'm.room.message', text('1'))
  await p.sync('alice', 'a', all(3, ['m.room.name', ''], ['m.room.member', '$LAZY']))
  await p.send('bob', 0, 'm.room.message', text('2'))
  await p.sync('alice', 'a', all(3, ['m.room.name', ''], ['m.room.member', '$LAZY']))
  for (let i = 0; i < 6; i++) await p.send(i % 2 ? 'alice' : 'bob', 0, 'm.room.message', text(`m${i}`))
  await p.sync('alice', 'a', all(3, ['m.room.member', '$LAZY']))
  await p.sync('alice', 'a', all(10, ['m.room.topic', ''], ['m.room.create', '']))
  await p.state('alice', 0, 'm.room.topic', { topic: 't' })
  await p.sync('alice', 'a', all(2, ['m.room.topic', '']))
  await p.state('alice', 0, 'm.room.topic', { topic: 'u' })
  await p.sync('alice', 'a', all(2, ['m.room.create', '']))
  await p.sync('alice', 'a', all(2, ['m.room.topic', ''], ['m.room.create', '']))
  await p.sync('alice', 'a', all(2, ['*', '*']))
  await p.sync('bob', 'b', all(1, ['*', '*']))
  await p.sync('bob', 'b', all(1, ['m.room.member', '*']))
  await p.membership('alice', 1, 'invite', 'bob')
  await p.sync('bob', 'b', all(1, ['m.room.name', '']))
  await p.sync('alice', 'a', all(2))
  await p.membership('bob', 1, 'join')
  await p.sync('bob', 'b', all(1, ['m.room.name', '']))
  await p.sync('alice', 'a', all(2))
  await p.send('alice', 1, 'm.room.message', text('heroes'))
  await p.sync('bob', 'b', () => ({ lists: { one: { ranges: [[0, 0]], ...room(1) } } }))
  await p.send('alice', 0, 'm.room.message', text('up'))
  await p.sync('bob', 'b', () => ({ lists: { one: { ranges: [[0, 0]], ...room(1) } } }))
  await p.send('alice', 1, 'm.room.message', text('down'))
  await p.sync('bob', 'b', (rooms) => ({ room_subscriptions: { [rooms[0]!]: room(5, ['m.room.name', '']) } }))
  await p.sync('bob', 'b', () => ({ lists: { one: { ranges: [[0, 1]], ...room(2) } } }))
  await p.membership('bob', 1, 'leave')
  await p.sync('bob', 'b', all(2))
  await p.sync('bob', 'b', all(2))
  await p.sync('bob', 'new', all(2))
  await p.membership('alice', 0, 'kick', 'bob')
  await p.send('alice', 0, 'm.room.message', text('behind'))
  await p.sync('bob', 'b', all(2, ['m.room.name', '']))
  await p.sync('bob', 'newer', all(2, ['m.room.name', '']))
  await p.membership('alice', 0, 'ban', 'bob')
  await p.sync('bob', 'b', all(2))
  await p.membership('bob', 0, 'forget')
  await p.sync('bob', 'newest', all(2))
}

/** All extensions, as one thing after the other changes. */
const extensions: Script = async (p) => {
  const asked = (more: object = {}) => ({
    lists: { all: { ranges: [[0, 9]], ...room(2) } },
    extensions: { ...EXTENSIONS, ...more },
  })
  await p.createRoom('alice', { name: 'zero', preset: 'public_chat' })
  await p.createRoom('alice', { name: 'one', preset: 'public_chat' })
  await p.membership('bob', 0, 'join')
  await p.membership('bob', 1, 'join')
  await p.sync('alice', 'a', () => asked())
  await p.send('bob', 0, 'm.room.message', text('1'))
  await p.receipt('alice', 0, 'm.read')
  await p.sync('bob', 'b', () => asked())
  await p.sync('alice', 'a', () => asked())
  await p.typing('bob', 0, true)
  await p.sync('alice', 'a', () => asked())
  await p.typing('bob', 0, false)
  await p.sync('alice', 'a', () => asked())
  await p.receipt('bob', 0, 'm.read.private')
  await p.sync('bob', 'b', () => asked())
  await p.sync('alice', 'a', () => asked())
  await p.put(
    'alice',
    (rooms) => `rooms/${rooms[0]}/tags/u.work`,
    () => ({ order: 0.5 }),
  )
  await p.put(
    'alice',
    () => 'account_data/im.x',
    () => ({ a: 1 }),
  )
  await p.put(
    'alice',
    (rooms) => `rooms/${rooms[1]}/account_data/im.y`,
    () => ({ b: 1 }),
  )
  await p.sync('alice', 'a', () => asked())
  await p.sync('alice', 'a', (rooms) => asked({ account_data: { enabled: true, lists: [], rooms: [rooms[0]!] } }))
  await p.put(
    'alice',
    (rooms) => `rooms/${rooms[1]}/account_data/im.y`,
    () => ({ b: 2 }),
  )
  await p.sync('alice', 'a', (rooms) => asked({ account_data: { enabled: true, lists: [], rooms: [rooms[0]!] } }))
  await p.sync('alice', 'a', () => asked())
  await p.send('alice', 1, 'm.room.message', text('2'))
  await p.receipt('bob', 1, 'm.read')
  await p.sync('alice', 'a', () => asked({ receipts: { enabled: true, lists: ['none'], rooms: [] } }))
  await p.sync('alice', 'a', () => asked())
  await p.follow('alice', 0, true)
  await p.sync('alice', 'a', () => asked())
  await p.follow('alice', 0, false)
  await p.sync('alice', 'a', () => asked())
  await p.sync('alice', 'only', () => ({ extensions: EXTENSIONS }))
  await p.sync('alice', 'only', () => ({ extensions: EXTENSIONS }))
  await p.sync('carol', 'c', () => asked())
}

/** Filters, and what is wrong with requests. */
const filters: Script = async (p) => {
  await p.createRoom('alice', { name: 'zero', preset: 'public_chat' })
  await p.createRoom('alice', { name: 'a space', creation_content: { type: 'm.space' }, preset: 'public_chat' })
  await p.createRoom('alice', {
    initial_state: [{ type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  await p.createRoom('bob', { invite: ['@alice:hs.test'] })
  await p.createRoom('bob', { invite: ['@alice:hs.test'], creation_content: { type: 'm.space' } })
  await p.put(
    'alice',
    () => 'account_data/m.direct',
    (rooms) => ({ '@bob:hs.test': [rooms[2], rooms[3]] }),
  )
  await p.put(
    'alice',
    (rooms) => `rooms/${rooms[0]}/tags/m.favourite`,
    () => ({}),
  )
  const of = (filters: object) =>
    p.sync('alice', '', () => ({ lists: { l: { ranges: [[0, 99]], ...room(0), filters } } }), true)
  for (const value of [true, false]) {
    await of({ is_dm: value })
    await of({ is_encrypted: value })
    await of({ is_invite: value })
  }
  await of({})
  await of({ room_types: [null] })
  await of({ room_types: ['m.space'] })
  await of({ room_types: ['m.space', null], is_invite: true })
  await of({ not_room_types: ['m.space'] })
  await of({ not_room_types: [null] })
  await of({ tags: ['m.favourite'] })
  await of({ not_tags: ['m.favourite'] })
  await of({ is_dm: true, is_encrypted: true })
  const wrong = (body: object) => p.sync('alice', '', () => body, true)
  await wrong({ lists: { l: { ranges: [[0, 9]], required_state: [] } } })
  await wrong({ lists: { l: { ranges: [[0, 9]], timeline_limit: 1 } } })
  await wrong({ lists: { l: { ranges: [[0]], ...room(1) } } })
  await wrong({ lists: { l: { ranges: [[-1, 9]], ...room(1) } } })
  await wrong({ lists: { l: { ranges: [[0, 9]], ...room(1_001) } } })
  await wrong({ lists: { l: { ranges: [['0', 9]], ...room(1) } } })
  await wrong({ lists: { ['x'.repeat(65)]: { ranges: [[0, 9]], ...room(1) } } })
  await wrong({ lists: [] })
  await wrong({ room_subscriptions: { '!x:hs.test': room(1) } })
  await wrong({ lists: { l: { ranges: [[0, 9]], timeline_limit: 1, required_state: [['m.room.name']] } } })
  await wrong({ extensions: { to_device: { enabled: true, since: 'x' } } })
  await wrong({ extensions: { to_device: { enabled: 'yes' } } })
  await wrong({ conn_id: 5 })
  await wrong({ lists: { l: { ...room(1) } } })
  await wrong({
    lists: {
      l: {
        ranges: [
          [1, 2],
          [0, 0],
        ],
        ...room(1),
      },
    },
  })
  await wrong({ lists: { l: { ranges: [[3, 1]], ...room(1) } } })
  await wrong({ lists: { l: { ranges: [[0, 9]], ...room(-1) } } })
}

/** Anything, in any order. */
const random: Script = async (p) => {
  const { int: below, pick } = makeRandom(seed)
  const dice = () => below(1_000) / 1_000
  let rooms = 0
  const create = async () => {
    const creation = dice() < 0.2 ? { creation_content: { type: 'm.space' } } : {}
    const encryption =
      dice() < 0.3 ? { initial_state: [{ type: 'm.room.encryption', content: { algorithm: 'x' } }] } : {}
    await p.createRoom(pick(NAMES), {
      preset: pick(['public_chat', 'private_chat']),
      ...(dice() < 0.5 && { name: `room ${rooms}` }),
      ...creation,
      ...encryption,
    })
    rooms++
  }
  for (let i = 0; i < 6; i++) await create()
  const STATE: readonly (readonly [string, string])[] = [
    ...(['m.room.name', 'm.room.topic', 'm.room.create', 'm.room.avatar'] as const).map((type) => [type, ''] as const),
    ['m.room.member', '$ME'],
    ['m.room.member', '$LAZY'],
    ['m.room.member', '*'],
    ['m.room.member', '@bob:hs.test'],
    ['m.room.power_levels', '*'],
    ['*', '*'],
  ]
  const config = () => room(pick([0, 1, 2, 5, 20]), ...STATE.filter(() => dice() < 0.25))
  const filter = () => ({
    ...(dice() < 0.2 && { is_encrypted: dice() < 0.5 }),
    ...(dice() < 0.2 && { is_invite: dice() < 0.5 }),
    ...(dice() < 0.2 && { not_room_types: ['m.space'] }),
    ...(dice() < 0.2 && { is_dm: dice() < 0.5 }),
  })
  // Where lists overlap, a list's rooms after one that is in an earlier list too are sent by Synapse as that one wants it.
  const list = (wanted: object) => {
    const first = dice() < 0.7 ? 0 : below(4)
    return { ranges: [[first, first + below(6)]], ...wanted, ...(dice() < 0.4 && { filters: filter() }) }
  }
  for (let step = 0; step < steps; step++) {
    const [by, at] = [pick(NAMES), below(rooms)]
    const chance = dice()
    if (chance < 0.02) await create()
    else if (chance < 0.15) await p.membership(by, at, 'join')
    else if (chance < 0.19) await p.membership(by, at, 'leave')
    else if (chance < 0.24) await p.membership(by, at, pick(['invite', 'kick', 'ban', 'unban']), pick(NAMES))
    else if (chance < 0.4) await p.send(by, at, 'm.room.message', text(`${step}`))
    else if (chance < 0.43) await p.send(by, at, 'm.reaction', {})
    else if (chance < 0.48) await p.state(by, at, 'm.room.name', { name: `name ${step}` })
    else if (chance < 0.51) await p.state(by, at, 'm.room.topic', { topic: `topic ${step}` })
    else if (chance < 0.53) await p.state(by, at, 'm.room.avatar', { url: `mxc://hs.test/${step}` })
    else if (chance < 0.55) await p.receipt(by, at, pick(['m.read', 'm.read.private']))
    else if (chance < 0.57)
      await p.put(
        by,
        () => 'account_data/m.direct',
        (ids) => ({ '@x:hs.test': [ids[at]] }),
      )
    else if (chance < 0.59)
      await p.put(
        by,
        (ids) => `rooms/${ids[at]}/account_data/im.x`,
        () => ({ step }),
      )
    else {
      const ofLists = config()
      const lists = Object.fromEntries(['a', 'b'].filter(() => dice() < 0.7).map((name) => [name, list(ofLists)]))
      const subscribed = dice() < 0.3 ? below(rooms) : undefined
      const wanted = config()
      const more = dice() < 0.5 ? { extensions: EXTENSIONS } : {}
      const isNew = dice() < 0.1
      await p.sync(
        by,
        pick(['x', 'y']),
        (ids) => ({
          // Synapse forgets what rooms that are in no list for a while have missed.
          lists: { ...lists, rest: { ranges: [[50, 50]], timeline_limit: 0, required_state: [] } },
          ...(subscribed !== undefined && { room_subscriptions: { [ids[subscribed]!]: wanted } }),
          ...more,
        }),
        isNew,
      )
    }
  }
}

/** Wanted differences. Undefined: it is none of them. */
function explanationOf(what: string, here: Json, there: Json): string | undefined {
  if (here.rooms === undefined || there.rooms === undefined) return undefined
  const [without, allowed] = [structuredClone(here), structuredClone(there)]
  const reasons = new Set<string>()
  for (const [id, room] of Object.entries(here.rooms) as [string, Json][]) {
    const expected = there.rooms[id]
    const again = expected?.required_state?.filter((event: Json) => isOwnEnd(what, event)) ?? []
    if (again.length > 0 && room.required_state?.some((event: Json) => isOwnEnd(what, event)) !== true) {
      reasons.add('who left, and asks for less and then for more, is sent their own membership once')
      allowed.rooms[id].required_state = expected.required_state.filter((event: Json) => !again.includes(event))
      if (allowed.rooms[id].required_state.length === 0) delete allowed.rooms[id].required_state
    }
    if (expected !== undefined && room.timeline?.length === 1 && isOutside(room.timeline[0])) {
      reasons.add('who was never in a room is told nothing of it')
      delete without.rooms[id]
      delete allowed.rooms[id]
      continue
    }
    if (expected !== undefined) {
      const isShown = (event: Json) => expected.timeline?.some((other: Json) => isSame(event, other))
      const timeline = room.timeline?.filter((event: Json) => event.unsigned.membership !== 'leave' || isShown(event))
      if (timeline?.length === room.timeline?.length) continue
      reasons.add('who left sees what was shared before they came, as everywhere here')
      if (timeline.length === 0) delete without.rooms[id].timeline
      else without.rooms[id].timeline = timeline
      continue
    }
    const { timeline = [], limited: _l, num_live: _n, is_dm: _d, bump_stamp: _b, ...rest } = room
    if (Object.keys(rest).length > 0) continue
    if (timeline.length === 0) reasons.add('what the user has read changes the counts')
    else if (timeline.length === 1 && timeline[0].content.membership === 'ban')
      reasons.add('who is banned after they were thrown out is told so')
    else continue
    delete without.rooms[id]
  }
  return isSame(without, allowed) ? [...reasons].join(', ') : undefined
}

const scripts = { conversation, extensions, filters, random }
test('sliding sync answers alike', async (t) => {
  const postgres = await startPostgres({ atEnd: (work) => t.after(work) })
  const [ours, synapse] = await Promise.all([
    homeserver(t, postgres, { settings: { ...limits, enable_registration: true } }),
    startSynapse(t, limits),
  ])
  for (const [name, script] of Object.entries(scripts))
    await t.test(name, async (t) => {
      const [here, there] = await Promise.all([play(ours.url, name, script), play(synapse.url, name, script)])
      const different: string[] = []
      if (process.env.SHOW_ALL !== undefined)
        for (const [i, [what, answer]] of here.entries())
          console.log('ALL', name, i, what, JSON.stringify(answer), '\nTHERE', JSON.stringify(there[i]![1]))
      for (const [i, [what, answer]] of here.entries()) {
        const [whatThere, expected] = there[i]!
        assert.equal(what, whatThere)
        if (isSame(answer, expected)) continue
        const explained = explanationOf(what, answer, expected)
        if (explained !== undefined) {
          t.diagnostic(`${explained}: ${what}`)
          continue
        }
        different.push(`${i} ${what}`)
        if (process.env.SHOW_DIFFERENCES !== undefined)
          console.log(i, what, '\nhere ', JSON.stringify(sorted(answer)), '\nthere', JSON.stringify(sorted(expected)))
      }
      t.diagnostic(`${here.length} answers compared, ${different.length} differ`)
      assert.deepEqual(different, [])
    })
})

/** By which the user who asks left the room. */
const isOwnEnd = (what: string, { type, state_key: key, content }: Json): boolean =>
  type === 'm.room.member' &&
  ['leave', 'ban'].includes(content.membership) &&
  key.includes(`_${what.slice(0, what.indexOf(' '))}:`)

/** The end of an invitation, which is all that is told. */
const isOutside = ({ type, content, unsigned }: Json): boolean =>
  type === 'm.room.member' &&
  ['leave', 'ban'].includes(content.membership) &&
  unsigned.membership === content.membership

function isSame(a: Json, b: Json): boolean {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}
