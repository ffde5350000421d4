/** What was redacted, and is still in the database. */

import type { EventId } from '../../shared/matrix/ids.ts'
import type { Db, Queries } from './db.ts'

export interface UncensoredRow {
  readonly redactionId: EventId
  readonly redacts: EventId
}

/** Redactions that came before `receivedBefore` (milliseconds since 1970), the oldest first, at most `limit`. */
export const selectUncensored = (db: Queries, receivedBefore: number, limit: number) =>
  db.rows<UncensoredRow>(
    `select event_id as "redactionId", redacts from redactions
     where not have_censored and received_ts <= $1 order by received_ts limit $2`,
    [receivedBefore, limit],
  )

export interface Censored {
  readonly redactionIds: readonly EventId[]
  /** Events without what their redactions take, as JSON. */
  readonly events: readonly { readonly eventId: EventId; readonly json: string }[]
}

/** The texts take the place of those that were stored; none of the redactions is looked at again. */
export const censor = (db: Db, { redactionIds, events }: Censored): Promise<void> =>
  db.transaction(
    'read committed',
    async (tx) => {
      await Promise.all([
        tx.run(
          `update event_json j set json = c.json from unnest($1::text[], $2::text[]) as c (event_id, json)
           where j.event_id = c.event_id`,
          [events.map(({ eventId }) => eventId), events.map(({ json }) => json)],
        ),
        tx.run('update redactions set have_censored = true where event_id = any($1)', [redactionIds]),
      ])
    },
    'censor_redactions',
  )
