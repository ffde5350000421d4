/** A room's history over several servers that hear of one another late: forks, races, merges. */

import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import type { RoomId, ServerName } from '../../../shared/matrix/ids.ts'
import { type RoomVersionId, roomVersions } from '../../../shared/matrix/room-version.ts'
import { makeRandom, type Random } from '../../harness/random.ts'
import type { Question } from '../question.ts'
import { create, draft } from './drafts.ts'
import { voucherOf } from './membership.ts'
import { firstPowerLevels } from './power-levels.ts'
import { type Distortion, type Draft, makeRoom, type Room } from './room.ts'
import { makeView, type Oddly } from './view.ts'
import { serverOf, world } from './world.ts'

const VERSIONS = Object.keys(roomVersions) as RoomVersionId[]
const MAX_STEPS = 60

/** The history of that number, of the series that begins with `seed`: the versions take turns. */
export const generate = (seed: number, number: number): Question => {
  const version = roomVersions[VERSIONS[number % VERSIONS.length]!]
  const random = makeRandom(Math.imul(seed + 1, 0x9e3779b1) + number)
  const isTame = Math.floor(number / VERSIONS.length) % 2 === 0
  const oddly: Oddly = (n) => !isTame && random.oneIn(n)
  const created = create(random, oddly, version.id, version.roomIdIsCreateHash)
  const domain = random.oneIn(20) ? random.pick(world.servers) : serverOf(created.sender)
  const room = makeRoom(version, `!r${number}:${domain}` as RoomId)
  let ts = 1_700_000_000_000
  room.append(created, [], ts)
  if (room.rejected.size === 0) grow(room, created.sender)
  return {
    version: version.id,
    isTame,
    roomId: room.roomId,
    events: room.events.map(({ json }) => json),
    ids: room.events.map(({ eventId }) => eventId),
    rejected: [...room.rejected],
    keys: world.seeds,
    checks: room.checks,
    resolutions: resolutions(room, random),
  }

  function grow(room: Room, creator: Draft['sender']): void {
    const sequence = [0]
    const add = (one: Draft, distortion?: Distortion): void => {
      ts += random.pick([0, 1, 1000])
      const index = room.append(one, sequence.slice(-1), ts, distortion)
      if (!room.rejected.has(index)) sequence.push(index)
    }
    add({ type: 'm.room.member', stateKey: creator, sender: creator, content: { membership: 'join' } })
    if (!random.oneIn(10)) {
      const view = makeView(random, oddly, version, room.lookup(room.stateAfter(sequence.at(-1)!)), [])
      add({ type: 'm.room.power_levels', stateKey: '', sender: creator, content: firstPowerLevels(view, creator) })
    }
    if (isTame || !random.oneIn(10)) {
      const rule = random.pick(['public', 'public', 'invite', version.knocking ? 'knock' : 'public'])
      add({ type: 'm.room.join_rules', stateKey: '', sender: creator, content: { join_rule: rule } })
    }
    for (const user of [random.pick(world.users), random.pick(world.users), random.pick(world.users)])
      add({ type: 'm.room.member', stateKey: user, sender: user, content: { membership: 'join' } })

    /** What each server has seen and nobody there has built on. */
    const extremities = new Map(world.servers.map((server) => [server, new Set([sequence.at(-1)!])]))
    const steps = 10 + random.int(MAX_STEPS - 10)
    for (let step = 0; step < steps; step++) {
      if (random.oneIn(4)) hear(extremities, random)
      ts += random.pick([0, 0, 1, 500])
      act(room, extremities, random, oddly, ts)
    }
  }
}

/** A server hears what another has. */
const hear = (extremities: ReadonlyMap<ServerName, Set<number>>, random: Random): void => {
  const [from, to] = [random.pick(world.servers), random.pick(world.servers)]
  for (const event of extremities.get(from)!) extremities.get(to)!.add(event)
}

const act = (
  room: Room,
  extremities: ReadonlyMap<ServerName, Set<number>>,
  random: Random,
  oddly: Oddly,
  ts: number,
): void => {
  const server = random.pick(world.servers)
  const seen = extremities.get(server)!
  const prevs = [...seen].sort((a, b) => b - a).slice(0, random.pick([1, 3, 5, 5]))
  const view = makeView(
    random,
    oddly,
    room.version,
    room.lookup(room.stateBefore(prevs)),
    room.events.map(({ eventId }) => eventId),
  )
  const one = draft(view)
  // A server's clock may be behind by a minute, or ahead.
  const skew = random.pick([0, 0, 0, -60_000, 60_000])
  const index = room.append(one, prevs, ts + skew, distortion(room, one, random))
  if (room.rejected.has(index)) return
  for (const prev of prevs) seen.delete(prev)
  seen.add(index)
}

const distortion = (room: Room, one: Draft, random: Random): Distortion => {
  const own = serverOf(one.sender)
  const voucher = voucherOf(one)
  const signers = voucher === undefined || voucher === own ? [own] : [own, voucher]
  return {
    signers: random.oneIn(30) ? signers.slice(random.int(2)).slice(0, 1) : signers,
    ...(random.oneIn(12) ? { authEvents: strayAuthEvents(room, random) } : {}),
    ...(random.oneIn(60) ? { roomId: '!elsewhere:a.test' as RoomId } : {}),
  }
}

/** One auth event less, one of another time or kind more, one twice. */
const strayAuthEvents =
  (room: Room, random: Random) =>
  (selected: readonly RoomEvent[]): readonly RoomEvent[] => {
    const other = () => random.pick(room.events)
    const sameKey = (like: RoomEvent) =>
      room.events.filter(({ type, stateKey }) => type === like.type && stateKey === like.stateKey)
    switch (random.int(5)) {
      case 0: {
        const gone = random.int(selected.length + 1)
        return selected.filter((_, i) => i !== gone)
      }
      case 1:
        return [...selected, other()]
      case 2:
        return selected.map((one) => random.pick(sameKey(one)))
      case 3:
        return selected.flatMap((one) => (random.oneIn(2) ? [one, random.pick(sameKey(one))] : [one]))
      default: {
        const rejected = [...room.rejected].map((index) => room.events[index]!)
        return rejected.length === 0 ? selected : [...selected.slice(0, -1), random.pick(rejected)]
      }
    }
  }

/** The merges that the history has, and states of moments far apart. */
const resolutions = (room: Room, random: Random): number[][][] => {
  const merges = room.events
    .map(({ prevEvents }) => prevEvents.map((id) => room.events.findIndex(({ eventId }) => eventId === id)))
    .filter((prevs) => prevs.length > 1)
  const apart = Array.from({ length: room.events.length > 8 ? 6 : 0 }, () =>
    Array.from({ length: 2 + random.int(3) }, () => random.int(room.events.length)),
  )
  return [...merges, ...apart].map((prevs) => prevs.map((prev) => room.indexes(room.stateAfter(prev))))
}
