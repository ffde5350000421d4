import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import type { EventId } from '../../../shared/matrix/ids.ts'
import { isObject } from '../../../shared/matrix/json/value.ts'
import type { Relation } from '../../storage/events.ts'

/** `m.relates_to` (client-server-api, "Forming relationships between events"), if it is one that can be looked for. */
export function relationOf({ eventId, content }: RoomEvent): Relation | undefined {
  const relatesTo = content['m.relates_to']
  if (!isObject(relatesTo)) return undefined
  const { rel_type: relationType, event_id: target, key } = relatesTo
  if (!isStorable(relationType) || !isStorable(target)) return undefined
  const aggregationKey = relationType === 'm.annotation' && isStorable(key) ? key : null
  return { eventId, relatesTo: target as EventId, relationType, aggregationKey }
}

/** Postgres has no NUL in text, and its indexes no entries of more than 2,700 bytes, of which there are three here. */
const isStorable = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 255 && !value.includes('\0')
