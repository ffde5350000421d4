/** Which events a user may see: the only place that decides it, for every read. The rules are `shared/matrix/visibility.ts`. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { KnownEvent } from './event-store.ts'

export interface VisibleEvent {
  readonly known: KnownEvent
  /** The user's membership at the event, for `unsigned.membership`. */
  readonly membership: string
  /** The sender's data were erased, and the user was not there: only what redaction leaves may be shown. */
  readonly isPruned: boolean
}

export interface VisibilityOptions {
  /** Not a member, and only looking in (world-readable rooms). */
  readonly isPeeking?: boolean
  /** Events that are shown whatever the state at them says: the user's own membership event in a room that they left. */
  readonly alwaysInclude?: ReadonlySet<string>
}

export interface Visibility {
  /** Of these events, of any rooms, those that the user may see, in the same order. State is read for all of them at once. */
  readonly filter: (
    userId: UserId,
    events: readonly KnownEvent[],
    options?: VisibilityOptions,
  ) => Promise<readonly VisibleEvent[]>
}
