/** The content of membership events: what was asked for, and the user's profile. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { type JsonObject, type JsonValue, property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'

/** As its user set it, for all rooms. */
export interface Profile {
  readonly displayName: string | null
  readonly avatarUrl: string | null
}

/** Of those who have one. Of users of other servers nothing is known. */
export type Profiles = (userIds: readonly UserId[]) => Promise<ReadonlyMap<UserId, Profile>>

const MAX_DISPLAY_NAME = 256
const MAX_AVATAR_URL = 1000

/**
 * What a client may put into the content of a membership event. Without `ownProfile` its name and avatar do not count. Throws
 * M_BAD_JSON.
 */
export function clientContent(content: JsonObject, ownProfile: boolean): JsonObject {
  const { join_authorised_via_users_server: _, displayname: name, avatar_url: avatar, ...rest } = content
  if (!ownProfile) return rest
  mustBeShort('Displayname', name, MAX_DISPLAY_NAME)
  mustBeShort('Avatar URL', avatar, MAX_AVATAR_URL)
  return {
    ...rest,
    ...(name !== undefined && { displayname: name }),
    ...(avatar !== undefined && { avatar_url: avatar }),
  }
}

function mustBeShort(what: string, value: JsonValue | undefined, max: number): void {
  if (value === undefined || value === null) return
  if (typeof value !== 'string') throw new MatrixError('M_BAD_JSON', `${what} must be a string`, {}, 400)
  if (value.length > max) throw new MatrixError('M_BAD_JSON', `${what} is too long (max ${max})`, {}, 400)
}

/** With the profile where the content has no name or avatar of its own, be it `null`. */
export function withProfile(content: JsonObject, profile: Profile | undefined): JsonObject {
  if (profile === undefined) return content
  const { displayName, avatarUrl } = profile
  return {
    ...content,
    ...(property(content, 'displayname') === undefined && displayName !== null && { displayname: displayName }),
    ...(property(content, 'avatar_url') === undefined && avatarUrl !== null && { avatar_url: avatarUrl }),
  }
}
