import type { usersEndpoints } from '../../shared/endpoints/client/users.ts'
import type { SearchUsers } from '../directory/search-users.ts'
import type { Handlers } from '../http/handlers.ts'
import type { RequestLimit } from './request-limit.ts'

export interface UsersDeps {
  readonly search: SearchUsers
  readonly isEnabled: boolean
  /** `rc_user_directory` */
  readonly limit: RequestLimit
}

const USUAL = 10
const MOST = 50

/** Client-server-api, "User directory". */
export const usersHandlers = ({ search, isEnabled, limit }: UsersDeps): Handlers<typeof usersEndpoints> => ({
  async searchUserDirectory({ body, requester }) {
    if (!isEnabled) return { limited: false, results: [] }
    await limit(requester)
    return search(requester.userId, body.search_term, Math.max(0, Math.min(body.limit ?? USUAL, MOST)))
  },
})
