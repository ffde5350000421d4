import { profileEndpoints } from '../../shared/endpoints/client/profile.ts'
import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { type Handlers, only, type RequestOf } from '../http/handlers.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { Requester } from '../http/requester.ts'
import type { Queries } from '../storage/db.ts'
import { selectUser } from '../storage/users.ts'
import type { ProfileAuthor, Profiles } from '../users/profiles.ts'

export const servedProfileEndpoints = only(
  profileEndpoints,
  'setProfileField',
  'getProfileField',
  'deleteProfileField',
  'getUserProfile',
  'setDisplayName',
  'getDisplayName',
  'deleteDisplayName',
  'setAvatarUrl',
  'getAvatarUrl',
  'deleteAvatarUrl',
)
type Served = typeof servedProfileEndpoints

/** The same, as it was before it was in the specification: where `msc4133_enabled`. */
export const unstableProfileEndpoints = only(
  profileEndpoints,
  'setProfileFieldMsc4133',
  'getProfileFieldMsc4133',
  'deleteProfileFieldMsc4133',
)

export const unstableProfileHandlers = ({
  getProfileField,
  setProfileField,
  deleteProfileField,
}: Pick<Handlers<Served>, 'getProfileField' | 'setProfileField' | 'deleteProfileField'>): Handlers<
  typeof unstableProfileEndpoints
> => ({
  getProfileFieldMsc4133: getProfileField,
  setProfileFieldMsc4133: setProfileField,
  deleteProfileFieldMsc4133: deleteProfileField,
})

export interface ProfileDeps {
  readonly db: Queries
  readonly profiles: Profiles
  /** `require_auth_for_profile_requests` */
  readonly onlyForUsers: boolean
  /** `rc_profile`: of those who ask. */
  readonly askLimit: RateLimiter
  /** `rc_message`: of those who change what rooms are told. */
  readonly changeLimit: RateLimiter
}

type Asked = Pick<RequestOf<Served['getUserProfile']>, 'requester' | 'clientIp'>
type Changed = Pick<RequestOf<Served['setDisplayName']>, 'requester' | 'json'>

/** client-server-api, "Profiles". */
export const profileHandlers = (deps: ProfileDeps): Handlers<Served> => {
  const { db, profiles, askLimit, changeLimit } = deps

  async function get({ requester, clientIp }: Asked, userId: string, name?: string) {
    if (deps.onlyForUsers) {
      if (requester === undefined) throw new MatrixError('M_MISSING_TOKEN', 'Missing access token')
      if (requester.isGuest) throw guestsForbidden()
    }
    askLimit.takeOrRefuse(requester?.userId ?? clientIp)
    const about = userIdOf(userId)
    if (name !== undefined) checkName(name)
    await profiles.mayAsk(requester?.userId, about)
    return name === undefined ? await profiles.of(about) : await profiles.field(about, name)
  }

  /** Who may change it at all. */
  async function authorOf(requester: Requester, name: string): Promise<ProfileAuthor> {
    const { userId, isGuest, isShadowBanned } = requester
    if (isGuest && name !== 'displayname') throw guestsForbidden()
    const user = await selectUser(db, userId)
    if (user?.isSuspended)
      throw new MatrixError('M_USER_SUSPENDED', 'Updating profile while account is suspended is not allowed.')
    return { userId, isShadowBanned, isAdmin: user?.isAdmin ?? false }
  }

  async function put(request: Changed, userId: string, name: string) {
    const { requester } = request
    const about = userIdOf(userId)
    checkName(name)
    const value = property(await request.json(), name)
    if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `Missing key '${name}'`)
    const author = await authorOf(requester, name)
    limit(author, name)
    await profiles.set(about, name, value, author)
    return {}
  }

  async function remove({ requester }: Pick<Changed, 'requester'>, userId: string, name: string) {
    const about = userIdOf(userId)
    checkName(name)
    const author = await authorOf(requester, name)
    limit(author, name)
    await profiles.remove(about, name, author)
    return {}
  }

  /** Before anything is done: what rooms are told is an event in each. */
  function limit({ userId }: ProfileAuthor, name: string): void {
    if (name === 'displayname' || name === 'avatar_url') changeLimit.takeOrRefuse(userId)
  }

  return {
    getUserProfile: (request) => get(request, request.params.userId),
    getProfileField: (request) => get(request, request.params.userId, request.params.keyName),
    setProfileField: (request) => put(request, request.params.userId, request.params.keyName),
    deleteProfileField: (request) => remove(request, request.params.userId, request.params.keyName),
    getDisplayName: (request) => get(request, request.params.userId, 'displayname'),
    setDisplayName: (request) => put(request, request.params.userId, 'displayname'),
    deleteDisplayName: (request) => remove(request, request.params.userId, 'displayname'),
    getAvatarUrl: (request) => get(request, request.params.userId, 'avatar_url'),
    setAvatarUrl: (request) => put(request, request.params.userId, 'avatar_url'),
    deleteAvatarUrl: (request) => remove(request, request.params.userId, 'avatar_url'),
  }
}

const guestsForbidden = () => new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guest access not allowed')

function userIdOf(text: string): UserId {
  if (!isUserId(text)) throw new MatrixError('M_INVALID_PARAM', 'Invalid user id')
  return text
}

const MAX_NAME_BYTES = 255

/** Appendices, "Common Namespaced Identifier Grammar". */
function checkName(name: string): void {
  if (name === '') throw new MatrixError('M_INVALID_PARAM', 'Field name too short')
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw new MatrixError('M_KEY_TOO_LARGE', 'Field name too long')
  if (!/^[a-z][a-z0-9_.-]*$/.test(name))
    throw new MatrixError('M_INVALID_PARAM', 'Field name does not follow Common Namespaced Identifier Grammar')
}
