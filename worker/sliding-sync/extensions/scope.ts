import type { RoomId } from '../../../shared/matrix/ids.ts'
import type { InterestingRooms } from '../lists.ts'
import type { ExtensionScope } from '../request.ts'

/** The rooms that an extension tells of: of those in windows and subscriptions, what it was asked for. */
export function roomsInScope(
  { lists, rooms }: ExtensionScope,
  { lists: answers, configs }: InterestingRooms,
): ReadonlySet<RoomId> {
  const found = new Set<RoomId>()
  if (rooms.includes('*')) for (const roomId of configs.keys()) found.add(roomId)
  else for (const roomId of rooms as readonly RoomId[]) if (configs.has(roomId)) found.add(roomId)
  for (const name of lists.includes('*') ? answers.keys() : lists)
    for (const { roomIds } of answers.get(name)?.windows ?? []) for (const roomId of roomIds) found.add(roomId)
  return found
}
