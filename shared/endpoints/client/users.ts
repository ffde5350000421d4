import { integer, object, optional, string } from '../../schema.ts'
import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `users.yaml`. */
export const usersEndpoints = endpoints({
  searchUserDirectory: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/user_directory/search',
    auth: 'user',
    served: 'generic',
    class: 'user_directory',
    sticky: 'user',
    body: object({ search_term: string(), limit: optional(integer()) }),
  },
})
