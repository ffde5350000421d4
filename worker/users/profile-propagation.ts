/**
 * A profile that was changed, told to the user's rooms: in the background, room by room. How far it got is in the database
 * (`scheduled_tasks`, under Synapse's name for it), so that another process goes on when this one ends.
 */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { ReplicationError } from '../replication/replication-error.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Sender } from '../rooms/sender.ts'
import type { Db, Queries } from '../storage/db.ts'
import { StorageError } from '../storage/postgres/errors.ts'
import { selectProfile } from '../storage/profiles.ts'
import { claimTasks, deleteTask, noteTaskProgress, replaceTask } from '../storage/scheduled-tasks.ts'
import { randomLetters } from './session-tokens.ts'

export interface ProfilePropagation {
  /** In the transaction that changes the profile: from now on it is to be told, whoever dies. Returns the task. */
  readonly note: (tx: Queries, userId: UserId) => Promise<string>
  /** Once that is committed. */
  readonly begin: (task: string, userId: UserId) => void
  /** Goes on with what another process left. */
  readonly takeOver: () => Promise<void>
  /** Ends after the room it is at; the rest is taken over. */
  readonly close: () => Promise<void>
}

export interface ProfilePropagationDeps {
  readonly db: Db
  readonly memberships: Pick<Memberships, 'ofUser'>
  readonly sender: Pick<Sender, 'send'>
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const ACTION = 'update_join_states'
/** Longer than a room ever takes. */
const ABANDONED_MS = 60_000

export function makeProfilePropagation(deps: ProfilePropagationDeps): ProfilePropagation {
  const { db, memberships, sender, onProblem, now = Date.now } = deps
  const running = new Set<Promise<void>>()
  let isClosing = false

  async function tell(task: string, userId: UserId, afterRoom: string): Promise<void> {
    const rooms = [...(await memberships.ofUser(userId)).values()]
      .filter(({ membership, roomId }) => membership === 'join' && roomId > afterRoom)
      .map(({ roomId }) => roomId)
      .sort()
    for (const roomId of rooms) {
      if (isClosing) return
      await tellRoom(userId, roomId)
      // A later change has begun anew.
      if (!(await noteTaskProgress(db, task, JSON.stringify({ last_room_id: roomId }), now()))) return
    }
    await deleteTask(db, task)
  }

  /** The profile as it is now, whatever the room knew: names of single rooms are lost, as with Synapse. */
  async function tellRoom(userId: UserId, roomId: RoomId): Promise<void> {
    const profile = await selectProfile(db, userId)
    const { displayName = null, avatarUrl = null } = profile ?? {}
    const content = {
      membership: 'join',
      ...(displayName !== null && { displayname: displayName }),
      ...(avatarUrl !== null && { avatar_url: avatarUrl }),
    }
    try {
      await sender.send(roomId, [{ type: 'm.room.member', stateKey: userId, content }], { userId })
    } catch (error) {
      // Postgres or the room's persister is away: what is left is taken over when they may be back.
      if (isPassing(error)) throw error
      // Left or banned meanwhile: the room need not know.
      if (!(error instanceof MatrixError)) onProblem(`a profile was not told to ${roomId}`, error)
    }
  }

  function run(task: string, userId: UserId, afterRoom = ''): void {
    const work: Promise<void> = tell(task, userId, afterRoom)
      .catch((error: unknown) => onProblem('a profile was not told to all rooms; it is tried again', error))
      .finally(() => running.delete(work))
    running.add(work)
  }

  return {
    async note(tx, userId) {
      const id = randomLetters(16)
      const params = JSON.stringify({ requester_authenticated_entity: userId })
      await replaceTask(tx, { id, action: ACTION, resourceId: userId, params }, now())
      return id
    },
    begin: (task, userId) => run(task, userId),
    async takeOver() {
      for (const { id, resourceId, result } of await claimTasks(db, ACTION, now() - ABANDONED_MS, now()))
        run(id, resourceId as UserId, lastRoomOf(result))
    },
    async close() {
      isClosing = true
      await Promise.all(running)
    },
  }
}

const isPassing = (error: unknown): boolean =>
  error instanceof StorageError
    ? error.kind === 'unavailable' || error.kind === 'timeout' || error.kind === 'conflict'
    : error instanceof ReplicationError && error.status >= 500

function lastRoomOf(result: string | null): string {
  const { last_room_id: last } = (JSON.parse(result ?? '{}') ?? {}) as { last_room_id?: unknown }
  return typeof last === 'string' ? last : ''
}
