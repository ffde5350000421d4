import type { syncEndpoints } from '../../shared/endpoints/client/sync.ts'
import { defaultFilter, type Filter } from '../../shared/matrix/filter/filter.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { queryBoolean, queryInteger, queryOneOf, queryString } from '../http/query.ts'
import { jsonText } from '../http/reply.ts'
import type { Requester } from '../http/requester.ts'
import type { JsonText } from '../json-text.ts'
import type { PresenceState } from '../presence/presence.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { parseStreamToken } from '../streams/tokens.ts'
import type { Filters } from '../sync/filters.ts'
import { makeInFlight } from '../sync/in-flight.ts'
import type { Sync } from '../sync/sync.ts'

export interface SyncHandlerDeps {
  readonly sync: Sync
  readonly filters: Pick<Filters, 'byId' | 'inline'>
  readonly instances: Pick<LiveStreams['instances'], 'parse'>
  /** The device says what it is, and syncs until the function that is returned is called. */
  readonly beginSync: (requester: Requester, state: PresenceState) => () => void
}

const STATES = ['offline', 'online', 'unavailable'] as const

/** client-server-api, "Syncing". */
export const syncHandlers = ({
  sync,
  filters,
  instances,
  beginSync,
}: SyncHandlerDeps): Handlers<typeof syncEndpoints> => {
  const inFlight = makeInFlight<JsonText>()

  const filterOf = async (userId: UserId, text: string | undefined): Promise<Filter> => {
    if (text === undefined) return defaultFilter
    if (text.startsWith('{')) return filters.inline(text)
    if (!/^\d{1,15}$/.test(text)) throw new MatrixError('M_INVALID_PARAM', 'Invalid filter ID')
    const filter = await filters.byId(userId, Number(text))
    if (filter === undefined) throw new MatrixError('M_INVALID_PARAM', 'No such filter')
    return filter
  }

  return {
    async sync(request) {
      const { query } = request
      const { userId, deviceId } = request.requester
      if (query.has('from'))
        throw new MatrixError('M_UNKNOWN', "'from' is not a valid query parameter. Did you mean 'since'?")
      const timeoutMs = queryInteger(query, 'timeout') ?? 0
      const sinceText = queryString(query, 'since')
      const presence = queryOneOf(query, 'set_presence', STATES) ?? 'online'
      const filterText = queryString(query, 'filter')
      const fullState = queryBoolean(query, 'full_state') ?? false
      const useStateAfter = queryBoolean(query, 'use_state_after') ?? false
      const filter = await filterOf(userId, filterText)
      const since = sinceText === undefined ? undefined : await instances.parse(parseStreamToken, sinceText)
      if (since !== undefined && !since.ok) throw new MatrixError('M_UNKNOWN', 'Invalid stream token')

      const key = JSON.stringify([userId, deviceId, sinceText, timeoutMs, fullState, useStateAfter, filterText])
      const asked = { userId, deviceId, filter, since: since?.value, fullState, useStateAfter }
      // Who is answered at once needs no signal, which is half of what an answer without news costs.
      const waits = timeoutMs > 0 && since !== undefined && !fullState
      const end = beginSync(request.requester, presence)
      try {
        const text = await inFlight.share(key, waits ? request.waitSignal : undefined, (signal) =>
          sync(asked, { timeoutMs, signal }),
        )
        return jsonText(text)
      } finally {
        end()
      }
    },
  }
}
