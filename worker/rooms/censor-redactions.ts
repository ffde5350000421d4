import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import { censor, selectUncensored } from '../storage/censored.ts'
import type { Db } from '../storage/db.ts'
import type { EventStore } from './event-store.ts'

const AT_ONCE = 100
/** Of one run. */
const BATCHES = 20

/**
 * Deletes from the database what was redacted before `receivedBefore` (milliseconds since 1970; `redaction_retention_period`).
 * What a redaction may not take stays. May be ended at any time.
 */
export async function censorRedactions(
  { db, events }: { readonly db: Db; readonly events: Pick<EventStore, 'get'> },
  receivedBefore: number,
): Promise<void> {
  for (let batch = 0; batch < BATCHES; batch++) {
    const rows = await selectUncensored(db, receivedBefore, AT_ONCE)
    if (rows.length === 0) return
    const known = await events.get([...new Set(rows.map(({ redacts }) => redacts))])
    const redacted = [...known.values()].filter(({ redactedBecause }) => redactedBecause !== undefined)
    await censor(db, {
      redactionIds: rows.map(({ redactionId }) => redactionId),
      events: redacted.map(({ event }) => ({ eventId: event.eventId, json: canonicalJson(event.json) })),
    })
    if (rows.length < AT_ONCE) return
  }
}
