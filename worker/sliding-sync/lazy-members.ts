/** Members that are sent lazily: whose memberships timelines need, whose the client has, and what is noted of that. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { Timeline } from '../sync/timelines.ts'
import type { ChangedState } from './changed-state.ts'
import type { ConnectionChanges, LazySent } from './connection.ts'
import type { Connection } from './connections.ts'
import type { RequiredStateChange } from './required-state.ts'
import { LAZY, ME, type RoomConfig } from './room-config.ts'
import type { PlannedRoom } from './room-tasks.ts'

const MEMBER = 'm.room.member'

export interface LazilyNeeded {
  readonly needed: ReadonlySet<string>
  readonly sent: LazySent
}

const NOBODY: LazilyNeeded = { needed: new Set(), sent: new Map() }

const isLazy = ({ requiredState }: RoomConfig): boolean => requiredState.get(MEMBER)?.has(LAZY) === true

/** Whose memberships the timelines need, and whose were sent. */
export async function lazilyNeeded(
  rooms: readonly PlannedRoom[],
  userId: string,
  connection: Connection,
  timelines: ReadonlyMap<RoomId, Timeline>,
  changed: ReadonlyMap<RoomId, ChangedState>,
): Promise<ReadonlyMap<RoomId, LazilyNeeded>> {
  const asked = rooms.filter(({ task: { from }, plan }) => plan !== undefined && from !== undefined)
  const sent = await connection.lazySent(
    asked.flatMap(({ task: { own, config }, previous }) =>
      isLazy(config) || (previous !== undefined && isLazy(previous)) ? own.roomId : [],
    ),
  )
  return new Map(
    rooms.map(({ task: { own, config, from }, plan }) => {
      const { roomId } = own
      if (plan === undefined) return [roomId, NOBODY]
      const known = from === undefined ? NOBODY.sent : (sent.get(roomId) ?? NOBODY.sent)
      if (!isLazy(config)) return [roomId, { needed: NOBODY.needed, sent: known }]
      const needed = new Set<string>()
      const timeline = timelines.get(roomId)
      for (const { known: event } of timeline?.events ?? []) {
        const { sender, type, stateKey } = event.event
        needed.add(sender)
        if (type === MEMBER && stateKey !== undefined) needed.add(stateKey)
      }
      if (from !== undefined && timeline?.isCut !== true)
        for (const { type, key } of changed.get(roomId)!.values()) if (type === MEMBER) needed.add(key)
      const named = new Set([...config.requiredState.get(MEMBER)!].map((key) => (key === ME ? userId : key)))
      return [roomId, { needed: needed.difference(named), sent: known }]
    }),
  )
}

/** How long it is noted for when somebody's membership was needed last. */
const SEEN_AGAIN_MS = 3_600_000

export function noteLazy(
  changes: ConnectionChanges,
  roomId: RoomId,
  { forgotten, alsoSent }: Pick<RequiredStateChange, 'alsoSent' | 'forgotten'>,
  lazyOf: ReadonlyMap<RoomId, LazilyNeeded>,
  at: number,
): void {
  const { needed, sent } = lazyOf.get(roomId)!
  const fresh = new Set(
    [...needed, ...alsoSent].filter((userId) => at - (sent.get(userId) ?? Number.NEGATIVE_INFINITY) >= SEEN_AGAIN_MS),
  )
  if (fresh.size > 0) changes.lazySent.set(roomId, fresh)
  if (forgotten.size > 0) changes.lazyForgotten.set(roomId, forgotten)
}
