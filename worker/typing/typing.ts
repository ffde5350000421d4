/** Who types where: in the memory of one process, which tells all others. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { OwnUpdates } from '../replication/stream-updates.ts'
import { streams as definitions } from '../streams/definitions.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

export interface Typing {
  /** In the order of their beginning, as this process has heard. */
  readonly inRoom: (roomId: RoomId) => readonly UserId[]
  /** The position of the stream `typing` at which {@link inRoom} changed last; 0: not since this process started. */
  readonly changedAt: (roomId: RoomId) => number
}

export interface LiveTyping extends Typing {
  /**
   * The user types in the room for so long, unless they say so again; 0: no more. Whether they may is for the caller to
   * know. Another process is asked to do it where that is the writer.
   */
  readonly set: (roomId: RoomId, userId: UserId, timeoutMs: number) => Promise<void>
  /** What others missed of this process' stream. */
  readonly updates: OwnUpdates
  readonly replicationHandlers: ReplicationHandlers
  readonly close: () => void
}

export interface TypingDeps {
  readonly streams: Pick<LiveStreams, 'current' | 'follow' | 'onReset' | 'write' | 'writes' | 'writersOf'>
  readonly client: Pick<ReplicationClient, 'call'>
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds that never go back. */
  readonly now?: () => number
}

interface Room {
  readonly users: readonly UserId[]
  readonly changedAt: number
  /** By {@link TypingDeps.now}. */
  readonly heardAt: number
}

/** As exact as a client's user can see. */
const SWEEP_MS = 1_000
/** Clients that were away for longer do not have to be told that nobody types any more. */
const FORGET_MS = 10 * 60_000
/** Of what is forgotten with one change: more than it adds. */
const FORGOTTEN_AT_ONCE = 2
const NOBODY: readonly UserId[] = []

/** To be made before the process is connected. */
export function makeTyping({ streams, client, onProblem, now = () => performance.now() }: TypingDeps): LiveTyping {
  /** The one that changed last is the last. */
  const rooms = new Map<RoomId, Room>()
  /** Of the writer: until when, by room and user. */
  const deadlines = new Map<RoomId, Map<UserId, number>>()
  let sweeping: NodeJS.Timeout | undefined
  const beganAt = streams.writes('typing') ? streams.current('typing').stream : undefined

  const put = (roomId: RoomId, users: readonly UserId[], changedAt: number) => {
    const heardAt = now()
    rooms.delete(roomId)
    rooms.set(roomId, { users, changedAt, heardAt })
    let looked = 0
    for (const [oldId, old] of rooms) {
      if (looked++ === FORGOTTEN_AT_ONCE || old.heardAt > heardAt - FORGET_MS) break
      if (old.users.length === 0) rooms.delete(oldId)
    }
  }
  streams.follow('typing', (rows, position) => {
    for (const { roomId, userIds } of rows) put(roomId as RoomId, userIds as readonly UserId[], position)
  })
  streams.onReset('typing', (_writer, position) => {
    // Nobody types any more: whoever was told of somebody has to hear that.
    const typedIn = [...rooms].filter(([, { users }]) => users.length > 0)
    rooms.clear()
    for (const [roomId] of typedIn) put(roomId, NOBODY, Math.max(1, position))
  })

  const isTyping = (roomId: RoomId, userId: UserId) => rooms.get(roomId)?.users.includes(userId) === true

  /** Writes who types now, if that is something new when it is the turn. */
  const announce = (roomId: RoomId, userId: UserId, types: boolean) =>
    streams.write('typing', 1, async ([id]) => {
      const users = rooms.get(roomId)?.users ?? NOBODY
      if (users.includes(userId) === types) return { result: undefined, rows: [] }
      const userIds = types ? [...users, userId] : users.filter((one) => one !== userId)
      return { result: undefined, rows: [[id!, [{ roomId, userIds }]]] }
    })

  const stop = async (roomId: RoomId, userId: UserId) => {
    const inRoom = deadlines.get(roomId)
    inRoom?.delete(userId)
    if (inRoom?.size === 0) deadlines.delete(roomId)
    if (isTyping(roomId, userId)) await announce(roomId, userId, false)
  }

  const stopLater = (roomId: RoomId, userId: UserId) => {
    stop(roomId, userId).catch((error: unknown) => onProblem('who stopped typing could not be told', error))
  }

  const sweep = () => {
    const at = now()
    for (const [roomId, users] of deadlines)
      for (const [userId, deadline] of users) if (deadline <= at) stopLater(roomId, userId)
    if (deadlines.size > 0) return
    clearInterval(sweeping)
    sweeping = undefined
  }

  const setHere = async (roomId: RoomId, userId: UserId, timeoutMs: number) => {
    if (timeoutMs <= 0) return stop(roomId, userId)
    const inRoom = deadlines.get(roomId) ?? new Map<UserId, number>()
    deadlines.set(roomId, inRoom)
    inRoom.set(userId, now() + timeoutMs)
    sweeping ??= setInterval(sweep, SWEEP_MS).unref()
    if (!isTyping(roomId, userId)) await announce(roomId, userId, true)
  }

  if (streams.writes('typing'))
    streams.follow('events', (rows) => {
      for (const row of rows) {
        if (row.kind !== 'ev' || row.membership === null || row.membership === 'join' || row.stateKey === null) continue
        if (isTyping(row.roomId as RoomId, row.stateKey as UserId))
          stopLater(row.roomId as RoomId, row.stateKey as UserId)
      }
    })

  return {
    inRoom: (roomId) => rooms.get(roomId)?.users ?? NOBODY,
    changedAt: (roomId) => rooms.get(roomId)?.changedAt ?? 0,
    async set(roomId, userId, timeoutMs) {
      if (streams.writes('typing')) return setHere(roomId, userId, timeoutMs)
      const body = { room_id: roomId, user_id: userId, timeout_ms: timeoutMs }
      await client.call('plexus_set_typing', { instance: streams.writersOf('typing')[0]!, body })
    },
    updates(from, upTo) {
      const changed = [...rooms].filter(([, { changedAt }]) => changedAt > from && changedAt <= upTo)
      const { encode } = definitions.typing.row
      return {
        rows: changed
          .sort(([, a], [, b]) => a.changedAt - b.changedAt)
          .map(([roomId, { changedAt, users }]) => [changedAt, encode({ roomId, userIds: users })] as const),
        upTo,
        limited: false,
        beganAt,
      }
    },
    replicationHandlers: {
      async plexus_set_typing({ body }) {
        await setHere(body.room_id as RoomId, body.user_id as UserId, Number(body.timeout_ms))
        return {}
      },
    },
    close: () => clearInterval(sweeping),
  }
}
