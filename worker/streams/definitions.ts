/**
 * Every stream, in one table (Synapse 1.163: its 19 streams). A stream is a list of facts in the order of their IDs; each
 * process that may write it announces the position up to which it has written, and the rows.
 */

import { flag, integer, layout, layoutByKind, list, object, orNull, type RowLayout, text, texts } from './row.ts'

/** The main process has this name everywhere but in `instance_map`, where it is `main`. */
export const MAIN = 'master'

export interface StreamDefinition<Row = unknown> {
  /** Who writes it: the processes under this key of `stream_writers`, the main process, or each and every process. */
  readonly writers: WritersKey | 'main' | 'everyone'
  /** Whether `stream_writers` may name more than one. */
  readonly severalWriters: boolean
  /** Undefined: positions are counted in the memory of the one writer. */
  readonly ids: StreamIds | undefined
  readonly row: RowLayout<Row>
  /** Where a reader that missed something finds it: in the tables, or with the writer (`get_repl_stream_updates`). */
  readonly catchUp: 'database' | 'writer'
  /** Its positions start from low again when the writer does: a lower POSITION means that all is to be fetched anew. */
  readonly goesBackwards: boolean
}

export type WritersKey =
  | 'events'
  | 'presence'
  | 'typing'
  | 'receipts'
  | 'account_data'
  | 'to_device'
  | 'device_lists'
  | 'push_rules'
  | 'thread_subscriptions'
  | 'quarantined_media_changes'

/** IDs that come from a Postgres sequence, and the columns that hold them. */
export interface StreamIds {
  /** Its name in the table `stream_positions`, which is not always the stream's. */
  readonly positions: string
  readonly sequence: string
  readonly columns: readonly IdColumn[]
  /** IDs are stored as -1, -2 … (backfilled events); positions are positive everywhere else. */
  readonly negative: boolean
}

export interface IdColumn {
  readonly table: string
  readonly id: string
  /** Holds the name of the process that wrote the row. */
  readonly instance: string
}

const column = (table: string, id = 'stream_id'): IdColumn => ({ table, id, instance: 'instance_name' })

const ids = (positions: string, sequence: string, ...columns: readonly IdColumn[]): StreamIds => ({
  positions,
  sequence,
  columns,
  negative: false,
})

interface Given<Row> {
  readonly writers: StreamDefinition['writers']
  readonly severalWriters?: boolean
  readonly ids?: StreamIds
  readonly row: RowLayout<Row>
  readonly catchUp?: StreamDefinition['catchUp']
  readonly goesBackwards?: boolean
}

const stream = <Row>(given: Given<Row>): StreamDefinition<Row> => ({
  severalWriters: false,
  ids: undefined,
  catchUp: 'database',
  goesBackwards: false,
  ...given,
})

