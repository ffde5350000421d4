import type { EventId } from '../../../shared/matrix/ids.ts'
import type { RoomVersionId } from '../../../shared/matrix/room-version.ts'
import type { StateMap } from '../../../shared/matrix/state-map.ts'
import { makeAuthGraph } from '../../../shared/matrix/state-resolution/auth-graph.ts'
import { type ResolveOptions, resolveState } from '../../../shared/matrix/state-resolution/resolve.ts'
import { makeRandom } from '../../../tests/harness/random.ts'
import { digest } from '../digest.ts'
import type { Room } from '../room.ts'
import { benchRoom } from '../rooms.ts'
import type { Row } from '../row.ts'

interface Variant {
  readonly name: string
  /** What the caller has besides state sets and events. */
  readonly options?: (room: Room, sets: readonly StateMap[]) => ResolveOptions
  /** The sets as they are handed over, on both sides. */
  readonly sets?: (sets: readonly StateMap[]) => readonly StateMap[]
}

/** Each of the `forks` has `changes` entries that it set itself. */
const row = (version: RoomVersionId, size: number, forks: number, changes: number, variant?: Variant): Row => ({
  group: `state resolution, room version ${version}`,
  name: `${size.toLocaleString('en-GB')} state events, ${forks} forks of ${changes}${variant ? `, ${variant.name}` : ''}`,
  goal: 5,
  prepare() {
    const room = benchRoom(version, size)
    const made = room.forks(forks, changes)
    const sets = variant?.sets?.(made) ?? made
    const options = variant?.options?.(room, sets)
    const resolve = (): StateMap => {
      const resolution = resolveState(room.version, sets, room.event, options)
      if ('missing' in resolution) throw new Error(`missing: ${resolution.missing}`)
      return resolution.state
    }
    return {
      items: 1,
      once: () => resolve().size,
      answer: digest([...idsOf(resolve())].sort()),
      task: 'resolve',
      input: { sets: sets.map((set) => [...idsOf(set)].map(room.indexOf)) },
      room,
    }
  },
})

function* idsOf(state: StateMap): Generator<EventId> {
  for (const keys of state.values()) yield* keys.values()
}

/** As a worker does for rooms that are often in conflict. */
const graphKept: Variant = { name: 'auth graph kept', options: () => ({ graph: makeAuthGraph() }) }

/** As Synapse's database has it. */
const differenceGiven: Variant = {
  name: 'auth difference given',
  options: (room, sets) => ({ authDifference: authDifference(room, sets) }),
}

function authDifference(room: Room, sets: readonly StateMap[]): readonly EventId[] {
  const reachedBy = new Map<EventId, number>()
  for (const set of sets) {
    const chain = new Set(idsOf(set))
    for (const id of chain) for (const authId of room.event(id)!.authEvents) chain.add(authId)
    for (const id of chain) reachedBy.set(id, (reachedBy.get(id) ?? 0) + 1)
  }
  return [...reachedBy].filter(([, count]) => count < sets.length).map(([id]) => id)
}

/** As a database without an order hands them out; else forks have what they share in the same order. */
const inAnyOrder: Variant = {
  name: 'entries in any order',
  sets(sets) {
    const random = makeRandom(1)
    return sets.map((set) => new Map([...set].map(([type, keys]) => [type, shuffled(keys)] as const)))

    function shuffled<K, V>(map: ReadonlyMap<K, V>): Map<K, V> {
      const entries = [...map]
      for (let i = entries.length - 1; i > 0; i--) {
        const j = random.int(i + 1)
        ;[entries[i], entries[j]] = [entries[j]!, entries[i]!]
      }
      return new Map(entries)
    }
  },
}

const inAnyOrderKept: Variant = { ...inAnyOrder, ...graphKept, name: `${inAnyOrder.name}, ${graphKept.name}` }

export const resolutionRows: readonly Row[] = [
  ...[2, 5, 20].map((forks) => row('10', 100, forks, 5)),
  ...[2, 5, 20].map((forks) => row('10', 1000, forks, 20)),
  row('10', 30_000, 2, 50),
  row('10', 30_000, 2, 50, graphKept),
  row('10', 30_000, 2, 50, differenceGiven),
  row('10', 30_000, 5, 50),
  row('10', 30_000, 5, 50, inAnyOrder),
  row('10', 30_000, 5, 50, inAnyOrderKept),
  row('10', 30_000, 20, 50),
  row('10', 30_000, 2, 500),
  row('12', 1000, 5, 20),
  row('12', 30_000, 2, 500),
  row('1', 1000, 5, 20),
]
