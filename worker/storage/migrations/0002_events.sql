-- Rooms, their events, and the graph that the events make.
--
-- events is what is selected by; event_json has the event itself, as text that is never printed anew.

create sequence events_stream_seq;
create sequence events_backfill_stream_seq;
create sequence event_auth_chain_id;
create sequence sticky_events_sequence;
create sequence un_partial_stated_event_stream_sequence;
create sequence un_partial_stated_room_stream_sequence;
-- The first position of a stream is 2: 1 stands for "before everything".
select setval('events_stream_seq', 1);
select setval('events_backfill_stream_seq', 1);
select setval('sticky_events_sequence', 1);
select setval('un_partial_stated_event_stream_sequence', 1);
select setval('un_partial_stated_room_stream_sequence', 1);

create table blocked_rooms (
  room_id text not null,
  user_id text not null
);
create unique index blocked_rooms_idx on blocked_rooms (room_id);

create table delayed_events (
  delay_id text not null,
  user_localpart text not null,
  device_id text,
  delay bigint not null,
  send_ts bigint not null,
  room_id text not null,
  event_type text not null,
  state_key text,
  origin_server_ts bigint,
  content text not null,
  is_processed boolean not null default false,
  sticky_duration_ms bigint,
  constraint delayed_events_pkey primary key (user_localpart, delay_id)
);
create unique index delayed_events_idx on delayed_events (delay_id);
create index delayed_events_is_processed on delayed_events (is_processed);
create index delayed_events_room_state_event_idx
    on delayed_events (room_id, event_type, state_key) where state_key is not null;
create index delayed_events_send_ts on delayed_events (send_ts);

create table delayed_events_stream_pos (
  lock character(1) not null default 'X',
  stream_id bigint not null,
  constraint delayed_events_stream_pos_lock_check check (lock = 'X'),
  constraint delayed_events_stream_pos_lock_key unique (lock)
);
insert into delayed_events_stream_pos (stream_id) values (1);

create table event_auth (
  event_id text not null,
  auth_id text not null,
  room_id text not null
);
create index evauth_edges_id on event_auth (event_id);

create table event_auth_chain_links (
  origin_chain_id bigint not null,
  origin_sequence_number bigint not null,
  target_chain_id bigint not null,
  target_sequence_number bigint not null
);
create index event_auth_chain_links_idx on event_auth_chain_links (origin_chain_id, target_chain_id);
create index event_auth_chain_links_origin_index on event_auth_chain_links (origin_chain_id, origin_sequence_number);
alter table event_auth_chain_links alter column origin_chain_id set (n_distinct = -0.5);
alter table event_auth_chain_links alter column target_chain_id set (n_distinct = -0.5);

create table event_auth_chain_to_calculate (
  event_id text not null,
  room_id text not null,
  type text not null,
  state_key text not null,
  constraint event_auth_chain_to_calculate_pkey primary key (event_id)
);
create index event_auth_chain_to_calculate_rm_id on event_auth_chain_to_calculate (room_id);

create table event_auth_chains (
  event_id text not null,
  chain_id bigint not null,
  sequence_number bigint not null,
  constraint event_auth_chains_pkey primary key (event_id)
);
create unique index event_auth_chains_c_seq_index on event_auth_chains (chain_id, sequence_number);

create table event_backward_extremities (
  event_id text not null,
  room_id text not null,
  constraint event_backward_extremities_event_id_room_id_key unique (event_id, room_id)
);
create index ev_b_extrem_id on event_backward_extremities (event_id);
create index ev_b_extrem_room on event_backward_extremities (room_id);

create table event_expiry (
  event_id text not null,
  expiry_ts bigint not null,
  constraint event_expiry_pkey primary key (event_id)
);
create index event_expiry_expiry_ts_idx on event_expiry (expiry_ts);

-- internal_metadata is JSON that servers never see: outlier, soft_failed, device_id …
create table event_json (
  event_id text not null,
  room_id text not null,
  internal_metadata text not null,
  json text not null,
  format_version integer,
  constraint event_json_event_id_key unique (event_id)
);

