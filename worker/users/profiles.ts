/** Profiles: a name, an avatar, and any other fields (client-server-api, "Profiles"). */

import { isLongerThan } from '../../shared/code-points.ts'
import { serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import { checkEncodable } from '../../shared/matrix/json/check.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { type JsonObject, type JsonValue, property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Queries, Transaction } from '../storage/db.ts'
import {
  deleteProfileField,
  type ProfileRow,
  selectProfile,
  updateAvatarUrl,
  updateDisplayName,
  updateProfileField,
} from '../storage/profiles.ts'
import { refreshDirectoryUser } from '../storage/user-directory.ts'
import { selectUser } from '../storage/users.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import type { ProfilePropagation } from './profile-propagation.ts'

/** Who changes a profile. */
export interface ProfileAuthor {
  readonly userId: UserId
  readonly isShadowBanned: boolean
  /** An admin may change others' profiles, and what the configuration does not let users change. */
  readonly isAdmin: boolean
}

export interface Profiles {
  /** All fields. Throws M_NOT_FOUND for a user who has none, and 502 for one of another server. */
  readonly of: (userId: UserId) => Promise<JsonObject>
  /** One field, in an object. Without a name or avatar it is empty; another field that is not there is M_NOT_FOUND. */
  readonly field: (userId: UserId, name: string) => Promise<JsonObject>
  /** Throws M_FORBIDDEN where `limit_profile_requests_to_users_who_share_rooms` says so. */
  readonly mayAsk: (asker: UserId | undefined, about: UserId) => Promise<void>
  /** Throws M_INVALID_PARAM, M_FORBIDDEN (for another's with Synapse's status 400), M_PROFILE_TOO_LARGE; M_UNKNOWN of another server's user. */
  readonly set: (
    userId: UserId,
    name: string,
    value: JsonValue,
    author: ProfileAuthor,
    tellsRooms?: boolean,
  ) => Promise<void>
  readonly remove: (userId: UserId, name: string, author: ProfileAuthor, tellsRooms?: boolean) => Promise<void>
}

export interface ProfilesDeps {
  readonly db: Queries
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  readonly serverName: string
  readonly memberships: Pick<Memberships, 'ofUser' | 'isJoined'>
  readonly propagation: Pick<ProfilePropagation, 'note' | 'begin'>
  /** `enable_set_displayname`, `enable_set_avatar_url` */
  readonly allows: { readonly displayName: boolean; readonly avatarUrl: boolean }
  /** Whether the user is in a namespace of an application service: they are not in the user directory. */
  readonly isAppserviceUser?: (userId: UserId) => boolean
  /** `limit_profile_requests_to_users_who_share_rooms` */
  readonly onlyForRoomMates: boolean
}

const MAX_DISPLAY_NAME = 256
const MAX_AVATAR_URL = 1000
/** Of the whole, in bytes of canonical JSON. */
const MAX_PROFILE_BYTES = 65_536

const notFound = () => new MatrixError('M_NOT_FOUND', 'Profile was not found')
const isBuiltIn = (name: string): name is 'displayname' | 'avatar_url' =>
  name === 'displayname' || name === 'avatar_url'

export function makeProfiles(deps: ProfilesDeps): Profiles {
  const { db, caches, serverName, memberships, propagation, allows, isAppserviceUser = () => false } = deps
  const isOurs = (userId: UserId): boolean => serverNameOf(userId) === serverName

  async function ours(userId: UserId): Promise<JsonObject | undefined> {
    // Other servers are not asked yet; this is what is said where one does not answer.
    if (!isOurs(userId)) throw new MatrixError('M_UNKNOWN', 'Failed to fetch profile', {}, 502)
    if (userId.includes('\0')) return undefined
    const row = await selectProfile(db, userId)
    return row && print(row)
  }

  function check(userId: UserId, author: ProfileAuthor, refusal: MatrixError): void {
    if (!isOurs(userId)) throw new MatrixError('M_UNKNOWN', 'User is not hosted on this homeserver')
    if (!author.isAdmin && userId !== author.userId) throw refusal
  }

  async function setBuiltIn(
    userId: UserId,
    name: 'displayname' | 'avatar_url',
    value: JsonValue,
    author: ProfileAuthor,
    tellsRooms: boolean,
  ): Promise<void> {
    const isName = name === 'displayname'
    if (typeof value !== 'string') throw new MatrixError('M_INVALID_PARAM', `'${name}' must be a string`)
    check(userId, author, new MatrixError('M_FORBIDDEN', `Cannot set another user's ${name}`, {}, 400))
    const isAllowed = author.isAdmin || (isName ? allows.displayName : allows.avatarUrl)
    // One who has none yet may have one.
    if (!isAllowed && property((await ours(userId)) ?? {}, name))
      throw new MatrixError('M_FORBIDDEN', `Changing ${isName ? 'display name' : 'avatar'} is disabled on this server`)
    const max = isName ? MAX_DISPLAY_NAME : MAX_AVATAR_URL
    if (isLongerThan(value, max))
      throw new MatrixError('M_UNKNOWN', `${isName ? 'Displayname' : 'Avatar URL'} is too long (max ${max})`)
    mustBeStorable(value)
    if (!value.isWellFormed()) throw new MatrixError('M_BAD_JSON', `${name}: lone surrogate`)
    const stored = value === '' ? null : isName ? value.trim() : value
    await change(userId, tellsRooms && !author.isShadowBanned, async (tx) => {
      await mustFit(tx, userId, name, stored)
      await (isName ? updateDisplayName : updateAvatarUrl)(tx, userId, stored)
      if (!isAppserviceUser(userId)) await refreshDirectoryUser(tx, userId)
    })
  }

  /** With telling the rooms, which is not lost once the change is there. */
  async function change(userId: UserId, tellsRooms: boolean, work: (tx: Transaction) => Promise<void>): Promise<void> {
    const task = await caches.transaction('change profile', async (tx) => {
      await work(tx)
      return tellsRooms ? await propagation.note(tx, userId) : undefined
    })
    if (task !== undefined) propagation.begin(task, userId)
  }

  return {
    async of(userId) {
      const profile = await ours(userId)
      if (profile === undefined || Object.keys(profile).length === 0) throw notFound()
      return profile
    },

    async field(userId, name) {
      const profile = await ours(userId)
      const value = profile && property(profile, name)
      if (value !== undefined) return { [name]: value }
      if (profile === undefined || !isBuiltIn(name)) throw notFound()
      return {}
    },

    async mayAsk(asker, about) {
      if (!deps.onlyForRoomMates || asker === undefined || asker === about) return
      for (const { membership, roomId } of (await memberships.ofUser(asker)).values())
        if (membership === 'join' && (await memberships.isJoined(about, roomId))) return
      throw new MatrixError('M_FORBIDDEN', "Profile isn't available")
    },

    async set(userId, name, value, author, tellsRooms = true) {
      if (isBuiltIn(name)) return await setBuiltIn(userId, name, value, author, tellsRooms)
      check(userId, author, new MatrixError('M_FORBIDDEN', "Cannot set another user's profile"))
      if ((await selectUser(db, userId)) === undefined) throw new MatrixError('M_NOT_FOUND', 'User not found')
      const text = canonicalJson(value)
      mustBeStorable(text)
      const fault = checkEncodable(value)
      if (fault !== undefined) throw new MatrixError('M_BAD_JSON', `${name}: ${fault.reason}`)
      await change(userId, false, async (tx) => {
        await mustFit(tx, userId, name, value)
        await updateProfileField(tx, userId, name, text)
      })
    },

    async remove(userId, name, author, tellsRooms = true) {
      if (isBuiltIn(name)) return await setBuiltIn(userId, name, '', author, tellsRooms)
      check(userId, author, new MatrixError('M_FORBIDDEN', "Cannot set another user's profile", {}, 400))
      await change(userId, false, async (tx) => void (await deleteProfileField(tx, userId, name)))
    },
  }
}

function print({ displayName, avatarUrl, fields }: ProfileRow): JsonObject {
  // With its numbers as they were.
  const others = fields === null ? undefined : parseJson(fields)
  return {
    ...(displayName !== null && { displayname: displayName }),
    ...(avatarUrl !== null && { avatar_url: avatarUrl }),
    ...(others?.ok && (others.value as JsonObject)),
  }
}

/** Postgres has no U+0000. */
function mustBeStorable(text: string): void {
  if (text.includes('\0') || text.includes('\\u0000'))
    throw new MatrixError('M_INVALID_PARAM', 'A profile cannot have NUL characters')
}

async function mustFit(tx: Queries, userId: UserId, name: string, value: JsonValue): Promise<void> {
  const row = await selectProfile(tx, userId)
  const profile = { ...(row && print(row)), [name]: value }
  if (Buffer.byteLength(canonicalJson(profile)) > MAX_PROFILE_BYTES)
    throw new MatrixError('M_PROFILE_TOO_LARGE', 'Profile too large')
}
