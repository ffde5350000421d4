/** What a script knows of the world that it makes: enough to do mostly what is allowed. */

import type { Random } from '../../harness/random.ts'

export const SERVER = 'hs.test'

export interface ModelDevice {
  readonly label: string
  readonly userId: string
  readonly deviceId: string
  /** It has synced: `<since.d1>` is where. */
  hasSince: boolean
}

export interface ModelEvent {
  readonly label: string
  readonly sender: string
  readonly type: string
  /** Root of a thread that was begun. */
  isRoot: boolean
}

export interface ModelRoom {
  readonly label: string
  readonly version: string
  readonly creator: string
  /** By user ID: `join`, `invite`, `leave`, `ban`, `knock`. */
  readonly members: Map<string, string>
  /** How often each user's membership was set by themselves. */
  readonly ownMoves: Map<string, number>
  readonly events: ModelEvent[]
  readonly aliases: string[]
}

export interface Model {
  readonly devices: readonly ModelDevice[]
  readonly users: readonly string[]
  readonly rooms: ModelRoom[]
  /** A label that no other thing has: `<event12>`. */
  readonly fresh: (kind: string) => string
  /** As {@link fresh}, as text: for transaction IDs and names. */
  readonly count: () => number
}

/** `deviceCounts`: how many devices each user has; they are named `A1`, `A2` … */
export const makeModel = (usernames: readonly string[], deviceCounts: readonly number[]): Model => {
  let counted = 0
  const users = usernames.map((name) => `@${name}:${SERVER}`)
  const devices = users.flatMap((userId, i) =>
    Array.from({ length: deviceCounts[i] ?? 1 }, (_, n): ModelDevice => {
      const deviceId = `${usernames[i]!.slice(0, 1).toUpperCase()}${n + 1}`
      return { label: deviceId.toLowerCase(), userId, deviceId, hasSince: false }
    }),
  )
  const count = () => ++counted
  return { devices, users, rooms: [], count, fresh: (kind) => `<${kind}${count()}>` }
}

export const moved = ({ ownMoves }: ModelRoom, userId: string): void =>
  void ownMoves.set(userId, (ownMoves.get(userId) ?? 0) + 1)

// What generators choose from.

export const anyRoom = ({ rooms }: Model, random: Random): ModelRoom | undefined =>
  // The newest are where something happens.
  rooms.length === 0 ? undefined : random.oneIn(3) ? random.pick(rooms) : random.pick(rooms.slice(-4))

export const deviceOf = ({ devices }: Model, random: Random, userId: string): ModelDevice =>
  random.pick(devices.filter((device) => device.userId === userId))

/** Mostly somebody who is in the room, sometimes anybody. */
export const someoneIn = (model: Model, random: Random, room: ModelRoom): ModelDevice => {
  const members = [...room.members].filter(([, membership]) => membership === 'join').map(([userId]) => userId)
  return members.length === 0 || random.oneIn(10)
    ? random.pick(model.devices)
    : deviceOf(model, random, random.pick(members))
}

/** Mostly the creator, who may do all. */
export const ownerOf = (model: Model, random: Random, room: ModelRoom): ModelDevice =>
  random.oneIn(4) ? someoneIn(model, random, room) : deviceOf(model, random, room.creator)

export const anyEvent = (random: Random, room: ModelRoom): ModelEvent | undefined =>
  room.events.length === 0 ? undefined : random.pick(random.oneIn(3) ? room.events : room.events.slice(-8))

const WORDS = ['apple', 'bridge', 'cloud', 'dance', 'early', 'flower', 'garden', 'honest', 'island', 'jacket']
export const words = (random: Random): string =>
  Array.from({ length: 1 + random.int(4) }, () => random.pick(WORDS)).join(' ')