create table event_labels (
  event_id text not null,
  label text not null,
  room_id text not null,
  topological_ordering bigint not null,
  constraint event_labels_pkey primary key (event_id, label)
);
create index event_labels_room_id_label_idx on event_labels (room_id, label, topological_ordering);

create table event_relations (
  event_id text not null,
  relates_to_id text not null,
  relation_type text not null,
  aggregation_key text
);
create unique index event_relations_id on event_relations (event_id);
create index event_relations_relates on event_relations (relates_to_id, relation_type, aggregation_key);

create table event_reports (
  id bigint not null,
  received_ts bigint not null,
  room_id text not null,
  event_id text not null,
  user_id text not null,
  reason text,
  content text,
  constraint event_reports_pkey primary key (id)
);

create table event_search (
  event_id text,
  room_id text,
  sender text,
  key text,
  vector tsvector,
  origin_server_ts bigint,
  stream_ordering bigint
);
create index event_search_ev_ridx on event_search (room_id);
create unique index event_search_event_id_idx on event_search (event_id);
create index event_search_fts_idx on event_search using gin (vector);
-- From a sample the planner believes in far fewer rooms than there are.
alter table event_search alter column room_id set (n_distinct = -0.01);

-- stream_ordering is negative for what was backfilled. state_key is null for what is no state event.
create table events (
  topological_ordering bigint not null,
  event_id text not null,
  type text not null,
  room_id text not null,
  content text,
  unrecognized_keys text,
  processed boolean not null,
  outlier boolean not null,
  depth bigint not null default 0,
  origin_server_ts bigint,
  received_ts bigint,
  sender text,
  contains_url boolean,
  instance_name text,
  stream_ordering bigint,
  state_key text,
  rejection_reason text,
  constraint events_event_id_key unique (event_id)
);
create index event_contains_url_index
    on events (room_id, topological_ordering, stream_ordering) where (contains_url = true) and (outlier = false);
create index events_jump_to_date_idx on events (room_id, origin_server_ts) where not outlier;
create index events_order_room on events (room_id, topological_ordering, stream_ordering);
create index events_room_stream on events (room_id, stream_ordering);
create unique index events_stream_ordering on events (stream_ordering);
create index events_ts on events (origin_server_ts, stream_ordering);
create index received_ts_idx on events (received_ts) where type = 'm.room.member';

-- room_id and is_state are no longer written.
create table event_edges (
  event_id text not null,
  prev_event_id text not null,
  room_id text,
  is_state boolean not null default false,
  constraint event_edges_event_id_fkey foreign key (event_id) references events(event_id)
);
create index ev_edges_prev_id on event_edges (prev_event_id);
create unique index event_edges_event_id_prev_event_id_idx on event_edges (event_id, prev_event_id);

-- Deferred, as the extremity may be written before its event in a transaction.
create table event_forward_extremities (
  event_id text not null,
  room_id text not null,
  constraint event_forward_extremities_event_id
    foreign key (event_id) references events(event_id) deferrable initially deferred,
  constraint event_forward_extremities_event_id_room_id_key unique (event_id, room_id)
);
create index ev_extrem_id on event_forward_extremities (event_id);
create index ev_extrem_room on event_forward_extremities (room_id);

create table event_txn_id_device_id (
  event_id text not null,
  room_id text not null,
  user_id text not null,
  device_id text not null,
  txn_id text not null,
  inserted_ts bigint not null,
  constraint event_txn_id_device_id_event_id_fkey foreign key (event_id) references events(event_id) on delete cascade,
  constraint event_txn_id_device_id_user_id_device_id_fkey
    foreign key (user_id, device_id) references devices(user_id, device_id) on delete cascade
);
create unique index event_txn_id_device_id_event_id on event_txn_id_device_id (event_id);
create index event_txn_id_device_id_ts on event_txn_id_device_id (inserted_ts);
create unique index event_txn_id_device_id_txn_id2 on event_txn_id_device_id (user_id, device_id, room_id, txn_id);

