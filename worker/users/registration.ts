/** New users. */

import { isNewLocalpart } from '../../shared/matrix/ids/user-id.ts'
import { localpartOf, type UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { insertValidity } from '../storage/account-validity.ts'
import type { Queries } from '../storage/db.ts'
import { insertProfile } from '../storage/profiles.ts'
import { refreshDirectoryUser } from '../storage/user-directory.ts'
import { insertUser, nextUserNumber, selectUsersIgnoringCase, upgradeGuest } from '../storage/users.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import type { Appservice, Appservices } from './appservices.ts'

export interface NameRequest {
  /** The guest who becomes a user: the name is theirs. */
  readonly guestId?: UserId | undefined
  /** The user that was registered before in the same attempt. */
  readonly registeredId?: UserId | undefined
  /** `inhibit_user_in_use_error`: a name that is taken is only told when the registration is complete. */
  readonly hidesTaken?: boolean
}

export interface NewAccount {
  /** Undefined: a number. */
  readonly localpart: string | undefined
  /** Null: no log-in with a password. */
  readonly passwordHash: string | null
  /** The localpart where absent. */
  readonly displayName?: string | undefined
  readonly isAdmin?: boolean
  readonly isGuest?: boolean
  /** `bot`, `support` */
  readonly userType?: string | null
  readonly guestId?: UserId | undefined
  /** Whose it is, where nobody else may have it. */
  readonly appserviceId?: string | null
}

export interface Registration {
  /** Throws M_INVALID_USERNAME, M_USER_IN_USE, M_FORBIDDEN (a guest keeps their name). */
  readonly checkName: (localpart: string, request?: NameRequest) => Promise<void>
  /** Makes the user and their profile. Throws as {@link checkName}. */
  readonly register: (account: NewAccount) => Promise<UserId>
  /**
   * A user of an application service, which may have names that others may not. Throws M_EXCLUSIVE for one that is not its own,
   * M_USER_IN_USE, M_INVALID_USERNAME.
   */
  readonly registerFor: (appservice: Appservice, localpart: string) => Promise<UserId>
}

export interface RegistrationDeps {
  readonly db: Queries
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  readonly serverName: string
  /** `allow_underscore_prefixed_localpart` */
  readonly allowsUnderscore: boolean
  readonly appservices: Pick<Appservices, 'mustNotBeReserved' | 'isTheirs' | 'isExclusive' | 'isAppserviceUser'>
  /** `account_validity.period`, where accounts end; undefined: they do not. */
  readonly validForMs: number | undefined
  /** There is a new user, or a guest has become one. Waited for; must not throw. */
  readonly onRegistered?: ((userId: UserId, account: NewAccount) => Promise<void>) | undefined
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const MAX_USER_ID_LENGTH = 255
/** Numbers that somebody has taken as a name are few. */
const ATTEMPTS = 10

const invalid = (message: string) => new MatrixError('M_INVALID_USERNAME', message)
const taken = () => new MatrixError('M_USER_IN_USE', 'User ID already taken.')

export function makeRegistration(deps: RegistrationDeps): Registration {
  const { db, caches, serverName, allowsUnderscore, appservices, validForMs, now = Date.now } = deps
  const idOf = (localpart: string) => `@${localpart}:${serverName}` as UserId

  async function checkName(localpart: string, request: NameRequest = {}): Promise<void> {
    if (localpart === '') throw invalid('User ID cannot be empty')
    if (!isNewLocalpart(localpart)) throw invalid("User ID can only contain characters a-z, 0-9, or '=_-./+'")
    if (localpart.startsWith('_') && !allowsUnderscore) throw invalid('User ID may not begin with _')
    const userId = idOf(localpart)
    const { guestId, registeredId, hidesTaken = false } = request
    if (registeredId !== undefined) {
      if (userId === registeredId) return
      throw new MatrixError('M_UNKNOWN', 'A different user ID has already been registered for this session')
    }
    appservices.mustNotBeReserved(userId)
    if (userId.length > MAX_USER_ID_LENGTH)
      throw invalid(`User ID may not be longer than ${MAX_USER_ID_LENGTH} characters`)
    if (guestId !== undefined) {
      if (guestId === userId) return
      throw new MatrixError(
        'M_FORBIDDEN',
        'Cannot register taken user ID without valid guest credentials for that user.',
      )
    }
    if (!hidesTaken && (await selectUsersIgnoringCase(db, userId)).length > 0) throw taken()
    // Those without a name get numbers.
    if (/^\d+$/.test(localpart)) throw invalid('Numeric user IDs are reserved for guest users.')
  }

  /** False if the ID is taken. */
  const insert = (userId: UserId, { displayName, localpart: _, guestId: __, ...account }: NewAccount) =>
    caches.transaction('register', async (tx, stale) => {
      const isNew = await insertUser(tx, { ...account, userId, createdAtMs: now(), isApproved: true })
      if (!isNew) return false
      await insertProfile(tx, userId, displayName ?? localpartOf(userId))
      if (!appservices.isAppserviceUser(userId)) await refreshDirectoryUser(tx, userId)
      if (validForMs !== undefined && !account.isGuest) await insertValidity(tx, userId, now() + validForMs)
      stale('get_user_by_id', [userId])
      return true
    })

  async function registerNumbered(account: NewAccount): Promise<UserId> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const userId = idOf(String(await nextUserNumber(db)))
      if (await insert(userId, account)) return userId
    }
    throw new Error(`no free number for a user in ${ATTEMPTS} attempts`)
  }

  async function make(account: NewAccount): Promise<UserId> {
    const { localpart, guestId, passwordHash } = account
    if (localpart === undefined) return await registerNumbered(account)
    await checkName(localpart, { guestId })
    const userId = idOf(localpart)
    if (guestId !== undefined) {
      const isDone = await caches.transaction('upgrade guest', async (tx, stale) => {
        stale('get_user_by_id', [userId])
        return await upgradeGuest(tx, userId, passwordHash, now())
      })
      if (!isDone) throw taken()
    } else if (!(await insert(userId, account))) throw taken()
    return userId
  }

  return {
    checkName,
    async register(account) {
      const userId = await make(account)
      await deps.onRegistered?.(userId, account)
      return userId
    },

    async registerFor(appservice, localpart) {
      const userId = idOf(localpart)
      if (!appservices.isTheirs(appservice, userId))
        throw new MatrixError('M_EXCLUSIVE', 'Invalid user localpart for this application service.')
      appservices.mustNotBeReserved(userId, appservice)
      if (localpart.includes('\0') || !localpart.isWellFormed() || userId.length > MAX_USER_ID_LENGTH)
        throw invalid('User ID cannot be kept')
      const appserviceId = appservices.isExclusive(appservice, userId) ? appservice.id : null
      if (!(await insert(userId, { localpart, passwordHash: null, displayName: localpart, appserviceId })))
        throw taken()
      return userId
    },
  }
}
