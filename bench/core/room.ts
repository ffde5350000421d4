/**
 * A room as large as is asked for, and states of it that went apart: members of many servers who come, go and are banned,
 * moderators who are made one by one, topics and widgets. Every event has the auth events that the rules select and is
 * allowed by the state before it. From a seed; IDs and content hashes are real, signatures of the right size.
 */

import { selectAuthEvents } from '../../shared/matrix/event-auth/auth-events.ts'
import { authorise } from '../../shared/matrix/event-auth/authorise.ts'
import { protoEvent } from '../../shared/matrix/events/build.ts'
import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import { storedEvent } from '../../shared/matrix/events/read.ts'
import { contentHash, eventIdOf } from '../../shared/matrix/hashes.ts'
import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { type RoomVersion, type RoomVersionId, roomVersions } from '../../shared/matrix/room-version.ts'
import type { StateLookup, StateMap } from '../../shared/matrix/state-map.ts'
import { makeRandom, type Random } from '../../tests/harness/random.ts'

export interface Draft {
  readonly type: string
  readonly sender: UserId
  /** Undefined: not a state event. */
  readonly stateKey?: string
  readonly content: JsonObject
}

export interface Room {
  readonly name: string
  readonly version: RoomVersion
  readonly roomId: RoomId
  readonly admin: UserId
  readonly moderators: readonly UserId[]
  /** All that were made, the create event first. */
  readonly events: readonly RoomEvent[]
  readonly state: StateMap
  readonly event: (id: EventId) => RoomEvent | undefined
  readonly indexOf: (id: EventId) => number
  readonly lookup: (state: StateMap) => StateLookup
  /** An event on the room's state, which it does not change. Throws if it is not allowed. */
  readonly make: (draft: Draft) => RoomEvent
  /** The first `count` states that each changed `changes` entries of the room's state, unaware of each other. */
  readonly forks: (count: number, changes: number) => readonly StateMap[]
}

type Growing = Map<string, Map<string, EventId>>

interface Branch {
  readonly state: Growing
  prev: RoomEvent[]
  ts: number
}

const START_TS = 1_700_000_000_000
const SIGNATURE = 'k1GRnYfEEXCkVQoiH1TzjYZtFZ7SmPsrjjKoFyH9wMrBAYOUyMCxPZBxGNmGBNxEOBdFMwDXrmNAjuUoOOcBDw'

/**
 * @param size entries of the room's state
 * @param moderators with a power level of their own from the room's beginning; more become one as it grows
 */
