-- Messages to devices, changes of devices, and the keys of end-to-end encryption.

create sequence device_inbox_sequence;
create sequence device_lists_sequence;
create sequence e2e_cross_signing_keys_sequence;
-- The first position of a stream is 2: 1 stands for "before everything".
select setval('device_inbox_sequence', 1);
select setval('device_lists_sequence', 1);
select setval('e2e_cross_signing_keys_sequence', 1);

create table device_federation_inbox (
  origin text not null,
  message_id text not null,
  received_ts bigint not null,
  instance_name text
);
create index device_federation_inbox_received_ts_index on device_federation_inbox (received_ts);
create index device_federation_inbox_sender_id on device_federation_inbox (origin, message_id);

create table device_federation_outbox (
  destination text not null,
  stream_id bigint not null,
  queued_ts bigint not null,
  messages_json text not null,
  instance_name text
);
create index device_federation_outbox_destination_id on device_federation_outbox (destination, stream_id);
create index device_federation_outbox_id on device_federation_outbox (stream_id);

create table device_inbox (
  user_id text not null,
  device_id text not null,
  stream_id bigint not null,
  message_json text not null,
  instance_name text
);
create index device_inbox_stream_id_user_id on device_inbox (stream_id, user_id);
create index device_inbox_user_stream_id on device_inbox (user_id, device_id, stream_id);

create table device_lists_changes_converted_stream_position (
  lock character(1) not null default 'X',
  stream_id bigint not null,
  room_id text not null,
  instance_name text,
  constraint device_lists_changes_converted_stream_position_lock_check check (lock = 'X'),
  constraint device_lists_changes_converted_stream_position_lock_key unique (lock)
);
insert into device_lists_changes_converted_stream_position (stream_id, room_id) values (1, '');

create table device_lists_changes_in_room (
  user_id text not null,
  device_id text not null,
  room_id text not null,
  stream_id bigint not null,
  converted_to_destinations boolean not null,
  opentracing_context text,
  instance_name text,
  inserted_ts bigint
);
create index device_lists_changes_in_room_by_room_idx on device_lists_changes_in_room (room_id, stream_id);
create index device_lists_changes_in_room_inserted_ts_idx
    on device_lists_changes_in_room (inserted_ts) where inserted_ts is not null;
create index device_lists_changes_in_room_unconverted_idx
    on device_lists_changes_in_room (user_id, device_id, room_id, stream_id) where not converted_to_destinations;
create unique index device_lists_changes_in_stream_id on device_lists_changes_in_room (stream_id, room_id);
create index device_lists_changes_in_stream_id_unconverted
    on device_lists_changes_in_room (stream_id) where not converted_to_destinations;

create table device_lists_changes_in_room_max_pruned_stream_id (
  lock character(1) not null default 'X',
  stream_id bigint not null,
  constraint device_lists_changes_in_room_max_pruned_stream_id_lock_key unique (lock)
);
insert into device_lists_changes_in_room_max_pruned_stream_id (stream_id) values (0);

create table device_lists_outbound_last_success (
  destination text not null,
  user_id text not null,
  stream_id bigint not null
);
create unique index device_lists_outbound_last_success_unique_idx
    on device_lists_outbound_last_success (destination, user_id);

create table device_lists_outbound_pokes (
  destination text not null,
  stream_id bigint not null,
  user_id text not null,
  device_id text not null,
  sent boolean not null,
  ts bigint not null,
  opentracing_context text,
  instance_name text
);
create index device_lists_outbound_pokes_id on device_lists_outbound_pokes (destination, stream_id);
create index device_lists_outbound_pokes_stream on device_lists_outbound_pokes (stream_id);
create index device_lists_outbound_pokes_user on device_lists_outbound_pokes (destination, user_id);

create table device_lists_remote_cache (
  user_id text not null,
  device_id text not null,
  content text not null
);
create unique index device_lists_remote_cache_unique_id on device_lists_remote_cache (user_id, device_id);

create table device_lists_remote_extremeties (
  user_id text not null,
  stream_id text not null
);
create unique index device_lists_remote_extremeties_unique_idx on device_lists_remote_extremeties (user_id);

create table device_lists_remote_pending (
  stream_id bigint not null,
  user_id text not null,
  device_id text not null,
  instance_name text,
  constraint device_lists_remote_pending_pkey primary key (stream_id)
);
create unique index device_lists_remote_pending_user_device_id on device_lists_remote_pending (user_id, device_id);

create table device_lists_remote_resync (
  user_id text not null,
  added_ts bigint not null
);
create unique index device_lists_remote_resync_idx on device_lists_remote_resync (user_id);
create index device_lists_remote_resync_ts_idx on device_lists_remote_resync (added_ts);

create table device_lists_stream (
  stream_id bigint not null,
  user_id text not null,
  device_id text not null,
  instance_name text
);
create index device_lists_stream_id on device_lists_stream (stream_id, user_id);
create index device_lists_stream_user_id on device_lists_stream (user_id, device_id);

create table e2e_cross_signing_keys (
  user_id text not null,
  keytype text not null,
  keydata text not null,
  stream_id bigint not null,
  updatable_without_uia_before_ms bigint,
  instance_name text
);
create unique index e2e_cross_signing_keys_idx on e2e_cross_signing_keys (user_id, keytype, stream_id);
create unique index e2e_cross_signing_keys_stream_idx on e2e_cross_signing_keys (stream_id);

create table e2e_cross_signing_signatures (
  user_id text not null,
  key_id text not null,
  target_user_id text not null,
  target_device_id text not null,
  signature text not null
);
create unique index e2e_cross_signing_signatures_idx3
    on e2e_cross_signing_signatures (user_id, target_user_id, target_device_id, key_id);

create table e2e_device_keys_json (
  user_id text not null,
  device_id text not null,
  ts_added_ms bigint not null,
  key_json text not null,
  constraint e2e_device_keys_json_uniqueness unique (user_id, device_id)
);

create table e2e_fallback_keys_json (
  user_id text not null,
  device_id text not null,
  algorithm text not null,
  key_id text not null,
  key_json text not null,
  used boolean not null default false,
  constraint e2e_fallback_keys_json_uniqueness unique (user_id, device_id, algorithm)
);

create table e2e_one_time_keys_json (
  user_id text not null,
  device_id text not null,
  algorithm text not null,
  key_id text not null,
  ts_added_ms bigint not null,
  key_json text not null,
  constraint e2e_one_time_keys_json_uniqueness unique (user_id, device_id, algorithm, key_id)
);
create index e2e_one_time_keys_json_user_id_device_id_algorithm_ts_added_idx
    on e2e_one_time_keys_json (user_id, device_id, algorithm, ts_added_ms);

create table e2e_room_keys (
  user_id text not null,
  room_id text not null,
  session_id text not null,
  version bigint not null,
  first_message_index integer,
  forwarded_count integer,
  is_verified boolean,
  session_data text not null
);
create index e2e_room_keys_room_id on e2e_room_keys (room_id);
create unique index e2e_room_keys_with_version_idx on e2e_room_keys (user_id, version, room_id, session_id);

create table e2e_room_keys_versions (
  user_id text not null,
  version bigint not null,
  algorithm text not null,
  auth_data text not null,
  deleted smallint not null default 0,
  etag bigint
);
create unique index e2e_room_keys_versions_idx on e2e_room_keys_versions (user_id, version);

create table user_signature_stream (
  stream_id bigint not null,
  from_user_id text not null,
  user_ids text not null,
  instance_name text
);
create unique index user_signature_stream_idx on user_signature_stream (stream_id);
