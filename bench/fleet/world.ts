/** Users, rooms and messages, made over the client API: the same for every contestant. */

import { type Ask, bodyOf } from './http.ts'

/** Where requests go: of a `small` deployment. */
export interface Sockets {
  /** /sync. */
  readonly sync: string
  /** All else that clients ask; it persists events, too. */
  readonly client: string
}

export interface BenchUser {
  readonly userId: string
  readonly token: string
}

export interface World {
  /** The first five are in all rooms. */
  readonly users: readonly BenchUser[]
  /** Room 0 has all users, the others ten each. */
  readonly rooms: readonly string[]
  /** Members of each room, as indices of users. */
  readonly members: readonly (readonly number[])[]
}

export interface WorldSize {
  readonly users: number
  readonly rooms: number
  readonly membersOfRoom: number
  readonly inAllRooms: number
  readonly messagesOfRoom: number
  /** More, for room 0. */
  readonly messagesOfFirst: number
}

const V3 = '/_matrix/client/v3'
export const roomPath = (room: string): string => `${V3}/rooms/${encodeURIComponent(room)}`

let transactions = 0
export const sendMessage = async (ask: Ask, { client }: Sockets, room: string, token: string): Promise<string> => {
  const body = { msgtype: 'm.text', body: `A message of the usual length, number ${++transactions}, nothing special` }
  const path = `${roomPath(room)}/send/m.room.message/b${process.pid}.${transactions}`
  return bodyOf(await ask(client, 'PUT', path, token, body)).event_id
}

export const makeWorld = async (ask: Ask, sockets: Sockets, size: WorldSize): Promise<World> => {
  const users: BenchUser[] = []
  for (let i = 0; i < size.users; i++) {
    const body = { username: `user${i}`, password: `password of user ${i}`, auth: { type: 'm.login.dummy' } }
    const made = bodyOf(await ask(sockets.client, 'POST', `${V3}/register`, undefined, body))
    users.push({ userId: made.user_id, token: made.access_token })
  }
  const rooms: string[] = []
  const members: number[][] = []
  for (let r = 0; r < size.rooms; r++) {
    const body = { preset: 'public_chat', name: `Room ${r}` }
    const made = bodyOf(await ask(sockets.client, 'POST', `${V3}/createRoom`, users[0]!.token, body))
    rooms.push(made.room_id)
    const wanted =
      r === 0
        ? users.map((_, i) => i)
        : [
            ...Array.from({ length: size.inAllRooms }, (_, i) => i),
            ...Array.from(
              { length: size.membersOfRoom - size.inAllRooms },
              (_, i) => size.inAllRooms + ((r * 7 + i) % (size.users - size.inAllRooms)),
            ),
          ]
    members.push(wanted)
    for (const i of wanted)
      if (i !== 0)
        bodyOf(await ask(sockets.client, 'POST', `${V3}/join/${encodeURIComponent(made.room_id)}`, users[i]!.token, {}))
  }
  const world = { users, rooms, members }
  for (let r = 0; r < size.rooms; r++) {
    const count = size.messagesOfRoom + (r === 0 ? size.messagesOfFirst : 0)
    // Two at once: it is not the time that is measured, but it is waited for.
    const next = async (from: number) => {
      for (let i = from; i < count; i += 2) {
        const sender = members[r]![i % members[r]!.length]!
        await sendMessage(ask, sockets, rooms[r]!, users[sender]!.token)
      }
    }
    await Promise.all([next(0), next(1)])
  }
  return world
}
