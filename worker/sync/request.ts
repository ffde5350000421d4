import type { Filter } from '../../shared/matrix/filter/filter.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import type { StreamToken } from '../streams/tokens.ts'
import { isHistoric } from '../streams/tokens.ts'
import { type MultiWriterToken, tokenAt } from '../streams/vector-clock.ts'

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

/** Position in the stream of events. A token of a room's history, which no `/sync` gives out, is where its event arrived. */
export const eventsOf = ({ room }: StreamToken): MultiWriterToken =>
  isHistoric(room) ? tokenAt(Math.max(0, room.stream)) : room
