import type { Filter } from '../../shared/matrix/filter/filter.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import type { StreamToken } from '../streams/tokens.ts'

/** What a client asks of `/sync`. */
export interface SyncRequest {
  readonly userId: UserId
  readonly deviceId: string | undefined
  readonly filter: Filter
  /** Undefined: everything, as for the first time. */
  readonly since: StreamToken | undefined
  readonly fullState: boolean
  /** `state_after` takes the place of `state` (client-server-api v1.16). */
  readonly useStateAfter: boolean
}

export { eventsOf } from '../streams/tokens.ts'
