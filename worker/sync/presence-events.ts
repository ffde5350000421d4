/** `m.presence` events of the answers of old, which say in their content whose they are. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { type JsonText, jsonTextOf } from '../json-text.ts'
import { presenceContent } from '../presence/state.ts'
import type { Memberships, OwnMembership } from '../rooms/memberships.ts'
import type { PresenceSectionDeps } from './presence.ts'

type Own = ReadonlyMap<RoomId, OwnMembership>

export interface PresenceEvents {
  /** Of those who share a room with the user, and are not offline. */
  readonly ofThoseWith: (userId: UserId) => Promise<readonly JsonText[]>
  readonly of: (userIds: Iterable<UserId>) => Promise<readonly JsonText[]>
  /** Whether memory says that there is nothing new for the user between these positions. */
  readonly isUnchanged: (userId: UserId, own: Own, from: number, upTo: number) => boolean
  readonly changed: (userId: UserId, own: Own, from: number, upTo: number) => Promise<readonly JsonText[]>
}

export interface PresenceEventsDeps {
  readonly presence: PresenceSectionDeps
  readonly memberships: Pick<Memberships, 'ofUser'>
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

export function makePresenceEvents({ presence, memberships, clock }: PresenceEventsDeps): PresenceEvents {
  const { online, settings } = presence
  const print = async (userIds: Iterable<UserId>, withOffline: boolean): Promise<readonly JsonText[]> => {
    const now = clock()
    return [...(await online.of(userIds))].flatMap(([userId, state]) =>
      state.state === 'offline' && !withOffline
        ? []
        : jsonTextOf({
            type: 'm.presence',
            content: { ...presenceContent(state, now, settings.times), user_id: userId },
          }),
    )
  }
  const joinedIn = (own: Own): readonly RoomId[] =>
    [...own.values()].flatMap(({ roomId, membership }) => (membership === 'join' ? roomId : []))

  return {
    async ofThoseWith(userId) {
      if (!settings.isEnabled) return []
      const rooms = joinedIn(await memberships.ofUser(userId))
      return print(new Set([userId, ...online.inRooms(rooms)]), false)
    },
    of: async (userIds) => (settings.isEnabled ? print(userIds, true) : []),
    isUnchanged: (userId, own, from, upTo) => from >= upTo || online.changed(userId, own, from, upTo)?.size === 0,
    async changed(userId, own, from, upTo) {
      if (from >= upTo) return []
      const users =
        online.changed(userId, own, from, upTo) ?? (await online.selectChanged(userId, joinedIn(own), from, upTo))
      return print(users, true)
    },
  }
}
