/** What of a room's state changed since a client was told of it. */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { StateChange } from '../sync/state-changes.ts'
import type { PlannedRoom } from './room-tasks.ts'

const MEMBER = 'm.room.member'

/** Entries of the state that changed since the client was told, and their events; null: there is none any more. */
export type ChangedState = ReadonlyMap<string, ChangedEntry>
export interface ChangedEntry {
  readonly type: string
  readonly key: string
  readonly eventId: EventId | null
}

export function changedState(
  { task: { own, isNewlyLeft, from } }: PlannedRoom,
  userId: string,
  changes: ReadonlyMap<RoomId, readonly StateChange[]>,
): ChangedState {
  const entries = new Map<string, ChangedEntry>()
  if (from === undefined) return entries
  const add = (type: string, key: string, eventId: EventId | null) =>
    entries.set(`${type}\0${key}`, { type, key, eventId })
  for (const { type, stateKey, eventId } of changes.get(own.roomId) ?? []) add(type, stateKey, eventId)
  if (isNewlyLeft) add(MEMBER, userId, own.eventId)
  return entries
}

export const hasChanged = (changed: ChangedState, type: string, key?: string): boolean =>
  key === undefined ? changed.values().some((entry) => entry.type === type) : changed.has(`${type}\0${key}`)
