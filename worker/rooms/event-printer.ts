/** Events as clients get them, as text: what is the same for every reader is printed once for each event. */

import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import type { VisibleEvent } from './visibility.ts'

export interface EventReader {
  readonly userId: UserId
  /** Their transaction ID is told to the device that sent the event. */
  readonly deviceId?: string | undefined
}

export interface PrintOptions {
  /** False where the answer says the room elsewhere, as `/sync` does. */
  readonly withRoomId: boolean
  /** `event_format` of a filter. */
  readonly format?: 'client' | 'federation' | undefined
  /** `event_fields` of a filter: the compiled projection of `shared/matrix/filter/event-fields.ts`. */
  readonly fields?: ((event: object) => object) | undefined
  /** Milliseconds since 1970, for `age`. */
  readonly now: number
}

export interface EventPrinter {
  /** The JSON text of each, in the same order. What they replaced (`prev_content`) is read for all of them at once. */
  readonly print: (
    events: readonly VisibleEvent[],
    reader: EventReader,
    options: PrintOptions,
  ) => Promise<readonly string[]>
  /** `invite_state` and its like (client-server-api, "Stripped state"). */
  readonly stripped: (event: RoomEvent) => string
}
