/**
 * Which lines of the bus a process reads. Most are of no concern to it, so they are dropped by their first words, before
 * anything is parsed or copied.
 */

import type { CommandName } from './commands.ts'

export interface Interests {
  /** Own RDATA and POSITION come back from the bus, and are dropped. */
  readonly instance: string
  /** Of RDATA and POSITION. */
  readonly streams: ReadonlySet<string>
  /** Besides RDATA, POSITION and REPLICATE. */
  readonly commands: ReadonlySet<CommandName>
}

export function makeFilter({ instance, streams, commands }: Interests): (line: string) => boolean {
  const own = `${instance} `
  const isForeign = (line: string, from: number): boolean => {
    const space = line.indexOf(' ', from)
    return space !== -1 && streams.has(line.slice(from, space)) && !line.startsWith(own, space + 1)
  }
  return (line) => {
    if (line.startsWith('RDATA ')) return isForeign(line, 6)
    if (line.startsWith('POSITION ')) return isForeign(line, 9)
    const space = line.indexOf(' ')
    const name = space === -1 ? line : line.slice(0, space)
    return name === 'REPLICATE' || commands.has(name as CommandName)
  }
}