export function makeRoom(versionId: RoomVersionId, size: number, moderatorCount: number, seed: number): Room {
  const version = roomVersions[versionId]
  const random = makeRandom(seed)
  const events: RoomEvent[] = []
  const byId = new Map<EventId, RoomEvent>()
  const positions = new Map<EventId, number>()
  const event = (id: EventId) => byId.get(id)
  const lookup =
    (state: StateMap): StateLookup =>
    (type, stateKey) => {
      const id = state.get(type)?.get(stateKey)
      return id === undefined ? undefined : event(id)
    }

  const serverCount = Math.ceil(Math.sqrt(size))
  const userName = (name: string, n: number) => `@${name}${n}:server${n % serverCount}.example` as UserId
  const admin = '@admin:server0.example' as UserId
  const moderators = Array.from({ length: moderatorCount }, (_, n) => userName('moderator', n))
  let roomId: RoomId | undefined = version.roomIdIsCreateHash ? undefined : ('!bench:server0.example' as RoomId)

  /** Undefined: the rules do not allow it. */
  function make({ state, prev, ts }: Branch, draft: Draft): RoomEvent | undefined {
    const { type, stateKey, sender, content } = draft
    const authEvents = selectAuthEvents({ type, stateKey, sender, content }, version, lookup(state))
    const server = sender.slice(sender.indexOf(':') + 1)
    const newEventId = `$${events.length}:${server}` as EventId
    const place = { prevEvents: prev, authEvents, originServerTs: ts }
    const proto = protoEvent(version, { roomId, type, stateKey, sender, content }, place, newEventId)
    // As parsed from a server's text: not one hidden class for all, no string shared.
    const json = JSON.parse(
      canonicalJson({
        ...proto,
        hashes: { sha256: contentHash(proto) },
        signatures: { [server]: { 'ed25519:a_Bc': SIGNATURE } },
      }),
    ) as JsonObject
    const made = storedEvent(json, version, eventIdOf(json, version))
    if (authorise(made, version, lookup(state)) !== undefined) return undefined
    byId.set(made.eventId, made)
    positions.set(made.eventId, events.length)
    events.push(made)
    return made
  }

  function append(branch: Branch, draft: Draft): boolean {
    branch.ts += 1 + random.int(60_000)
    const made = make(branch, draft)
    if (made === undefined) return false
    branch.prev = [made]
    const { type, stateKey, eventId } = made
    if (stateKey === undefined) return true
    const keys = branch.state.get(type)
    if (keys === undefined) branch.state.set(type, new Map([[stateKey, eventId]]))
    else keys.set(stateKey, eventId)
    return true
  }

  const trunk: Branch = { state: new Map(), prev: [], ts: START_TS }
  const content = ({ state }: Branch, type: string) => lookup(state)(type, '')?.content
  const set = (sender: UserId, type: string, value: JsonObject, stateKey = ''): Draft => ({
    type,
    sender,
    stateKey,
    content: value,
  })
  const member = (sender: UserId, value: string, target = sender): Draft =>
    set(sender, 'm.room.member', value === 'join' ? profile(random, target) : { membership: value }, target)

  /** With one moderator more. */
  function promotion(branch: Branch, user: UserId): Draft {
    const levels = content(branch, 'm.room.power_levels')!
    return set(admin, 'm.room.power_levels', { ...levels, users: { ...(levels.users as JsonObject), [user]: 50 } })
  }

  const creator = version.creator === 'content' ? { creator: admin } : {}
  const beginning = [
    set(admin, 'm.room.create', { room_version: versionId, ...creator }),
    member(admin, 'join'),
    set(admin, 'm.room.power_levels', {
      ban: 50,
      events: { 'm.room.avatar': 50, 'm.room.name': 50, 'm.room.power_levels': 100, 'm.room.server_acl': 100 },
      events_default: 0,
      invite: 0,
      kick: 50,
      redact: 50,
      state_default: 50,
      users: Object.fromEntries([
        ...(version.creatorsAbovePowerLevels ? [] : [[admin, 100]]),
        ...moderators.map((user) => [user, 50]),
      ]),
      users_default: 0,
    }),
    set(admin, 'm.room.join_rules', { join_rule: 'public' }),
    set(admin, 'm.room.history_visibility', { history_visibility: 'shared' }),
    set(admin, 'm.room.guest_access', { guest_access: 'forbidden' }),
    set(admin, 'm.room.name', { name: 'The room that everybody is in' }),
    set(admin, 'm.room.topic', { topic: 'Whatever is on your mind' }),
    set(admin, 'm.room.canonical_alias', { alias: '#everybody:server0.example' }),
    set(admin, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' }),
    ...moderators.map((user) => member(user, 'join')),
  ]
  for (const draft of beginning) {
    if (!append(trunk, draft)) throw new Error(`not allowed: ${JSON.stringify(draft)}`)
    roomId ??= events[0]!.roomId
  }

  const users: UserId[] = []
  const entries = () => [...trunk.state.values()].reduce((sum, keys) => sum + keys.size, 0)
  // Large rooms are old: their memberships rest on many power levels, one after the other.
  const promotionEvery = Math.max(20, Math.round(size / (5 + size / 1000)))
  for (let left = size - entries(); left > 0; left--) {
    if (random.oneIn(25)) {
      append(trunk, set(random.pick(moderators), 'im.vector.modular.widgets', widget(random), `widget_${left}`))
      continue
    }
    const user = userName('user', users.length)
    users.push(user)
    append(trunk, member(user, 'join'))
    if (users.length % promotionEvery === 0) append(trunk, promotion(trunk, user))
    if (random.oneIn(25)) append(trunk, member(user, 'leave'))
    else if (random.oneIn(50)) append(trunk, member(random.pick(moderators), 'ban', user))
  }

  let newcomers = 0
  /** What happens in a room in a bad hour. */
  function happening(branch: Branch): Draft {
    const chance = random.int(100)
    if (chance < 30) return member(userName('newcomer', newcomers++), 'join')
    const user = users.length > 0 ? random.pick(users) : admin
    if (chance < 50) return member(user, 'join')
    if (chance < 65) return member(user, 'leave')
    const moderator = random.pick(moderators)
    if (chance < 80) return member(moderator, 'ban', user)
    if (chance < 90) return member(moderator, 'leave', user)
    if (chance < 94)
      return set(moderator, 'im.vector.modular.widgets', widget(random), `widget_${random.int(size)}_new`)
    if (chance < 97) return set(moderator, 'm.room.topic', { topic: `The topic of ${branch.ts}` })
    if (chance < 99) return promotion(branch, user)
    const isPublic = content(branch, 'm.room.join_rules')?.join_rule === 'public'
    return set(admin, 'm.room.join_rules', { join_rule: isPublic ? 'invite' : 'public' })
  }

  function fork(changes: number): StateMap {
    const branch: Branch = { ...trunk, state: new Map([...trunk.state].map(([type, keys]) => [type, new Map(keys)])) }
    const changed = new Set<string>()
    while (changed.size < changes) {
      const draft = happening(branch)
      if (append(branch, draft)) changed.add(`${draft.type} ${draft.stateKey}`)
    }
    return branch.state
  }
  const made = new Map<number, StateMap[]>()

  return {
    name: `${versionId}/${size}/${moderatorCount}/${seed}`,
    version,
    roomId: roomId!,
    admin,
    moderators,
    events,
    state: trunk.state,
    event,
    indexOf: (id) => positions.get(id)!,
    lookup,
    make(draft) {
      const one = make({ ...trunk, ts: trunk.ts + random.int(60_000) }, draft)
      if (one === undefined) throw new Error(`not allowed: ${JSON.stringify(draft)}`)
      return one
    },
    forks(count, changes) {
      const known = made.get(changes) ?? []
      made.set(changes, known)
      while (known.length < count) known.push(fork(changes))
      return known.slice(0, count)
    },
  }
}

const profile = (random: Random, user: UserId): JsonObject => ({
  avatar_url: `mxc://${user.slice(user.indexOf(':') + 1)}/${random.int(1e9).toString(36)}${random.int(1e9).toString(36)}`,
  displayname: `${user.slice(1, user.indexOf(':'))} the ${random.pick(['First', 'Second', 'Third', 'Élégant', '🦊'])}`,
  membership: 'join',
})

const widget = (random: Random): JsonObject => ({
  data: { title: `Board ${random.int(1000)}` },
  name: 'Board',
  type: 'm.custom',
  url: `https://widgets.example/${random.int(1e9)}?user=$matrix_user_id&room=$matrix_room_id`,
})
