/** Names of members as rules look for them, by the membership event, which does not change. */

import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { EventId, UserId } from '../../shared/matrix/ids.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { selectDisplayNames } from '../storage/memberships.ts'

/** The name of each of these users in the room, if they have one. */
export type DisplayNames = (
  event: RoomEvent,
  userIds: readonly UserId[],
  before: StateMap,
  batch: ReadonlyMap<EventId, RoomEvent> | undefined,
) => Promise<(userId: UserId) => string | undefined>

/** Of some hundred bytes each. */
const MAX_NAMES = 50_000
const nobody = () => undefined

export function makeDisplayNames(db: Queries): DisplayNames {
  /** `''`: none. */
  const names = makeLru<EventId, string>(MAX_NAMES)
  return async ({ content }, userIds, before, batch) => {
    // A name is looked for in the body alone.
    if (typeof content.body !== 'string') return nobody
    const members = before.get('m.room.member')
    if (members === undefined) return nobody
    const ids = userIds.flatMap((userId) => members.get(userId) ?? [])
    const missing = ids.filter((id) => !names.has(id))
    if (missing.length > 0) {
      const rows = await selectDisplayNames(db, missing)
      for (const { eventId, displayName } of rows) names.set(eventId, displayName ?? '')
    }
    return (userId) => {
      const id = members.get(userId)
      if (id === undefined) return undefined
      const name = names.get(id) ?? batch?.get(id)?.content.displayname
      return typeof name === 'string' && name !== '' ? name : undefined
    }
  }
}
