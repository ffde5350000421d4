/**
 * Rooms in memory, behind the interfaces that handlers see: events are built and authorised by the real rules, one after the
 * other, and what would be stored is kept in maps. For what happens before a room's persister is asked.
 */

import { selectAuthEvents } from '../../shared/matrix/event-auth/auth-events.ts'
import { authorise } from '../../shared/matrix/event-auth/authorise.ts'
import { buildEvent } from '../../shared/matrix/events/build.ts'
import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import { type EventId, type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'
import type { StateLookup } from '../../shared/matrix/state-map.ts'
import type { EventStore, KnownEvent } from '../../worker/rooms/event-store.ts'
import type { Memberships, OwnMembership } from '../../worker/rooms/memberships.ts'
import type { EventIntent, Sender, Sent } from '../../worker/rooms/sender.ts'
import type { StateStore } from '../../worker/rooms/state-store.ts'
import type { Membership } from '../../worker/storage/memberships.ts'
import { vectorKey } from '../shared/matrix/signing/keys.ts'

interface MemoryRoom {
  readonly version: RoomVersion
  readonly isPublic: boolean
  /** In their order. */
  readonly events: readonly RoomEvent[]
  readonly state: ReadonlyMap<string, RoomEvent>
}

export interface MemoryRooms {
  readonly sender: Sender
  readonly state: Pick<StateStore, 'currentEvent'>
  readonly events: EventStore
  readonly memberships: Memberships
  /** The events of a room, as little of them as tests compare. */
  readonly told: (
    roomId: RoomId,
  ) => readonly (readonly [type: string, stateKey: string | undefined, content: unknown])[]
  readonly room: (roomId: RoomId) => MemoryRoom | undefined
  readonly count: () => number
}

const keyOf = (type: string, stateKey: string) => JSON.stringify([type, stateKey])

export function makeMemoryRooms(server: ServerName): MemoryRooms {
  const rooms = new Map<RoomId, MemoryRoom>()
  const known = new Map<EventId, KnownEvent>()
  const transactions = new Map<string, EventId>()
  let ids = 0

  function add(room: MemoryRoom, roomId: RoomId | undefined, intent: EventIntent, author: UserId): MemoryRoom | Sent {
    const { type, stateKey, content, redacts } = intent
    const lookup: StateLookup = (ofType, key) => room.state.get(keyOf(ofType, key))
    const before = stateKey === undefined ? undefined : lookup(type, stateKey)
    if (before?.sender === author && canonicalJson(before.content) === canonicalJson(content))
      return { eventId: before.eventId, wasThere: true }
    const template = { roomId, type, stateKey, sender: intent.sender ?? author, content, redacts }
    const built = buildEvent(
      room.version,
      template,
      {
        prevEvents: room.events.slice(-1),
        authEvents: selectAuthEvents({ ...template, stateKey, type, content }, room.version, lookup),
        originServerTs: intent.originServerTs ?? 1_700_000_000_000 + ++ids,
      },
      { server, key: vectorKey, newEventId: `$${++ids}:${server}` as EventId },
    )
    if (!built.ok) throw new MatrixError(/large|longer/.test(built.reason) ? 'M_TOO_LARGE' : 'M_BAD_JSON', built.reason)
    const refusal = authorise(built.value, room.version, lookup)
    if (refusal !== undefined) throw new MatrixError('M_FORBIDDEN', refusal.reason)
    const state = new Map(room.state)
    if (stateKey !== undefined) state.set(keyOf(type, stateKey), built.value)
    return { ...room, events: [...room.events, built.value], state }
  }

  /** All or nothing. */
  function addAll(start: MemoryRoom, roomId: RoomId, intents: readonly EventIntent[], author: UserId) {
    let room = start
    const sent: Sent[] = []
    for (const intent of intents) {
      const added = add(room, roomId, intent, author)
      if ('wasThere' in added) sent.push(added)
      else {
        room = added
        sent.push({ eventId: room.events.at(-1)!.eventId, wasThere: false })
      }
    }
    return { room, sent }
  }

  function store(roomId: RoomId, room: MemoryRoom): void {
    rooms.set(roomId, room)
    for (const event of room.events)
      if (!known.has(event.eventId))
        known.set(event.eventId, {
          event,
          version: room.version,
          streamOrdering: known.size + 1,
          topologicalOrdering: event.depth,
          instanceName: 'master',
          isOutlier: false,
          isRejected: false,
          stateGroup: undefined,
          metadata: { isSoftFailed: false },
          redactedBecause: undefined,
        })
  }

  const memberOf = (roomId: RoomId, userId: UserId) => rooms.get(roomId)?.state.get(keyOf('m.room.member', userId))
  const joined = (roomId: RoomId) =>
    [...(rooms.get(roomId)?.state.values() ?? [])]
      .filter(({ type, content }) => type === 'm.room.member' && content.membership === 'join')
      .map(({ stateKey }) => stateKey as UserId)
  const ownOf = (roomId: RoomId, userId: UserId): OwnMembership | undefined => {
    const member = memberOf(roomId, userId)
    if (member === undefined) return undefined
    const membership = member.content.membership as Membership
    const { eventId, sender } = member
    return { roomId, membership, eventId, streamOrdering: 1, instanceName: 'master', sender, isForgotten: false }
  }

  return {
    sender: {
      async send(roomId, intents, author, { txnId } = {}) {
        const transaction = JSON.stringify([author.userId, author.deviceId, roomId, txnId])
        const done = txnId === undefined ? undefined : transactions.get(transaction)
        if (done !== undefined) return [{ eventId: done, wasThere: true }]
        const room = rooms.get(roomId)
        if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'Unknown room')
        const added = addAll(room, roomId, intents, author.userId)
        store(roomId, added.room)
        if (txnId !== undefined) transactions.set(transaction, added.sent[0]!.eventId)
        return added.sent
      },
      async createRoom(version, create, rest, author, { isPublic }) {
        const given = version.roomIdIsCreateHash ? undefined : (`!${++ids}:${server}` as RoomId)
        const empty: MemoryRoom = { version, isPublic, events: [], state: new Map() }
        const first = add(empty, given, create, author.userId) as MemoryRoom
        const { roomId, eventId } = first.events[0]!
        const { room, sent } = addAll(first, roomId, await rest(roomId), author.userId)
        store(roomId, room)
        return { roomId, sent: [{ eventId, wasThere: false }, ...sent] }
      },
    },
    state: {
      currentEvent: async (roomId, type, stateKey) => rooms.get(roomId)?.state.get(keyOf(type, stateKey))?.eventId,
    },
    events: {
      get: async (eventIds) => new Map(eventIds.flatMap((id) => (known.has(id) ? [[id, known.get(id)!]] : []))),
      peek: (eventId) => known.get(eventId),
    },
    memberships: {
      ofUser: async (userId) =>
        new Map(
          [...rooms.keys()].flatMap((roomId) => (ownOf(roomId, userId) ? [[roomId, ownOf(roomId, userId)!]] : [])),
        ),
      of: async (userId, roomId) => ownOf(roomId, userId),
      isJoined: async (userId, roomId) => memberOf(roomId, userId)?.content.membership === 'join',
      joinedLocals: async (roomId) => new Set(joined(roomId).filter((userId) => serverNameOf(userId) === server)),
      joined: async (roomId) => new Set(joined(roomId)),
    },
    told: (roomId) =>
      rooms.get(roomId)!.events.map(({ type, stateKey, content }) => [type, stateKey, content] as const),
    room: (roomId) => rooms.get(roomId),
    count: () => rooms.size,
  }
}
