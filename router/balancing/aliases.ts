/**
 * Which room an alias stands for, learnt from the answers that pass by (`GET /directory/room/{roomAlias}`,
 * `POST /join/{roomIdOrAlias}`), so that a join by alias goes where the room's other requests go.
 */

import { hashString } from './key.ts'

export interface Aliases {
  /** The hash of the room that the alias with this hash stands for; any other hash is returned as it is. */
  resolve(hash: number): number
  /** Learns from an answer to a request about the alias with this hash. */
  learn(hash: number, answer: string): void
}

export const makeAliases = (maxEntries = 10_000): Aliases => {
  const rooms = new Map<number, number>()
  return {
    resolve: (hash) => rooms.get(hash) ?? hash,
    learn(hash, answer) {
      const roomId = /"room_id"\s*:\s*"(![^"\\]{1,255})"/.exec(answer)?.[1]
      if (roomId === undefined) return
      rooms.delete(hash)
      rooms.set(hash, hashString(Buffer.from(roomId, 'latin1').toString('utf8')))
      if (rooms.size > maxEntries) rooms.delete(rooms.keys().next().value!)
    },
  }
}
