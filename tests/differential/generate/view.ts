/** The room as someone about to act sees it. */

import type { UserId } from '../../../shared/matrix/ids.ts'
import type { JsonObject, JsonValue } from '../../../shared/matrix/json/value.ts'
import type { RoomVersion } from '../../../shared/matrix/room-version.ts'
import type { StateLookup } from '../../../shared/matrix/state-map.ts'
import type { Random } from '../../harness/random.ts'
import { world } from './world.ts'

/** Once in `n` times, and never in a tame history: something that no client makes, and no rule has in mind. */
export type Oddly = (n: number) => boolean

export interface View {
  readonly oddly: Oddly
  readonly random: Random
  readonly version: RoomVersion
  readonly state: StateLookup
  /** IDs of events that were sent, for redactions. */
  readonly sent: readonly string[]
  content(type: string, stateKey?: string): JsonObject | undefined
  membership(user: UserId): JsonValue | undefined
  anyone(): UserId
  /** Someone of that membership, or anyone if there is none. */
  someone(...memberships: readonly string[]): UserId
  /** Most often someone joined. */
  sender(): UserId
  /** Half of the time who made the room, and may do most. */
  admin(): UserId
}

export const makeView = (
  random: Random,
  oddly: Oddly,
  version: RoomVersion,
  state: StateLookup,
  sent: readonly string[],
): View => {
  const content = (type: string, stateKey = '') => state(type, stateKey)?.content
  const membership = (user: UserId) => content('m.room.member', user)?.membership
  const anyone = () => random.pick(world.users)
  const someone = (...memberships: readonly string[]) => {
    const found = world.users.filter((user) => memberships.includes(`${membership(user)}`))
    return found.length > 0 ? random.pick(found) : anyone()
  }
  const sender = () => (random.oneIn(8) ? anyone() : someone('join'))
  const creator = state('m.room.create', '')?.sender
  return {
    random,
    oddly,
    version,
    state,
    sent,
    content,
    membership,
    anyone,
    someone,
    sender,
    admin: () => (creator !== undefined && random.oneIn(2) ? creator : sender()),
  }
}
