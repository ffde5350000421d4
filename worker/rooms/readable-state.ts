/** A room's state as somebody may read it: now, or as it was when they left. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import type { StateFilter } from '../storage/state-groups.ts'
import type { RoomToken } from '../streams/tokens.ts'
import type { EventStore, KnownEvent } from './event-store.ts'
import type { CheckReadingAccess } from './reading-access.ts'
import type { StateStore } from './state-store.ts'
import type { Timeline } from './timeline.ts'
import type { Visibility } from './visibility.ts'

export interface ReadableState {
  /** All of it, or one entry or type. Throws M_FORBIDDEN. */
  readonly now: (userId: UserId, roomId: RoomId, filter?: StateFilter) => Promise<StateMap>
  /** At that place. Throws M_NOT_FOUND where there is nothing before it, M_FORBIDDEN for who may not see what happened then. */
  readonly at: (userId: UserId, roomId: RoomId, token: RoomToken, filter?: StateFilter) => Promise<StateMap>
}

export interface ReadableStateDeps {
  readonly checkAccess: CheckReadingAccess
  readonly events: Pick<EventStore, 'get'>
  readonly state: StateStore
  readonly timeline: Pick<Timeline, 'lastBefore'>
  readonly visibility: Pick<Visibility, 'seesStateAfter'>
}

const NOTHING: StateMap = new Map()

export function makeReadableState({
  checkAccess,
  events,
  state,
  timeline,
  visibility,
}: ReadableStateDeps): ReadableState {
  /** Outliers have none: of an invitation that was declined there is no more to know. */
  const after = async (known: KnownEvent | undefined, filter: StateFilter | undefined): Promise<StateMap> => {
    const group = known?.stateGroup
    if (group === undefined) return NOTHING
    const maps = await (filter === undefined ? state.ofGroups([group]) : state.some([group], [filter]))
    return maps.get(group) ?? NOTHING
  }

  return {
    async now(userId, roomId, filter) {
      const access = await checkAccess(userId, roomId)
      if (access.as === 'former member')
        return after((await events.get([access.leaveEventId])).get(access.leaveEventId), filter)
      return part(await state.current(roomId), filter)
    },
    async at(userId, roomId, token, filter) {
      const eventId = await timeline.lastBefore(roomId, token)
      const known = eventId === undefined ? undefined : (await events.get([eventId])).get(eventId)
      if (known === undefined) throw new MatrixError('M_NOT_FOUND', "Can't find event at that token")
      if (!(await visibility.seesStateAfter(userId, known)))
        throw new MatrixError(
          'M_FORBIDDEN',
          `User ${userId} not allowed to view events in room ${roomId} at that token`,
        )
      return after(known, filter)
    },
  }
}

function part(map: StateMap, filter: StateFilter | undefined): StateMap {
  if (filter === undefined) return map
  const entries = map.get(filter.type)
  if (entries === undefined) return NOTHING
  if (filter.stateKey === undefined) return new Map([[filter.type, entries]])
  const eventId = entries.get(filter.stateKey)
  return eventId === undefined ? NOTHING : new Map([[filter.type, new Map([[filter.stateKey, eventId]])]])
}
