/**
 * The end of an account (client-server-api, "Deactivating an account"): at once nobody can use it, and in the background it leaves its
 * rooms. Who is to leave is in the database (`users_pending_deactivation`), so that another process goes on when this one ends.
 */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { ReplicationError } from '../replication/replication-error.ts'
import type { Memberships } from '../rooms/memberships.ts'
import { deleteValidity } from '../storage/account-validity.ts'
import type { Db } from '../storage/db.ts'
import {
  deleteFromUserDirectory,
  deletePendingDeactivation,
  deleteProfile,
  deleteUserData,
  insertErasedUser,
  insertPendingDeactivation,
  selectPendingDeactivations,
} from '../storage/deactivation.ts'
import { deleteBackups } from '../storage/key-backup.ts'
import { deleteThreepids } from '../storage/threepids.ts'
import { updateDeactivated } from '../storage/users.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import type { Sessions } from './sessions.ts'

export interface Deactivation {
  /** `erase`: what they wrote, and their profile, are forgotten too, as far as that can be. Twice does no harm. */
  readonly deactivate: (userId: UserId, options: { readonly erase: boolean }) => Promise<void>
  /** Goes on with what another process left. To be called now and then, by one process. */
  readonly takeOver: () => Promise<void>
  /** Ends after the room it is at; the rest is taken over. */
  readonly close: () => Promise<void>
}

export interface DeactivationDeps {
  readonly db: Db
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  readonly sessions: Pick<Sessions, 'endAll'>
  readonly removePushers: (userId: UserId) => Promise<void>
  readonly memberships: Pick<Memberships, 'ofUser'>
  /** On behalf of the user, without limits: out of the room, or of an invite or a knock. */
  readonly leave: (userId: UserId, roomId: RoomId) => Promise<void>
  readonly forget: (userId: UserId, roomId: RoomId) => Promise<void>
  /** What is to be sent for them later is not sent. */
  readonly cancelDelayedEvents?: ((userId: UserId) => Promise<void>) | undefined
  readonly onProblem: (problem: string, error: unknown) => void
}

const AT_ONCE = 100
/** At one a minute. A room that nobody can leave is no reason to try for ever. */
const MAX_ATTEMPTS = 60

/** That a persister could not be asked is none. */
const isRefusal = (error: unknown): boolean =>
  error instanceof MatrixError && !(error instanceof ReplicationError && error.status >= 500)

export function makeDeactivation(deps: DeactivationDeps): Deactivation {
  const { db, caches, sessions, removePushers, memberships, leave, forget, onProblem } = deps
  const running = new Map<UserId, Promise<void>>()
  /** Of which another process has not been seen to finish since they were last looked at. */
  let left: ReadonlySet<UserId> = new Set()
  /** How often they could not leave some room, for no reason of its own. */
  const attempts = new Map<UserId, number>()
  let isClosing = false

  const roomsOf = async (userId: UserId, ...wanted: readonly string[]): Promise<readonly RoomId[]> =>
    [...(await memberships.ofUser(userId)).values()]
      .filter(({ membership }) => wanted.includes(membership))
      .map(({ roomId }) => roomId)

  async function part(userId: UserId): Promise<void> {
    let mayPass = false
    for (const roomId of await roomsOf(userId, 'join')) {
      if (isClosing) return
      try {
        await leave(userId, roomId)
        await forget(userId, roomId)
      } catch (error) {
        mayPass ||= !isRefusal(error)
        onProblem(`${userId}, whose account was deactivated, could not leave ${roomId}`, error)
      }
    }
    // While Postgres or a persister is away nobody leaves: whoever takes it over tries again.
    const attempt = (attempts.get(userId) ?? 0) + 1
    if (mayPass && attempt < MAX_ATTEMPTS) return void attempts.set(userId, attempt)
    await deletePendingDeactivation(db, userId)
    attempts.delete(userId)
  }

  function begin(userId: UserId): void {
    if (running.has(userId) || isClosing) return
    const work = part(userId)
      .catch((error: unknown) => onProblem(`${userId}, whose account was deactivated, is still in rooms`, error))
      .finally(() => running.delete(userId))
    running.set(userId, work)
  }

  return {
    async deactivate(userId, { erase }) {
      await deps
        .cancelDelayedEvents?.(userId)
        .catch((error: unknown) =>
          onProblem(`events of ${userId}, whose account is deactivated, may be sent later`, error),
        )
      // What brings them back in goes first.
      await deleteThreepids(db, userId)
      // As long as they have a session they can ask for the rest again.
      await removePushers(userId)
      await sessions.endAll(userId)
      await caches.transaction('deactivate', async (tx, stale) => {
        const [, { ignored }] = await Promise.all([
          insertPendingDeactivation(tx, userId),
          deleteUserData(tx, userId),
          deleteFromUserDirectory(tx, userId),
          deleteValidity(tx, userId),
          updateDeactivated(tx, userId, true),
          deleteBackups(tx, userId),
          ...(erase ? [deleteProfile(tx, userId), insertErasedUser(tx, userId)] : []),
        ])
        for (const other of ignored) stale('ignored_by', [other])
        for (const name of [
          'ignored_users',
          'get_account_data_for_user',
          'get_push_rules_for_user',
          'get_user_in_directory',
          'get_user_by_id',
          'get_user_deactivated_status',
          ...(erase ? ['is_user_erased'] : []),
        ])
          stale(name, [userId])
      })
      for (const roomId of await roomsOf(userId, 'invite', 'knock'))
        await leave(userId, roomId).catch((error: unknown) =>
          onProblem(`an invite of ${userId}, whose account was deactivated, stays in ${roomId}`, error),
        )
      begin(userId)
    },

    async takeOver() {
      const pending = (await selectPendingDeactivations(db, AT_ONCE)).map(({ userId }) => userId)
      for (const userId of pending) if (left.has(userId)) begin(userId)
      left = new Set(pending)
    },

    async close() {
      isClosing = true
      await Promise.all(running.values())
    },
  }
}
