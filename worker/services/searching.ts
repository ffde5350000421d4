/** Searching, put together. */

import { searchEndpoints } from '../../shared/endpoints/client/search.ts'
import { type SearchHandlerDeps, searchHandlers } from '../client/search.ts'
import { type Operation, operations } from '../http/handlers.ts'
import { type ContextsDeps, makeContexts } from '../rooms/search/contexts.ts'
import { makeSearch, type SearchDeps } from '../rooms/search/search.ts'

export const searchOperations = (
  deps: Omit<SearchHandlerDeps, 'search' | 'contexts'> & SearchDeps & ContextsDeps,
): Operation[] =>
  operations(
    'client/search',
    searchEndpoints,
    searchHandlers({ ...deps, search: makeSearch(deps), contexts: makeContexts(deps) }),
  )
