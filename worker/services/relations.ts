/** What relates to events, put together. */

import { relationsEndpoints } from '../../shared/endpoints/client/relations.ts'
import { threadsListEndpoints } from '../../shared/endpoints/client/threads_list.ts'
import { type RelationsDeps, relationsHandlers } from '../client/relations.ts'
import { threadsListHandlers } from '../client/threads_list.ts'
import { type Operation, operations } from '../http/handlers.ts'
import { makeRelationPages, type RelationPagesDeps } from '../rooms/relations/pages.ts'

export function relationOperations(deps: Omit<RelationsDeps, 'relationPages'> & RelationPagesDeps): Operation[] {
  const relationPages = makeRelationPages(deps)
  return [
    ...operations('client/relations', relationsEndpoints, relationsHandlers({ ...deps, relationPages })),
    ...operations('client/threads_list', threadsListEndpoints, threadsListHandlers({ ...deps, relationPages })),
  ]
}
