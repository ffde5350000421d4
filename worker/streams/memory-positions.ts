/**
 * Positions of a stream that lives in its one writer's memory. It starts from 0 with the writer, so what a reader knows may
 * have to go back.
 */

export interface MemoryPositions {
  readonly positionOf: (instance: string) => number
  readonly minimalLocal: () => number
  /** The writer said where it is: forward, or back. */
  readonly advance: (instance: string, position: number) => void
  /** The next position of this process, which is the writer. */
  readonly next: () => number
}

export function makeMemoryPositions(instance: string): MemoryPositions {
  const positions = new Map<string, number>()
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
