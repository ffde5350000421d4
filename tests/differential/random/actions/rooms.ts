import type { Random } from '../../../harness/random.ts'
import type { MakeAction, Weighted } from '../action.ts'
import { anyRoom, deviceOf, type Model, type ModelRoom, moved, ownerOf, SERVER, someoneIn, words } from '../model.ts'

const VERSIONS = ['12', '12', '11', '10', '10', '9', '8', '6', '3', '1']
const HISTORY = ['shared', 'invited', 'joined', 'world_readable']

const createRoom: MakeAction = (model, random) => {
  const by = random.pick(model.devices)
  const label = model.fresh('room')
  const version = random.pick(VERSIONS)
  const invite = model.users.filter((userId) => userId !== by.userId && random.oneIn(3))
  const room: ModelRoom = {
    label,
    version,
    creator: by.userId,
    members: new Map(),
    ownMoves: new Map(),
    events: [],
    aliases: [],
  }
  const alias = random.oneIn(3) ? `room${model.count()}` : undefined
  return {
    name: 'create a room',
    by: by.label,
    method: 'POST',
    path: '/v3/createRoom',
    body: {
      room_version: version,
      preset: random.pick(['public_chat', 'public_chat', 'private_chat', 'trusted_private_chat']),
      ...(random.oneIn(2) && { name: words(random) }),
      ...(random.oneIn(3) && { topic: words(random) }),
      ...(invite.length > 0 && { invite }),
      ...(random.oneIn(4) && { visibility: 'public' }),
      ...(random.oneIn(5) && { is_direct: true }),
      ...(alias !== undefined && { room_alias_name: alias }),
      ...(random.oneIn(6) && { creation_content: { type: 'm.space' } }),
      ...(random.oneIn(4) && {
        initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: random.pick(HISTORY) } }],
      }),
    },
    binds: { [label]: 'room_id' },
    onSuccess() {
      room.members.set(by.userId, 'join')
      for (const userId of invite) room.members.set(userId, 'invite')
      if (alias !== undefined) room.aliases.push(`#${alias}:${SERVER}`)
      model.rooms.push(room)
    },
  }
}

/** By somebody, of themselves. */
const ownMove =
  (name: string, path: string, becomes: string | undefined, from: readonly string[], body: object = {}): MakeAction =>
  (model, random) => {
    const room = anyRoom(model, random)
    if (room === undefined) return undefined
    const likely = model.users.filter((userId) => from.includes(room.members.get(userId) ?? 'none'))
    const userId = likely.length > 0 && !random.oneIn(5) ? random.pick(likely) : random.pick(model.users)
    return {
      name,
      by: deviceOf(model, random, userId).label,
      method: 'POST',
      path: `/v3${path.replace('{room}', room.label)}`,
      body: { ...body, ...(random.oneIn(4) && { reason: words(random) }) },
      onSuccess() {
        if (becomes !== undefined) room.members.set(userId, becomes)
        moved(room, userId)
      },
    }
  }

/** By somebody, of another. */
const move =
  (name: string, action: string, becomes: string, from: readonly string[]): MakeAction =>
  (model, random) => {
    const room = anyRoom(model, random)
    if (room === undefined) return undefined
    const likely = model.users.filter((userId) => from.includes(room.members.get(userId) ?? 'none'))
    const target = likely.length > 0 && !random.oneIn(5) ? random.pick(likely) : random.pick(model.users)
    return {
      name,
      by: ownerOf(model, random, room).label,
      method: 'POST',
      path: `/v3/rooms/${room.label}/${action}`,
      body: { user_id: target, ...(random.oneIn(3) && { reason: words(random) }) },
      onSuccess: () => void room.members.set(target, becomes),
    }
  }

interface StateChoice {
  readonly type: string
  readonly key?: string
  readonly content: object
}

