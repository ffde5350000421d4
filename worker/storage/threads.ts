/** Which thread an event is part of, by the relations that are stored (`event_relations`). */

import type { EventId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

/** Relations of relations: as many steps as Synapse goes. */
const UPWARDS = `with recursive up as (
    select event_id, relates_to_id, relation_type, 0 as depth from event_relations where event_id = $1
    union
    select r.event_id, r.relates_to_id, r.relation_type, up.depth + 1
    from event_relations r join up on r.event_id = up.relates_to_id where up.depth <= 3
  )`

/** The root of the thread that the event, or one that it is related to, is in; undefined: none, it is in the main timeline. */
export async function selectThreadOf(db: Queries, eventId: EventId): Promise<EventId | undefined> {
  const row = await db.one<{ readonly root: EventId }>(
    `${UPWARDS} select relates_to_id as root from up where relation_type = 'm.thread' order by depth desc limit 1`,
    [eventId],
  )
  return row?.root
}

/**
 * As {@link selectThreadOf}, but the root is in its thread too, and what is related to the root: a receipt in the thread
 * may name them.
 */
export async function selectThreadForReceipt(db: Queries, eventId: EventId): Promise<EventId | undefined> {
  const row = await db.one<{ readonly root: EventId }>(
    `${UPWARDS} select relates_to_id as root from event_relations
     where relates_to_id = coalesce((select relates_to_id from up order by depth desc limit 1), $1)
       and relation_type = 'm.thread' limit 1`,
    [eventId],
  )
  return row?.root
}