create table federation_inbound_events_staging (
  origin text not null,
  room_id text not null,
  event_id text not null,
  received_ts bigint not null,
  event_json text not null,
  internal_metadata text not null
);
create unique index federation_inbound_events_staging_instance_event
    on federation_inbound_events_staging (origin, event_id);
create index federation_inbound_events_staging_room on federation_inbound_events_staging (room_id, received_ts);

create table redactions (
  event_id text not null,
  redacts text not null,
  have_censored boolean not null default false,
  received_ts bigint,
  recheck boolean not null default true,
  constraint redactions_event_id_key unique (event_id)
);
create index redactions_have_censored_ts on redactions (received_ts) where not have_censored;
create index redactions_redacts on redactions (redacts);

create table rejections (
  event_id text not null,
  reason text not null,
  last_check text not null,
  constraint rejections_event_id_key unique (event_id)
);

create table room_alias_servers (
  room_alias text not null,
  server text not null
);
create index room_alias_servers_alias on room_alias_servers (room_alias);

create table room_aliases (
  room_alias text not null,
  room_id text not null,
  creator text,
  constraint room_aliases_room_alias_key unique (room_alias)
);
create index room_aliases_id on room_aliases (room_id);

create table room_ban_redactions (
  room_id text not null,
  user_id text not null,
  redacting_event_id text not null,
  redact_end_ordering bigint,
  constraint room_ban_redaction_uniqueness unique (room_id, user_id)
);

create table room_depth (
  room_id text not null,
  min_depth bigint,
  constraint room_depth_room_id_key unique (room_id)
);

create table room_reports (
  id bigint not null,
  received_ts bigint not null,
  room_id text not null,
  user_id text not null,
  reason text not null,
  constraint room_reports_pkey primary key (id)
);

create table room_retention (
  room_id text not null,
  event_id text not null,
  min_lifetime bigint,
  max_lifetime bigint,
  constraint room_retention_pkey primary key (room_id, event_id)
);
create index room_retention_max_lifetime_idx on room_retention (max_lifetime);

create table rooms (
  room_id text not null,
  is_public boolean,
  creator text,
  room_version text,
  has_auth_chain_index boolean,
  constraint rooms_pkey primary key (room_id)
);
create index public_room_index on rooms (is_public);

create table event_failed_pull_attempts (
  room_id text not null,
  event_id text not null,
  num_attempts integer not null,
  last_attempt_ts bigint not null,
  last_cause text not null,
  constraint event_failed_pull_attempts_pkey primary key (room_id, event_id),
  constraint event_failed_pull_attempts_room_id_fkey foreign key (room_id) references rooms(room_id)
);
create index event_failed_pull_attempts_room_id on event_failed_pull_attempts (room_id);

create table msc4242_state_dag_edges (
  room_id text not null,
  event_id text not null,
  prev_state_event_id text,
  constraint msc4242_state_dag_edges_event_id_fkey foreign key (event_id) references events(event_id),
  constraint msc4242_state_dag_edges_prev_state_event_id_fkey
    foreign key (prev_state_event_id) references events(event_id),
  constraint msc4242_state_dag_edges_room_id_fkey foreign key (room_id) references rooms(room_id) on delete cascade
);
create unique index msc4242_state_dag_edges_key on msc4242_state_dag_edges (room_id, event_id, prev_state_event_id);

create table msc4242_state_dag_forward_extremities (
  room_id text not null,
  event_id text not null,
  constraint msc4242_state_dag_forward_extremities_event_id_fkey
    foreign key (event_id) references events(event_id) on delete cascade,
  constraint msc4242_state_dag_forward_extremities_event_id_key unique (event_id),
  constraint msc4242_state_dag_forward_extremities_room_id_fkey
    foreign key (room_id) references rooms(room_id) on delete cascade
);
create index msc4242_state_dag_room on msc4242_state_dag_forward_extremities (room_id);

