import type { RoomVersionId } from '../../shared/matrix/room-version.ts'
import { makeRoom, type Room } from './room.ts'

const made = new Map<string, Room>()

/** The room of that version and size: one for all rows. Synapse's side knows it under the same name. */
export function benchRoom(version: RoomVersionId, size: number): Room {
  const name = `${version}/${size}`
  const known = made.get(name)
  if (known !== undefined) return known
  const room = makeRoom(version, size, size <= 100 ? 5 : 100, size)
  made.set(name, room)
  return room
}
