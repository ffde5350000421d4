import type { ServerName, UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { Queries } from '../storage/db.ts'
import { searchUsers } from '../storage/user-directory.ts'
import { wordQueries } from './search-words.ts'

/** `user_directory` of the configuration. */
export interface UserDirectorySettings {
  readonly enabled: boolean
  readonly searchAllUsers: boolean
  readonly preferLocalUsers: boolean
  readonly excludeRemoteUsers: boolean
  readonly showLockedUsers: boolean
}

export interface SearchUsersDeps {
  readonly db: Queries
  readonly serverName: ServerName
  readonly settings: UserDirectorySettings
}

/** Users by parts of names and IDs, the best first (client-server-api, "User directory"), as clients get them. */
export type SearchUsers = (searcher: UserId, term: string, limit: number) => Promise<JsonObject>

export const makeSearchUsers =
  ({ db, serverName, settings }: SearchUsersDeps): SearchUsers =>
  async (searcher, term, limit) => {
    const queries = wordQueries(term)
    if (!settings.enabled || queries.query === '') return { limited: false, results: [] }
    const found = await searchUsers(db, {
      ...queries,
      searcher,
      limit: limit + 1,
      all: settings.searchAllUsers,
      showsLocked: settings.showLockedUsers,
      onlyLocals: settings.excludeRemoteUsers,
      preferredSuffix: settings.preferLocalUsers ? `:${serverName}` : undefined,
    })
    return {
      limited: found.length > limit,
      results: found.slice(0, limit).map(({ userId, displayName, avatarUrl }) => ({
        user_id: userId,
        display_name: displayName,
        avatar_url: avatarUrl,
      })),
    }
  }
