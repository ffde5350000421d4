/** How an event relates to another, as clients wrote it. What of it can be looked for is `persist/relation.ts`. */

import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import { isObject } from '../../../shared/matrix/json/value.ts'

/** `rel_type`; undefined: it relates to nothing (client-server-api, "Forming relationships between events"). */
export function relationTypeOf({ content }: RoomEvent): string | undefined {
  const relatesTo = content['m.relates_to']
  if (!isObject(relatesTo) || typeof relatesTo.event_id !== 'string') return undefined
  return typeof relatesTo.rel_type === 'string' ? relatesTo.rel_type : undefined
}
