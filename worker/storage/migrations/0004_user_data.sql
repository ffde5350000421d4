-- What users keep in and about rooms: account data, tags, receipts, push rules and counts, presence, profile changes.

create sequence account_data_sequence;
create sequence receipts_sequence;
create sequence push_rules_stream_sequence;
create sequence pushers_sequence;
create sequence presence_stream_sequence;
create sequence profile_updates_sequence;
create sequence thread_subscriptions_sequence start with 2;
-- The first position of a stream is 2: 1 stands for "before everything".
select setval('account_data_sequence', 1);
select setval('receipts_sequence', 1);
select setval('push_rules_stream_sequence', 1);
select setval('pushers_sequence', 1);
select setval('presence_stream_sequence', 1);
select setval('profile_updates_sequence', 1);
select setval('thread_subscriptions_sequence', 2);

create table account_data (
  user_id text not null,
  account_data_type text not null,
  stream_id bigint not null,
  content text not null,
  instance_name text,
  constraint account_data_uniqueness unique (user_id, account_data_type)
);
create index account_data_stream_id on account_data (user_id, stream_id);

create table deleted_pushers (
  stream_id bigint not null,
  app_id text not null,
  pushkey text not null,
  user_id text not null,
  instance_name text
);
create index deleted_pushers_stream_id on deleted_pushers (stream_id);

create table event_push_actions (
  room_id text not null,
  event_id text not null,
  user_id text not null,
  profile_tag character varying(32),
  actions text not null,
  topological_ordering bigint,
  stream_ordering bigint,
  notif smallint,
  highlight smallint,
  unread smallint,
  thread_id text,
  constraint event_id_user_id_profile_tag_uniqueness unique (room_id, event_id, user_id, profile_tag),
  constraint event_push_actions_thread_id check (thread_id is not null)
);
create index event_push_actions_highlights_index
    on event_push_actions (user_id, room_id, topological_ordering, stream_ordering) where highlight = 1;
create index event_push_actions_rm_tokens
    on event_push_actions (user_id, room_id, topological_ordering, stream_ordering);
create index event_push_actions_room_id_user_id on event_push_actions (room_id, user_id);
create index event_push_actions_stream_highlight_index
    on event_push_actions (highlight, stream_ordering) where highlight = 0;
create index event_push_actions_stream_ordering on event_push_actions (stream_ordering, user_id);
create index event_push_actions_u_highlight on event_push_actions (user_id, stream_ordering);

-- Filled by the process that makes an event, moved to event_push_actions by the one that persists it.
create table event_push_actions_staging (
  event_id text not null,
  user_id text not null,
  actions text not null,
  notif smallint not null,
  highlight smallint not null,
  unread smallint,
  thread_id text,
  inserted_ts bigint default (extract(epoch from now()) * 1000),
  constraint event_push_actions_staging_thread_id check (thread_id is not null)
);
create index event_push_actions_staging_id on event_push_actions_staging (event_id);

create table event_push_summary (
  user_id text not null,
  room_id text not null,
  notif_count bigint not null,
  stream_ordering bigint not null,
  unread_count bigint,
  last_receipt_stream_ordering bigint,
  thread_id text,
  constraint event_push_summary_thread_id check (thread_id is not null)
);
create index event_push_summary_index_room_id on event_push_summary (room_id);
create unique index event_push_summary_unique_index2 on event_push_summary (user_id, room_id, thread_id);

create table event_push_summary_last_receipt_stream_id (
  lock character(1) not null default 'X',
  stream_id bigint not null,
  constraint event_push_summary_last_receipt_stream_id_lock_check check (lock = 'X'),
  constraint event_push_summary_last_receipt_stream_id_lock_key unique (lock)
);
insert into event_push_summary_last_receipt_stream_id (stream_id) values (1);

create table event_push_summary_stream_ordering (
  lock character(1) not null default 'X',
  stream_ordering bigint not null,
  constraint event_push_summary_stream_ordering_lock_check check (lock = 'X'),
  constraint event_push_summary_stream_ordering_lock_key unique (lock)
);
insert into event_push_summary_stream_ordering (stream_ordering) values (1);

create table ignored_users (
  ignorer_user_id text not null,
  ignored_user_id text not null
);
create index ignored_users_ignored_user_id on ignored_users (ignored_user_id);
create unique index ignored_users_uniqueness on ignored_users (ignorer_user_id, ignored_user_id);

create table presence_stream (
  stream_id bigint,
  user_id text,
  state text,
  last_active_ts bigint,
  last_federation_update_ts bigint,
  last_user_sync_ts bigint,
  status_msg text,
  currently_active boolean,
  instance_name text
);
create index presence_stream_id on presence_stream (stream_id, user_id);
create index presence_stream_state_not_offline_idx on presence_stream (state) where state <> 'offline';
create index presence_stream_user_id on presence_stream (user_id);

create table profile_updates (
  stream_id bigint not null,
  instance_name text not null,
  user_id text not null,
  action text not null,
  affected_fields jsonb,
  inserted_ts bigint not null,
  constraint profile_updates_pkey primary key (stream_id)
);
create index profile_updates_by_user on profile_updates (user_id, stream_id);

create table profile_updates_per_user (
  stream_id bigint not null,
  user_id text not null,
  inserted_ts bigint not null,
  constraint profile_updates_per_user_pkey primary key (user_id, stream_id),
  constraint profile_updates_per_user_stream_id_fkey foreign key (stream_id) references profile_updates(stream_id)
);

