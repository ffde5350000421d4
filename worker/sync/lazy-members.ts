/**
 * Which membership events a device was sent (client-server-api, "Lazy-loading room members"), so that they are not sent
 * again with every message. What was in an answer counts when the client comes back with the token of that answer: an answer
 * that was lost on its way is made again, and has the same members.
 */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { type Lru, makeLru } from '../lru.ts'

/** The membership event of a user in a room. */
type Members = Lru<string, EventId>

interface Device {
  readonly sent: Members
  /** By the token that the answer gave, oldest first. */
  readonly unconfirmed: Map<string, readonly SentMember[]>
  /** Members in both. */
  weight: number
}

export interface SentMember {
  readonly roomId: RoomId
  readonly userId: string
  readonly eventId: EventId
}

export interface SentMembers {
  /** Whether the device knows that this is the user's membership event. */
  readonly has: (member: SentMember) => boolean
}

export interface LazyMembers {
  /** A request of a device. `since`: its token; undefined: it knows nothing, and what was noted of it is forgotten. */
  readonly of: (userId: UserId, deviceId: string | undefined, since: string | undefined) => SentMembers
  /** What an answer tells. */
  readonly note: (
    userId: UserId,
    deviceId: string | undefined,
    nextBatch: string,
    members: readonly SentMember[],
  ) => void
}

/** Of all devices together, at 200 bytes. */
const MAX_ALL_MEMBERS = 300_000
/** Of a device. Who is forgotten is sent once more. */
const MAX_MEMBERS = 500
/** A client that repeats its request has different answers on their way. */
const MAX_UNCONFIRMED = 4

const keyOf = ({ roomId, userId }: SentMember): string => `${roomId} ${userId}`

export function makeLazyMembers(maxAllMembers = MAX_ALL_MEMBERS): LazyMembers {
  const devices = makeLru<string, Device>(maxAllMembers, ({ weight }) => weight)

  /** Puts it in anew, as its weight is another. */
  const weigh = (key: string, device: Device): void => {
    devices.delete(key)
    device.weight = 1 + device.sent.size()
    for (const members of device.unconfirmed.values()) device.weight += members.length
    devices.set(key, device)
  }

  return {
    of(userId, deviceId, since) {
      const key = `${userId} ${deviceId ?? ''}`
      if (since === undefined) devices.delete(key)
      const device = devices.get(key)
      if (device === undefined) return { has: () => false }
      const { sent, unconfirmed } = device
      const confirmed = unconfirmed.get(since!)
      if (confirmed !== undefined) {
        for (const member of confirmed) sent.set(keyOf(member), member.eventId)
        unconfirmed.clear()
        weigh(key, device)
      }
      return { has: (member) => sent.get(keyOf(member)) === member.eventId }
    },
    note(userId, deviceId, nextBatch, members) {
      if (members.length === 0) return
      const key = `${userId} ${deviceId ?? ''}`
      const device = devices.get(key) ?? { sent: makeLru(MAX_MEMBERS), unconfirmed: new Map(), weight: 1 }
      const { unconfirmed } = device
      unconfirmed.delete(nextBatch)
      unconfirmed.set(nextBatch, members)
      for (const oldest of unconfirmed.keys()) {
        if (unconfirmed.size <= MAX_UNCONFIRMED) break
        unconfirmed.delete(oldest)
      }
      weigh(key, device)
    },
  }
}
