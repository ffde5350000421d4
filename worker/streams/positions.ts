/**
 * How far each writer of a stream has got, as this process knows it: of other processes from what they announce, of this
 * one from the IDs that it reserved and finished. No I/O.
 *
 * A position promises that all IDs up to it that the process was given are finished (written, or given up). IDs are
 * finished in any order, so a position stays below the lowest that is not.
 */

import { insert, remove } from './ascending.ts'
import { type MultiWriterToken, tokenOf } from './vector-clock.ts'

export interface Positions {
  /**
   * How far `instance` has got: at least as far as all have. Of this process: how far it could say it has, which is beyond
   * its last ID when others went on and it has nothing under way.
   */
  readonly positionOf: (instance: string) => number
  /** This process's last ID below which all its IDs are finished: how far one must read to see what it wrote. */
  readonly minimalLocal: () => number
  /** Up to here every writer has finished everything. Where everyone writes, that is only known of when it was loaded. */
  readonly persistedUpTo: () => number
  /** `persistedUpTo` and the writers that are ahead of it: what a client that reads now may see. */
  readonly token: () => MultiWriterToken
  /**
   * Another process announced `position`. Positions never go back. `isRow`: it is an ID that is finished, so that one may
   * go on from the ID before it. A position alone is not: a writer that starts says the last ID that anyone was given.
   */
  readonly advance: (instance: string, position: number, isRow: boolean) => void
}

export interface LocalPositions extends Positions {
  /** IDs are being asked for. Until they are known, this process's position stays where it cannot pass them. */
  readonly startReserving: () => Reserving
  /** Written or given up. True if this process's position moved. */
  readonly finish: (ids: readonly number[]) => boolean
}

export interface Reserving {
  /** Those that were given; none where that failed. */
  readonly reserved: (ids: readonly number[]) => void
}

/** What the database says at start. */
export interface LoadedPositions {
  readonly positions: ReadonlyMap<string, number>
  /** IDs after the lowest of `positions` that are known to be persisted, ascending. */
  readonly persisted: readonly number[]
  readonly persistedUpTo: number
}

/** Who may reserve IDs. `everyone`: it is not known who else does, so nobody's position says anything of the others. */
export type Writing = 'this and others' | 'others' | 'everyone'

/** `instance` is this process. */
export function makePositions(instance: string, writing: Writing, loaded: LoadedPositions): LocalPositions {
  const [isWriter, isEveryone] = [writing !== 'others', writing === 'everyone']
  const positions = new Map(loaded.positions)
  let persistedUpTo = loaded.persistedUpTo
  /** Above `persistedUpTo`: there are gaps below them. */
  const known: number[] = []
  const unfinished: number[] = []
  /** Above the position, as there are unfinished ones below. */
  let finished: number[] = []
  /** For each request that is under way, the highest ID seen before it: what it will be given is above that. */
  const reserving: number[] = []
  let highestSeen = Math.max(1, persistedUpTo, ...positions.values())
  /** What this process may announce: see `positionOf`. */
  let local = 0

  const isBusy = () => unfinished.length > 0 || reserving.length > 0

  const lowestOfOthers = () => {
    let lowest = Number.POSITIVE_INFINITY
    for (const [name, position] of positions) if (name !== instance && position < lowest) lowest = position
    return lowest
  }

  const settle = () => {
    const own = positions.get(instance)
    let floor = lowestOfOthers()
    // While nothing is under way here, this process holds nobody up: its next ID will be above all that there are.
    if (own !== undefined && (isBusy() || floor === Number.POSITIVE_INFINITY)) floor = Math.min(floor, own)
    if (!isEveryone) {
      if (floor !== Number.POSITIVE_INFINITY && floor > persistedUpTo) persistedUpTo = floor
      let used = 0
      while (used < known.length && known[used]! <= persistedUpTo + 1)
        persistedUpTo = Math.max(persistedUpTo, known[used++]!)
      if (used > 0) known.splice(0, used)
    }
    local = Math.max(local, persistedUpTo, own ?? 0)
    if (isWriter && !isBusy()) local = Math.max(local, highestSeen)
  }

  const markPersisted = (id: number) => {
    if (id > persistedUpTo && !isEveryone) insert(known, id)
  }

  for (const id of loaded.persisted) {
    markPersisted(id)
    highestSeen = Math.max(highestSeen, id)
  }
  settle()

  return {
    positionOf(name) {
      if (name === instance) return local
      const position = positions.get(name)
      return isEveryone ? (position ?? persistedUpTo) : Math.max(position ?? 0, persistedUpTo)
    },
    minimalLocal: () => positions.get(instance) ?? persistedUpTo,
    persistedUpTo: () => persistedUpTo,
    token: () => tokenOf(persistedUpTo, positions),
    advance(name, position, isRow) {
      positions.set(name, Math.max(position, positions.get(name) ?? 0))
      highestSeen = Math.max(highestSeen, position)
      if (isRow) markPersisted(position)
      settle()
    },
    startReserving() {
      const floor = highestSeen
      insert(reserving, floor)
      return {
        reserved(ids) {
          for (const id of ids) {
            insert(unfinished, id)
            highestSeen = Math.max(highestSeen, id)
          }
          remove(reserving, floor)
        },
      }
    },
    finish(ids) {
      const before = local
      for (const id of ids) {
        remove(unfinished, id)
        finished.push(id)
        markPersisted(id)
      }
      // The lowest that may still be unfinished; a request under way is given IDs above its floor.
      const bound = Math.min(unfinished[0] ?? Number.POSITIVE_INFINITY, (reserving[0] ?? Number.POSITIVE_INFINITY) + 1)
      let position = positions.get(instance) ?? 0
      for (const id of finished) if (id < bound && id > position) position = id
      finished = finished.filter((id) => id >= bound)
      if (position > 0) positions.set(instance, position)
      settle()
      return local > before
    },
  }
}
