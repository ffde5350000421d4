/**
 * What a process wrote to a stream, from the tables: for those that missed it. Rows that came before another of the same key
 * are not there any more; the later one is.
 */

import type { Queries } from './db.ts'

/** A row of a stream, its fields besides. */
export interface StreamUpdateRow {
  /** Positive, of backfilled events too. */
  readonly position: number
}

/**
 * Rows that `instance` wrote after `from`, up to and including `to`, by position: `limit` of them, and all others of the last
 * position.
 */
export type SelectUpdates = (
  db: Queries,
  instance: string,
  from: number,
  to: number,
  limit: number,
) => Promise<readonly StreamUpdateRow[]>

interface Source {
  /** The stream's fields, as they are called in `worker/streams/definitions.ts`. */
  readonly fields: string
  /** One table, which may be joined to others. */
  readonly from: string
  readonly id?: string
  readonly instance?: string
  /** IDs of the table are negative. */
  readonly negative?: boolean
  /** Rows of one position that say the same are one. */
  readonly distinct?: boolean
}

function select({
  fields,
  from,
  id = 'stream_id',
  instance = 'instance_name',
  negative = false,
  distinct = false,
}: Source): SelectUpdates {
  const bounds = negative ? `${id} < -$2::bigint and ${id} >= -$3::bigint` : `${id} > $2 and ${id} <= $3`
  // Rows from before there were several writers have no name: then there was only the main process.
  const sql = `select ${distinct ? 'distinct ' : ''}${negative ? '-' : ''}${id} as position, ${fields} from ${from}
    where ${bounds} and coalesce(${instance}, 'master') = $1
    order by position fetch first ($4) rows with ties`
  return (db, ...params) => db.rows<StreamUpdateRow>(sql, params)
}

const EVENT = `e.event_id as "eventId", e.room_id as "roomId", e.type, coalesce(e.state_key, s.state_key) as "stateKey",
  r.redacts, (select relates_to_id from event_relations a where a.event_id = e.event_id limit 1) as "relatesTo"`
const EVENT_TABLES = `left join state_events s on s.event_id = e.event_id
  left join redactions r on r.event_id = e.event_id`
const NEW_EVENT = `'ev' as kind, ${EVENT}, m.membership, x.event_id is not null as rejected, e.outlier`
const NEW_EVENT_TABLES = `${EVENT_TABLES} left join room_memberships m on m.event_id = e.event_id
  left join rejections x on x.event_id = e.event_id`
const EX_OUTLIER = 'ex_outlier_stream o join events e on e.event_id = o.event_id'
const exOutlier = { id: 'o.event_stream_ordering', instance: 'o.instance_name' }

/** By stream: each of its tables. */
export const streamUpdates = {
  events: [
    select({
      fields: NEW_EVENT,
      from: `events e ${NEW_EVENT_TABLES}`,
      id: 'e.stream_ordering',
      instance: 'e.instance_name',
    }),
    select({ fields: NEW_EVENT, from: `${EX_OUTLIER} ${NEW_EVENT_TABLES}`, ...exOutlier }),
    select({
      fields: `'state' as kind, room_id as "roomId", type, state_key as "stateKey", event_id as "eventId"`,
      from: 'current_state_delta_stream',
    }),
  ],
  backfill: [
    select({
      fields: EVENT,
      from: `events e ${EVENT_TABLES}`,
      id: 'e.stream_ordering',
      instance: 'e.instance_name',
      negative: true,
    }),
    select({ fields: EVENT, from: `${EX_OUTLIER} ${EVENT_TABLES}`, ...exOutlier, negative: true }),
  ],
  receipts: [
    select({
      fields: `room_id as "roomId", receipt_type as "receiptType", user_id as "userId", event_id as "eventId",
        thread_id as "threadId", data`,
      from: 'receipts_linearized',
    }),
  ],
  account_data: [
    select({ fields: `user_id as "userId", null as "roomId", account_data_type as type`, from: 'account_data' }),
    select({
      fields: `user_id as "userId", room_id as "roomId", account_data_type as type`,
      from: 'room_account_data',
    }),
    select({ fields: `user_id as "userId", room_id as "roomId", 'm.tag' as type`, from: 'room_tags_revisions' }),
  ],
  to_device: [
    select({ fields: 'user_id as entity', from: 'device_inbox', distinct: true }),
    select({ fields: 'destination as entity', from: 'device_federation_outbox', distinct: true }),
  ],
  device_lists: [
    select({
      fields: `user_id as "userId", false as "isSignature", false as "hostsCalculated"`,
      from: 'device_lists_stream',
    }),
    select({
      fields: `user_id as "userId", false as "isSignature", true as "hostsCalculated"`,
      from: 'device_lists_outbound_pokes',
      distinct: true,
    }),
    select({
      fields: `from_user_id as "userId", true as "isSignature", false as "hostsCalculated"`,
      from: 'user_signature_stream',
    }),
  ],
  push_rules: [select({ fields: 'user_id as "userId"', from: 'push_rules_stream' })],
  pushers: [
    select({
      fields: `user_name as "userId", app_id as "appId", pushkey, false as deleted`,
      from: 'pushers',
      id: 'id',
    }),
    select({ fields: `user_id as "userId", app_id as "appId", pushkey, true as deleted`, from: 'deleted_pushers' }),
  ],
  caches: [
    select({
      fields: `cache_func as "cacheFunc", keys, invalidation_ts as "invalidationTs"`,
      from: 'cache_invalidation_stream_by_instance',
    }),
  ],
  thread_subscriptions: [
    select({ fields: `user_id as "userId", room_id as "roomId", event_id as "eventId"`, from: 'thread_subscriptions' }),
  ],
  sticky_events: [select({ fields: `room_id as "roomId", event_id as "eventId"`, from: 'sticky_events' })],
  profile_updates: [
    select({
      fields: `user_id as "userId", action, case when jsonb_typeof(affected_fields) = 'array'
        then array(select jsonb_array_elements_text(affected_fields)) end as fields`,
      from: 'profile_updates',
    }),
  ],
  quarantined_media: [
    select({ fields: `origin, media_id as "mediaId", quarantined`, from: 'quarantined_media_changes' }),
  ],
  un_partial_stated_room: [select({ fields: 'room_id as "roomId"', from: 'un_partial_stated_room_stream' })],
  un_partial_stated_event: [
    select({
      fields: `event_id as "eventId", rejection_status_changed as "rejectionStatusChanged"`,
      from: 'un_partial_stated_event_stream',
    }),
  ],
} as const satisfies Readonly<Record<string, readonly SelectUpdates[]>>
