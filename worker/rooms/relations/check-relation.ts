/** What a new event's relation must be (client-server-api, "Server-side aggregation of relationships"). Checks and errors are Synapse's. */

import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { isObject } from '../../../shared/matrix/json/value.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import type { Queries } from '../../storage/db.ts'
import { hasAnnotated, isRelatedTo } from '../../storage/relations.ts'
import type { EventStore } from '../event-store.ts'
import type { EventIntent } from '../sender.ts'
import { relationTypeOf } from './relation.ts'

export interface CheckRelationDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get' | 'peek'>
}

/**
 * Throws, with 400, for a relation to an event of another room, or to one that nobody here can know of; for a reaction without
 * its key, or that the user gave before; for a thread on an event that relates to another one. An event without a relation costs nothing.
 */
export type CheckRelation = (roomId: RoomId, sender: UserId, intent: EventIntent) => Promise<void>

const MAX_KEY = 500

const refused = (message: string, errcode = 'M_UNKNOWN') => new MatrixError(errcode, message, {}, 400)

export const makeCheckRelation =
  ({ db, events }: CheckRelationDeps): CheckRelation =>
  async (roomId, sender, { type, content }) => {
    const relatesTo = content['m.relates_to']
    if (!isObject(relatesTo)) return
    const { rel_type: relationType, event_id: target, key } = relatesTo
    if (typeof relationType !== 'string' || typeof target !== 'string') return
    const parentId = target as EventId
    // Postgres cannot be asked for a NUL.
    if (target.includes('\0')) throw unknown()
    const known = events.peek(parentId) ?? (await events.get([parentId])).get(parentId)
    const parent = known?.isRejected ? undefined : known
    if (parent === undefined) {
      // Somebody else's relation to it may be how the client knows of it.
      if (!(await isRelatedTo(db, parentId))) throw unknown()
    } else if (parent.event.roomId !== roomId) throw refused('Relations must be in the same room')

    if (relationType === 'm.annotation') {
      if (typeof key !== 'string') throw refused('Missing aggregation key')
      if (tooLong(key)) throw refused('Aggregation key is too long')
      if (!key.includes('\0') && !type.includes('\0') && (await hasAnnotated(db, parentId, sender, type, key)))
        throw refused("Can't send same reaction twice", 'M_DUPLICATE_ANNOTATION')
    }
    // Of a redacted one the relation is gone, and a thread may begin.
    if (relationType === 'm.thread' && parent !== undefined && relationTypeOf(parent.event) !== undefined)
      throw refused('Cannot start threads from an event with a relation')
  }

const unknown = () => refused("Can't send relation to unknown event")

/** In characters, as people count. */
const tooLong = (key: string): boolean => key.length > 2 * MAX_KEY || [...key].length > MAX_KEY
