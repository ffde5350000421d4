/** `m.presence` events of the answers of old, which have them with a room, or of all who share one with the user. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { type JsonText, jsonTextOf } from '../json-text.ts'
import type { Presence, UserPresence } from '../presence/presence.ts'
import type { Memberships } from '../rooms/memberships.ts'

export interface PresenceEvents {
  /** Of those who share a room with the user, and are not offline. */
  readonly ofThoseWith: (userId: UserId) => Promise<readonly JsonText[]>
  readonly of: (userIds: readonly UserId[]) => Promise<readonly JsonText[]>
}

export interface PresenceEventsDeps {
  /** Undefined: this server tells nobody's. */
  readonly presence: Pick<Presence, 'of'> | undefined
  readonly memberships: Pick<Memberships, 'ofUser' | 'joinedLocals'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export function makePresenceEvents({ presence, memberships, now }: PresenceEventsDeps): PresenceEvents {
  const print = ({ userId, state, lastActiveTs, statusMsg, currentlyActive }: UserPresence): JsonText =>
    jsonTextOf({
      type: 'm.presence',
      content: {
        presence: state,
        user_id: userId,
        ...(lastActiveTs > 0 && { last_active_ago: now() - lastActiveTs }),
        ...(statusMsg !== undefined && { status_msg: statusMsg }),
        ...(state === 'online' && { currently_active: currentlyActive }),
      },
    })
  return {
    async ofThoseWith(userId) {
      if (presence === undefined) return []
      const users = new Set<UserId>([userId])
      for (const { roomId, membership } of (await memberships.ofUser(userId)).values())
        if (membership === 'join') for (const member of await memberships.joinedLocals(roomId)) users.add(member)
      const found = await presence.of([...users])
      return [...found.values()].filter(({ state }) => state !== 'offline').map(print)
    },
    async of(userIds) {
      if (presence === undefined || userIds.length === 0) return []
      return [...(await presence.of(userIds)).values()].map(print)
    },
  }
}