const stateOf = (model: Model, random: Random, room: ModelRoom, sender: string): StateChoice => {
  const aliases = room.aliases
  const choices: readonly (() => StateChoice)[] = [
    () => ({ type: 'm.room.name', content: { name: random.oneIn(5) ? '' : words(random) } }),
    () => ({ type: 'm.room.topic', content: { topic: words(random) } }),
    () => ({ type: 'm.room.avatar', content: { url: 'mxc://hs.test/avatar' } }),
    () => ({
      type: 'm.room.join_rules',
      content: { join_rule: random.pick(['public', 'public', 'invite', 'knock', 'restricted']), allow: [] },
    }),
    () => ({ type: 'm.room.history_visibility', content: { history_visibility: random.pick(HISTORY) } }),
    () => ({ type: 'm.room.guest_access', content: { guest_access: random.pick(['can_join', 'forbidden']) } }),
    () => ({ type: 'm.room.pinned_events', content: { pinned: room.events.slice(-2).map(({ label }) => label) } }),
    () => ({
      type: 'm.room.canonical_alias',
      content: aliases.length === 0 ? {} : { alias: random.pick(aliases), alt_aliases: aliases.slice(0, 2) },
    }),
    () => ({ type: 'com.example.state', key: `key${random.int(3)}`, content: { n: random.int(100) } }),
    () => ({ type: 'm.room.member', key: sender, content: { membership: 'join', displayname: words(random) } }),
    () => ({ type: 'm.space.child', key: random.pick(model.rooms).label, content: { via: [SERVER] } }),
    () => ({ type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }),
    () => ({
      type: 'm.room.power_levels',
      content: {
        users: {
          ...(room.version !== '12' && { [room.creator]: 100 }),
          [random.pick(model.users)]: random.pick([0, 50]),
        },
        events: { 'm.room.name': 50 },
        users_default: 0,
        state_default: random.pick([0, 50]),
        invite: 0,
      },
    }),
  ]
  return random.pick(choices)()
}

const setState: MakeAction = (model, random) => {
  const room = anyRoom(model, random)
  if (room === undefined) return undefined
  const by = ownerOf(model, random, room)
  const { type, key = '', content } = stateOf(model, random, room, by.userId)
  const label = model.fresh('event')
  return {
    name: `set ${type}`,
    by: by.label,
    method: 'PUT',
    path: `/v3/rooms/${room.label}/state/${type}/${key.startsWith('<') ? key : encodeURIComponent(key)}`,
    body: content,
    binds: { [label]: 'event_id' },
    onSuccess() {
      room.events.push({ label, sender: by.userId, type, isRoot: false })
      if (type === 'm.room.member') moved(room, by.userId)
    },
  }
}

const upgrade: MakeAction = (model, random) => {
  const room = anyRoom(model, random)
  if (room === undefined) return undefined
  const label = model.fresh('room')
  const by = ownerOf(model, random, room)
  const version = random.pick(['10', '11', '12'])
  return {
    name: 'upgrade a room',
    by: by.label,
    method: 'POST',
    path: `/v3/rooms/${room.label}/upgrade`,
    body: { new_version: version },
    binds: { [label]: 'replacement_room' },
    onSuccess() {
      const members = new Map([[by.userId, 'join']])
      model.rooms.push({
        label,
        version,
        creator: by.userId,
        members,
        ownMoves: new Map(),
        events: [],
        aliases: room.aliases.splice(0),
      })
    },
  }
}

const typing: MakeAction = (model, random) => {
  const room = anyRoom(model, random)
  if (room === undefined) return undefined
  const by = someoneIn(model, random, room)
  const isTyping = !random.oneIn(3)
  return {
    name: 'type',
    by: by.label,
    method: 'PUT',
    path: `/v3/rooms/${room.label}/typing/${encodeURIComponent(by.userId)}`,
    // Until long after the script.
    body: isTyping ? { typing: true, timeout: 600_000 } : { typing: false },
  }
}

export const roomActions: Weighted = [
  [10, createRoom],
  [10, move('invite', 'invite', 'invite', ['none', 'leave', 'knock'])],
  [14, ownMove('join', '/join/{room}', 'join', ['invite', 'leave'])],
  [8, ownMove('join by ID', '/rooms/{room}/join', 'join', ['invite', 'none', 'leave'])],
  [6, ownMove('leave', '/rooms/{room}/leave', 'leave', ['join', 'invite', 'knock'])],
  [3, ownMove('forget', '/rooms/{room}/forget', undefined, ['leave', 'ban'])],
  [4, ownMove('knock', '/knock/{room}', 'knock', ['none', 'leave'])],
  [4, move('kick', 'kick', 'leave', ['join', 'invite', 'knock'])],
  [3, move('ban', 'ban', 'ban', ['join', 'leave'])],
  [3, move('unban', 'unban', 'leave', ['ban'])],
  [18, setState],
  [1, upgrade],
  [4, typing],
]