create table push_rules (
  id bigint not null,
  user_name text not null,
  rule_id text not null,
  priority_class smallint not null,
  priority integer not null default 0,
  conditions text not null,
  actions text not null,
  constraint push_rules_pkey primary key (id),
  constraint push_rules_user_name_rule_id_key unique (user_name, rule_id)
);
create index push_rules_user_name on push_rules (user_name);

create table push_rules_enable (
  id bigint not null,
  user_name text not null,
  rule_id text not null,
  enabled smallint,
  constraint push_rules_enable_pkey primary key (id),
  constraint push_rules_enable_user_name_rule_id_key unique (user_name, rule_id)
);
create index push_rules_enable_user_name on push_rules_enable (user_name);

create table push_rules_stream (
  stream_id bigint not null,
  event_stream_ordering bigint not null,
  user_id text not null,
  rule_id text not null,
  op text not null,
  priority_class smallint,
  priority integer,
  conditions text,
  actions text,
  instance_name text
);
create index push_rules_stream_id on push_rules_stream (stream_id);
create index push_rules_stream_user_stream_id on push_rules_stream (user_id, stream_id);

create table pusher_throttle (
  pusher bigint not null,
  room_id text not null,
  last_sent_ts bigint,
  throttle_ms bigint,
  constraint pusher_throttle_pkey primary key (pusher, room_id)
);

create table pushers (
  id bigint not null,
  user_name text not null,
  access_token bigint,
  profile_tag text not null,
  kind text not null,
  app_id text not null,
  app_display_name text not null,
  device_display_name text not null,
  pushkey text not null,
  ts bigint not null,
  lang text,
  data text,
  last_stream_ordering bigint,
  last_success bigint,
  failing_since bigint,
  enabled boolean,
  device_id text,
  instance_name text,
  constraint pushers2_app_id_pushkey_user_name_key unique (app_id, pushkey, user_name),
  constraint pushers2_pkey primary key (id)
);

create table receipts_graph (
  room_id text not null,
  receipt_type text not null,
  user_id text not null,
  event_ids text not null,
  data text not null,
  thread_id text,
  constraint receipts_graph_uniqueness_thread unique (room_id, receipt_type, user_id, thread_id)
);
create unique index receipts_graph_unique_index
    on receipts_graph (room_id, receipt_type, user_id) where thread_id is null;

-- One receipt a user, room and type (and thread): the unique indexes differ where thread_id is null.
create table receipts_linearized (
  stream_id bigint not null,
  room_id text not null,
  receipt_type text not null,
  user_id text not null,
  event_id text not null,
  data text not null,
  instance_name text,
  event_stream_ordering bigint,
  thread_id text,
  constraint receipts_linearized_uniqueness_thread unique (room_id, receipt_type, user_id, thread_id)
);
create index receipts_linearized_event_id on receipts_linearized (room_id, event_id);
create index receipts_linearized_id on receipts_linearized (stream_id);
create index receipts_linearized_room_stream on receipts_linearized (room_id, stream_id);
create unique index receipts_linearized_unique_index
    on receipts_linearized (room_id, receipt_type, user_id) where thread_id is null;
create index receipts_linearized_user on receipts_linearized (user_id);

create table room_account_data (
  user_id text not null,
  room_id text not null,
  account_data_type text not null,
  stream_id bigint not null,
  content text not null,
  instance_name text,
  constraint room_account_data_uniqueness unique (user_id, room_id, account_data_type)
);
create index room_account_data_room_id on room_account_data (room_id);
create index room_account_data_stream_id on room_account_data (user_id, stream_id);

create table room_tags (
  user_id text not null,
  room_id text not null,
  tag text not null,
  content text not null,
  constraint room_tag_uniqueness unique (user_id, room_id, tag)
);

create table room_tags_revisions (
  user_id text not null,
  room_id text not null,
  stream_id bigint not null,
  instance_name text,
  constraint room_tag_revisions_uniqueness unique (user_id, room_id)
);

create table thread_subscriptions (
  stream_id integer not null,
  instance_name text not null,
  room_id text not null,
  event_id text not null,
  user_id text not null,
  subscribed boolean not null,
  automatic boolean not null,
  unsubscribed_at_stream_ordering bigint,
  unsubscribed_at_topological_ordering bigint,
  constraint thread_subscriptions_fk_events foreign key (event_id) references events(event_id) on delete cascade,
  constraint thread_subscriptions_fk_rooms foreign key (room_id) references rooms(room_id) on delete cascade,
  constraint thread_subscriptions_fk_users foreign key (user_id) references users(name),
  constraint thread_subscriptions_pkey primary key (stream_id),
  constraint thread_subscriptions_room_id_event_id_user_id_key unique (room_id, event_id, user_id)
);
create index thread_subscriptions_by_event on thread_subscriptions (event_id);
create index thread_subscriptions_by_user on thread_subscriptions (user_id, stream_id);
create index thread_subscriptions_user_room on thread_subscriptions (user_id, room_id);

create table users_to_send_full_presence_to (
  user_id text not null,
  presence_stream_id bigint,
  constraint users_to_send_full_presence_to_pkey primary key (user_id),
  constraint users_to_send_full_presence_to_user_id_fkey foreign key (user_id) references users(name)
);
