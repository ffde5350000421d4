/** The extension `typing`: who types in rooms of the client's lists. */

import { defaultFilter } from '../../../shared/matrix/filter/filter.ts'
import type { RoomId } from '../../../shared/matrix/ids.ts'
import { type JsonText, objectText } from '../../json-text.ts'
import type { StreamToken } from '../../streams/tokens.ts'
import { type EphemeralDeps, typingEvent } from '../../sync/ephemeral.ts'
import type { ExtensionAnswer } from './answer.ts'

export function typingExtension(
  deps: Pick<EphemeralDeps, 'typing'>,
  rooms: ReadonlySet<RoomId>,
  since: StreamToken | undefined,
  now: StreamToken,
): ExtensionAnswer {
  const events: Record<RoomId, JsonText> = {}
  for (const roomId of rooms) {
    const event = typingEvent(deps, roomId, since, now, defaultFilter.room.ephemeral)
    if (event !== undefined) events[roomId] = event
  }
  return { text: objectText({ rooms: objectText(events) }), hasNews: Object.keys(events).length > 0 }
}
