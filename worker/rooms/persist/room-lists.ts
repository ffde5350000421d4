/** What a batch changes of the rows that lists of rooms are made of (`sliding_sync_*`). */

import { type EventId, type RoomId, type ServerName, serverNameOf, type UserId } from '../../../shared/matrix/ids.ts'
import type { StateMap } from '../../../shared/matrix/state-map.ts'
import type { Membership } from '../../storage/memberships.ts'
import type { MembershipSnapshot, RoomFacts } from '../../storage/sliding-sync-rooms.ts'
import type { KnownEvent } from '../event-store.ts'
import { FACT_TYPES, factEventIds, factsOf } from '../room-facts.ts'
import { entryOf, type StateEntryChange } from '../state-maps.ts'

export interface RoomListChanges {
  /** What the room is from now on; undefined: as it was. */
  readonly facts: RoomFacts | undefined
  /** Of our users whose membership changed. */
  readonly snapshots: readonly MembershipSnapshot[]
}

export const noRoomListChanges: RoomListChanges = { facts: undefined, snapshots: [] }

const isFact = ({ type, stateKey }: StateEntryChange): boolean =>
  stateKey === '' && (FACT_TYPES as readonly string[]).includes(type)

const isOurs = ({ type, stateKey }: StateEntryChange, serverName: ServerName): boolean =>
  type === 'm.room.member' && serverNameOf(stateKey as UserId) === serverName

/** Events that have to be known for {@link roomListChanges}; mostly none. */
export const neededForRoomLists = (
  changes: readonly StateEntryChange[],
  after: StateMap,
  serverName: ServerName,
): readonly EventId[] =>
  changes.some((change) => isFact(change) || isOurs(change, serverName)) ? factEventIds(after) : []

export interface RoomListDeps {
  readonly roomId: RoomId
  readonly serverName: ServerName
  readonly changes: readonly StateEntryChange[]
  readonly after: StateMap
  /** Of the batch, and of those that were asked for. */
  readonly find: (eventId: EventId) => Pick<KnownEvent, 'event' | 'streamOrdering' | 'instanceName'> | undefined
}

const MEMBERSHIPS: ReadonlySet<unknown> = new Set<Membership>(['join', 'invite', 'knock', 'leave', 'ban'])

export function roomListChanges({ roomId, serverName, changes, after, find }: RoomListDeps): RoomListChanges {
  const ours = changes.filter((change) => isOurs(change, serverName))
  const isChanged = changes.some(isFact)
  if (ours.length === 0 && !isChanged) return noRoomListChanges
  const facts = factsOf((type) => {
    const eventId = entryOf(after, type, '')
    return eventId === undefined ? undefined : find(eventId)?.event.content
  })
  const snapshots = ours.flatMap(({ stateKey, eventId }): MembershipSnapshot[] => {
    const known = eventId === null ? undefined : find(eventId)
    const membership = known?.event.content.membership
    if (known === undefined || !MEMBERSHIPS.has(membership)) return []
    return [
      {
        roomId,
        userId: stateKey as UserId,
        sender: known.event.sender,
        eventId: known.event.eventId,
        membership: membership as Membership,
        eventStreamOrdering: known.streamOrdering,
        instanceName: known.instanceName,
        facts,
      },
    ]
  })
  return { facts: isChanged ? facts : undefined, snapshots }
}
