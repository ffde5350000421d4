import type { spaceHierarchyEndpoints } from '../../shared/endpoints/client/space_hierarchy.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import type { Hierarchy } from '../directory/hierarchy.ts'
import type { Handlers } from '../http/handlers.ts'
import { queryBoolean, queryInteger, queryString } from '../http/query.ts'
import type { RequestLimit } from './request-limit.ts'

export interface SpaceHierarchyDeps {
  readonly hierarchy: Hierarchy
  readonly limit: RequestLimit
}

/** Client-server-api, "Spaces". */
export const spaceHierarchyHandlers = ({
  hierarchy,
  limit,
}: SpaceHierarchyDeps): Handlers<typeof spaceHierarchyEndpoints> => ({
  async getSpaceHierarchy({ params, query, requester }) {
    const request = {
      roomId: params.roomId as RoomId,
      suggestedOnly: queryBoolean(query, 'suggested_only') ?? false,
      maxDepth: queryInteger(query, 'max_depth'),
      limit: queryInteger(query, 'limit'),
      from: queryString(query, 'from'),
    }
    await limit(requester)
    return hierarchy(requester.userId, request)
  },
})