export const streams = {
  /** New events, and changes of rooms' current state. `state-all`: too many changes to name, forget the room's state. */
  events: stream({
    writers: 'events',
    severalWriters: true,
    ids: ids(
      'events',
      'events_stream_seq',
      column('events', 'stream_ordering'),
      column('current_state_delta_stream'),
      column('ex_outlier_stream', 'event_stream_ordering'),
    ),
    row: layoutByKind({
      ev: layout({
        eventId: text,
        roomId: text,
        type: text,
        stateKey: orNull(text),
        redacts: orNull(text),
        relatesTo: orNull(text),
        membership: orNull(text),
        rejected: flag,
        outlier: flag,
      }),
      state: layout({ roomId: text, type: text, stateKey: text, eventId: orNull(text) }),
      'state-all': layout({ roomId: text }),
    }),
  }),
  /** Old events that were fetched from other servers, or are no outliers any more. */
  backfill: stream({
    writers: 'events',
    severalWriters: true,
    ids: {
      ...ids(
        'backfill',
        'events_backfill_stream_seq',
        column('events', 'stream_ordering'),
        column('ex_outlier_stream', 'event_stream_ordering'),
      ),
      negative: true,
    },
    row: layout({
      eventId: text,
      roomId: text,
      type: text,
      stateKey: orNull(text),
      redacts: orNull(text),
      relatesTo: orNull(text),
    }),
  }),
  /** The table lags behind the writer, which alone knows all. Times in ms since 1970. */
  presence: stream({
    writers: 'presence',
    ids: ids('presence_stream', 'presence_stream_sequence', column('presence_stream')),
    row: layout({
      userId: text,
      state: text,
      lastActiveTs: integer,
      lastFederationUpdateTs: integer,
      lastUserSyncTs: integer,
      statusMsg: orNull(text),
      currentlyActive: flag,
    }),
    catchUp: 'writer',
  }),
  /** Presence of a user, to be sent to a server out of turn. */
  presence_federation: stream({
    writers: 'presence',
    row: layout({ destination: text, userId: text }),
    catchUp: 'writer',
    goesBackwards: true,
  }),
  /** All who type in a room; replaces what was there. */
  typing: stream({
    writers: 'typing',
    row: layout({ roomId: text, userIds: texts }),
    catchUp: 'writer',
    goesBackwards: true,
  }),
  receipts: stream({
    writers: 'receipts',
    severalWriters: true,
    ids: ids('receipts', 'receipts_sequence', column('receipts_linearized')),
    row: layout({
      roomId: text,
      receiptType: text,
      userId: text,
      eventId: text,
      threadId: orNull(text),
      data: object,
    }),
  }),
  /** `roomId` null: the user's own; tags are of type `m.tag`. */
  account_data: stream({
    writers: 'account_data',
    ids: ids(
      'account_data',
      'account_data_sequence',
      column('account_data'),
      column('room_account_data'),
      column('room_tags_revisions'),
    ),
    row: layout({ userId: text, roomId: orNull(text), type: text }),
  }),
  /** `entity`: a user of ours, or a server for whom a message waits. */
  to_device: stream({
    writers: 'to_device',
    ids: ids('to_device', 'device_inbox_sequence', column('device_inbox'), column('device_federation_outbox')),
    row: layout({ entity: text }),
  }),
  /** `isSignature`: the user signed a key of their own. `hostsCalculated`: it is known which servers are to be told. */
  device_lists: stream({
    writers: 'device_lists',
    severalWriters: true,
    ids: ids(
      'device_lists_stream',
      'device_lists_sequence',
      column('device_lists_stream'),
      column('user_signature_stream'),
      column('device_lists_outbound_pokes'),
      column('device_lists_changes_in_room'),
      column('device_lists_remote_pending'),
      column('device_lists_changes_converted_stream_position'),
    ),
    row: layout({ userId: text, isSignature: flag, hostsCalculated: flag }),
  }),
  push_rules: stream({
    writers: 'push_rules',
    ids: ids('push_rules_stream', 'push_rules_stream_sequence', column('push_rules_stream')),
    row: layout({ userId: text }),
  }),
  pushers: stream({
    writers: 'main',
    ids: ids('pushers', 'pushers_sequence', column('pushers', 'id'), column('deleted_pushers')),
    row: layout({ userId: text, appId: text, pushkey: text, deleted: flag }),
  }),
  /** Names of Synapse's cached functions and the entry that is stale; `keys` null: all of them. */
  caches: stream({
    writers: 'everyone',
    severalWriters: true,
    ids: ids('caches', 'cache_invalidation_stream_seq', column('cache_invalidation_stream_by_instance')),
    row: layout({ cacheFunc: text, keys: orNull(list), invalidationTs: orNull(integer) }),
  }),
  /** What main would send to other servers if it did; kept in its memory until it is acknowledged. */
  federation: stream({
    writers: 'main',
    row: layout({ kind: text, data: object }),
    catchUp: 'writer',
    goesBackwards: true,
  }),
  thread_subscriptions: stream({
    writers: 'thread_subscriptions',
    severalWriters: true,
    ids: ids('thread_subscriptions', 'thread_subscriptions_sequence', column('thread_subscriptions')),
    row: layout({ userId: text, roomId: text, eventId: text }),
  }),
  sticky_events: stream({
    writers: 'events',
    severalWriters: true,
    ids: ids('sticky_events', 'sticky_events_sequence', column('sticky_events')),
    row: layout({ roomId: text, eventId: text }),
  }),
  /** `action`: `update`, `joined_room`, `left_room`; `fields` null but for `update`. */
  profile_updates: stream({
    writers: 'events',
    severalWriters: true,
    ids: ids('profile_updates', 'profile_updates_sequence', column('profile_updates')),
    row: layout({ userId: text, action: text, fields: orNull(texts) }),
  }),
  quarantined_media: stream({
    writers: 'quarantined_media_changes',
    severalWriters: true,
    ids: ids('quarantined_media', 'quarantined_media_id_seq', column('quarantined_media_changes')),
    // Local media have no origin.
    row: layout({ origin: orNull(text), mediaId: text, quarantined: flag }),
  }),
  un_partial_stated_room: stream({
    writers: 'main',
    ids: ids(
      'un_partial_stated_room_stream',
      'un_partial_stated_room_stream_sequence',
      column('un_partial_stated_room_stream'),
    ),
    row: layout({ roomId: text }),
  }),
  un_partial_stated_event: stream({
    writers: 'main',
    ids: ids(
      'un_partial_stated_event_stream',
      'un_partial_stated_event_stream_sequence',
      column('un_partial_stated_event_stream'),
    ),
    row: layout({ eventId: text, rejectionStatusChanged: flag }),
  }),
} as const satisfies Readonly<Record<string, StreamDefinition>>

export type StreamName = keyof typeof streams
export type StreamRow<Name extends StreamName> =
  (typeof streams)[Name] extends StreamDefinition<infer Row> ? Row : never

export const streamNames = Object.keys(streams) as readonly StreamName[]
export const isStreamName = (name: string): name is StreamName => Object.hasOwn(streams, name)

/**
 * The processes that write a stream, in the order of the configuration; empty where every process does.
 * Without an entry in `stream_writers` it is the main process.
 */
export function writersOf(
  { writers }: Pick<StreamDefinition, 'writers'>,
  streamWriters: Readonly<Partial<Record<WritersKey, readonly string[]>>>,
): readonly string[] {
  if (writers === 'everyone') return []
  return writers === 'main' ? [MAIN] : (streamWriters[writers] ?? [MAIN])
}
