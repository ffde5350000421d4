/**
 * Positions of a stream that lives in its one writer's memory. The writer begins with the time in milliseconds: so what it says is
 * after all that it said in an earlier life, as there are never a thousand rows a second, and tokens of clients from before are
 * before it. Should its clock have gone back, what a reader knows has to go back too.
 */

export interface MemoryPositions {
  readonly positionOf: (instance: string) => number
  readonly minimalLocal: () => number
  /** The writer said where it is: forward, or back. */
  readonly advance: (instance: string, position: number) => void
  /** The next position of this process, which is the writer. */
  readonly next: () => number
}

/** `begin`: of this process, if it is the writer. */
export function makeMemoryPositions(instance: string, begin: number | undefined): MemoryPositions {
  const positions = new Map<string, number>(begin === undefined ? [] : [[instance, begin]])
  const positionOf = (name: string) => positions.get(name) ?? 0
  return {
    positionOf,
    minimalLocal: () => positionOf(instance),
    advance: (name, position) => void positions.set(name, position),
    next() {
      const position = positionOf(instance) + 1
      positions.set(instance, position)
      return position
    },
  }
}