create table partial_state_rooms (
  room_id text not null,
  device_lists_stream_id bigint not null default 0,
  join_event_id text,
  joined_via text,
  constraint partial_state_rooms_join_event_id_fkey foreign key (join_event_id) references events(event_id),
  constraint partial_state_rooms_pkey primary key (room_id),
  constraint partial_state_rooms_room_id_fkey foreign key (room_id) references rooms(room_id)
);

create table partial_state_events (
  room_id text not null,
  event_id text not null,
  constraint partial_state_events_event_id_fkey foreign key (event_id) references events(event_id),
  constraint partial_state_events_event_id_key unique (event_id),
  constraint partial_state_events_room_id_fkey foreign key (room_id) references partial_state_rooms(room_id)
);
create index partial_state_events_room_id_idx on partial_state_events (room_id);

create table partial_state_rooms_servers (
  room_id text not null,
  server_name text not null,
  constraint partial_state_rooms_servers_room_id_fkey foreign key (room_id) references partial_state_rooms(room_id),
  constraint partial_state_rooms_servers_room_id_server_name_key unique (room_id, server_name)
);

create table state_events (
  event_id text not null,
  room_id text not null,
  type text not null,
  state_key text not null,
  prev_state text,
  constraint state_events_event_id_key unique (event_id)
);

create table sticky_events (
  stream_id integer not null,
  instance_name text not null,
  event_id text not null,
  room_id text not null,
  event_stream_ordering integer not null,
  sender text not null,
  expires_at bigint not null,
  constraint sticky_events_event_stream_ordering_key unique (event_stream_ordering),
  constraint sticky_events_pkey primary key (stream_id)
);
create index sticky_events_room_idx on sticky_events (room_id, event_stream_ordering);

create table stream_ordering_to_exterm (
  stream_ordering bigint not null,
  room_id text not null,
  event_id text not null
);
create index stream_ordering_to_exterm_idx on stream_ordering_to_exterm (stream_ordering);
create index stream_ordering_to_exterm_rm_idx on stream_ordering_to_exterm (room_id, stream_ordering);

create table threads (
  room_id text not null,
  thread_id text not null,
  latest_event_id text not null,
  topological_ordering bigint not null,
  stream_ordering bigint not null,
  constraint threads_uniqueness unique (room_id, thread_id)
);
create index threads_ordering_idx on threads (room_id, topological_ordering, stream_ordering);

create table timeline_gaps (
  room_id text not null,
  instance_name text not null,
  stream_ordering bigint not null
);
create index timeline_gaps_room_id on timeline_gaps (room_id, stream_ordering);

create table un_partial_stated_event_stream (
  stream_id bigint not null,
  instance_name text not null,
  event_id text not null,
  rejection_status_changed boolean not null,
  constraint un_partial_stated_event_stream_event_id_fkey
    foreign key (event_id) references events(event_id) on delete cascade,
  constraint un_partial_stated_event_stream_pkey primary key (stream_id)
);
create unique index un_partial_stated_event_stream_room_id on un_partial_stated_event_stream (event_id);

create table un_partial_stated_room_stream (
  stream_id bigint not null,
  instance_name text not null,
  room_id text not null,
  constraint un_partial_stated_room_stream_pkey primary key (stream_id),
  constraint un_partial_stated_room_stream_room_id_fkey
    foreign key (room_id) references rooms(room_id) on delete cascade
);
create index un_partial_stated_room_stream_room_id on un_partial_stated_room_stream (room_id);

-- An event of one room cannot be listed as waiting for the state of another.
create function check_partial_state_events() returns trigger language plpgsql as $$
begin
  perform from events e where e.event_id = new.event_id and e.room_id <> new.room_id;
  if found then raise exception 'event % is not of room %', new.event_id, new.room_id; end if;
  return new;
end $$;
create trigger check_partial_state_events before insert or update on partial_state_events
  for each row execute function check_partial_state_events();
