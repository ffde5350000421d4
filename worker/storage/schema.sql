-- The schema after all of migrations/. Printed by `npm run schema`: not to be edited, and not run by anyone.

create table access_tokens (
  id bigint not null,
  user_id text not null,
  device_id text,
  token text not null,
  valid_until_ms bigint,
  puppets_user_id text,
  last_validated bigint,
  refresh_token_id bigint,
  used boolean,
  constraint access_tokens_pkey PRIMARY KEY (id),
  constraint access_tokens_refresh_token_id_fkey FOREIGN KEY (refresh_token_id) REFERENCES refresh_tokens(id) ON DELETE CASCADE,
  constraint access_tokens_token_key UNIQUE (token)
);
CREATE INDEX access_tokens_device_id ON access_tokens (user_id, device_id);
CREATE INDEX access_tokens_refresh_token_id_idx ON access_tokens (refresh_token_id);

create table account_data (
  user_id text not null,
  account_data_type text not null,
  stream_id bigint not null,
  content text not null,
  instance_name text,
  constraint account_data_uniqueness UNIQUE (user_id, account_data_type)
);
CREATE INDEX account_data_stream_id ON account_data (user_id, stream_id);

create table account_validity (
  user_id text not null,
  expiration_ts_ms bigint not null,
  email_sent boolean not null,
  renewal_token text,
  token_used_ts_ms bigint,
  constraint account_validity_pkey PRIMARY KEY (user_id)
);

create table application_services_state (
  as_id text not null,
  state character varying(5),
  read_receipt_stream_id bigint,
  presence_stream_id bigint,
  to_device_stream_id bigint,
  device_list_stream_id bigint,
  constraint application_services_state_pkey PRIMARY KEY (as_id)
);

create table application_services_txns (
  as_id text not null,
  txn_id bigint not null,
  event_ids text not null,
  constraint application_services_txns_as_id_txn_id_key UNIQUE (as_id, txn_id)
);
CREATE INDEX application_services_txns_id ON application_services_txns (as_id);

create table applied_module_schemas (
  module_name text not null,
  file text not null,
  constraint applied_module_schemas_module_name_file_key UNIQUE (module_name, file)
);

create table applied_schema_deltas (
  version integer not null,
  file text not null,
  constraint applied_schema_deltas_version_file_key UNIQUE (version, file)
);

create table appservice_room_list (
  appservice_id text not null,
  network_id text not null,
  room_id text not null
);
CREATE UNIQUE INDEX appservice_room_list_idx ON appservice_room_list (appservice_id, network_id, room_id);

create table appservice_stream_position (
  lock character(1) not null default 'X'::bpchar,
  stream_ordering bigint,
  constraint appservice_stream_position_lock_check CHECK ((lock = 'X'::bpchar)),
  constraint appservice_stream_position_lock_key UNIQUE (lock)
);

create table background_updates (
  update_name text not null,
  progress_json text not null,
  depends_on text,
  ordering integer not null default 0,
  constraint background_updates_uniqueness UNIQUE (update_name)
);

create table blocked_rooms (
  room_id text not null,
  user_id text not null
);
CREATE UNIQUE INDEX blocked_rooms_idx ON blocked_rooms (room_id);

create table cache_invalidation_stream_by_instance (
  stream_id bigint not null,
  instance_name text not null,
  cache_func text not null,
  keys text[],
  invalidation_ts bigint
);
CREATE INDEX cache_invalidation_stream_by_instance_instance_index ON cache_invalidation_stream_by_instance (instance_name, stream_id);
CREATE UNIQUE INDEX cache_invalidation_stream_by_instance_id ON cache_invalidation_stream_by_instance (stream_id);

create table current_state_delta_stream (
  stream_id bigint not null,
  room_id text not null,
  type text not null,
  state_key text not null,
  event_id text,
  prev_event_id text,
  instance_name text
);
CREATE INDEX current_state_delta_stream_idx ON current_state_delta_stream (stream_id);
CREATE INDEX current_state_delta_stream_room_idx ON current_state_delta_stream (room_id, stream_id);

create table current_state_events (
  event_id text not null,
  room_id text not null,
  type text not null,
  state_key text not null,
  membership text,
  event_stream_ordering bigint,
  constraint current_state_events_event_id_key UNIQUE (event_id),
  constraint current_state_events_room_id_type_state_key_key UNIQUE (room_id, type, state_key),
  constraint event_stream_ordering_fkey FOREIGN KEY (event_stream_ordering) REFERENCES events(stream_ordering) NOT VALID
);
CREATE INDEX current_state_events_member_index ON current_state_events (state_key) WHERE (type = 'm.room.member'::text);
CREATE INDEX current_state_events_members_room_index ON current_state_events (room_id, membership) WHERE (type = 'm.room.member'::text);
CREATE INDEX current_state_events_stream_ordering_idx ON current_state_events (event_stream_ordering);
CREATE TRIGGER check_event_stream_ordering BEFORE INSERT OR UPDATE ON current_state_events FOR EACH ROW EXECUTE FUNCTION check_event_stream_ordering();

create table dehydrated_devices (
  user_id text not null,
  device_id text not null,
  device_data text not null,
  constraint dehydrated_devices_pkey PRIMARY KEY (user_id)
);

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
  constraint delayed_events_pkey PRIMARY KEY (user_localpart, delay_id)
);
CREATE INDEX delayed_events_is_processed ON delayed_events (is_processed);
CREATE INDEX delayed_events_room_state_event_idx ON delayed_events (room_id, event_type, state_key) WHERE (state_key IS NOT NULL);
CREATE INDEX delayed_events_send_ts ON delayed_events (send_ts);
CREATE UNIQUE INDEX delayed_events_idx ON delayed_events (delay_id);

create table delayed_events_stream_pos (
  lock character(1) not null default 'X'::bpchar,
  stream_id bigint not null,
  constraint delayed_events_stream_pos_lock_check CHECK ((lock = 'X'::bpchar)),
  constraint delayed_events_stream_pos_lock_key UNIQUE (lock)
);

create table deleted_pushers (
  stream_id bigint not null,
  app_id text not null,
  pushkey text not null,
  user_id text not null,
  instance_name text
);
CREATE INDEX deleted_pushers_stream_id ON deleted_pushers (stream_id);

create table destination_rooms (
  destination text not null,
  room_id text not null,
  stream_ordering bigint not null,
  constraint destination_rooms_destination_fkey FOREIGN KEY (destination) REFERENCES destinations(destination),
  constraint destination_rooms_pkey PRIMARY KEY (destination, room_id),
  constraint destination_rooms_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms(room_id)
);
CREATE INDEX destination_rooms_room_id ON destination_rooms (room_id);

create table destination_rooms_sticky_events_backlog (
  destination text not null,
  room_id text not null,
  sticky_events_stream_position integer not null,
  constraint destination_rooms_sticky_events_backlog_pkey PRIMARY KEY (destination, room_id),
  constraint destination_rooms_sticky_events_backlog_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms(room_id) ON DELETE CASCADE
);
CREATE INDEX destination_rooms_sticky_events_backlog_room_id ON destination_rooms_sticky_events_backlog (room_id);

create table destinations (
  destination text not null,
  retry_last_ts bigint,
  retry_interval bigint,
  failure_ts bigint,
  last_successful_stream_ordering bigint,
  constraint destinations_pkey PRIMARY KEY (destination)
);

create table device_auth_providers (
  user_id text not null,
  device_id text not null,
  auth_provider_id text not null,
  auth_provider_session_id text not null
);
CREATE INDEX device_auth_providers_devices ON device_auth_providers (user_id, device_id);
CREATE INDEX device_auth_providers_sessions ON device_auth_providers (auth_provider_id, auth_provider_session_id);

create table device_federation_inbox (
  origin text not null,
  message_id text not null,
  received_ts bigint not null,
  instance_name text
);
CREATE INDEX device_federation_inbox_received_ts_index ON device_federation_inbox (received_ts);
CREATE INDEX device_federation_inbox_sender_id ON device_federation_inbox (origin, message_id);

create table device_federation_outbox (
  destination text not null,
  stream_id bigint not null,
  queued_ts bigint not null,
  messages_json text not null,
  instance_name text
);
CREATE INDEX device_federation_outbox_destination_id ON device_federation_outbox (destination, stream_id);
CREATE INDEX device_federation_outbox_id ON device_federation_outbox (stream_id);

create table device_inbox (
  user_id text not null,
  device_id text not null,
  stream_id bigint not null,
  message_json text not null,
  instance_name text
);
CREATE INDEX device_inbox_stream_id_user_id ON device_inbox (stream_id, user_id);
CREATE INDEX device_inbox_user_stream_id ON device_inbox (user_id, device_id, stream_id);

create table device_lists_changes_converted_stream_position (
  lock character(1) not null default 'X'::bpchar,
  stream_id bigint not null,
  room_id text not null,
  instance_name text,
  constraint device_lists_changes_converted_stream_position_lock_check CHECK ((lock = 'X'::bpchar)),
  constraint device_lists_changes_converted_stream_position_lock_key UNIQUE (lock)
);

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
CREATE INDEX device_lists_changes_in_room_by_room_idx ON device_lists_changes_in_room (room_id, stream_id);
CREATE INDEX device_lists_changes_in_room_inserted_ts_idx ON device_lists_changes_in_room (inserted_ts) WHERE (inserted_ts IS NOT NULL);
CREATE INDEX device_lists_changes_in_room_unconverted_idx ON device_lists_changes_in_room (user_id, device_id, room_id, stream_id) WHERE (NOT converted_to_destinations);
CREATE INDEX device_lists_changes_in_stream_id_unconverted ON device_lists_changes_in_room (stream_id) WHERE (NOT converted_to_destinations);
CREATE UNIQUE INDEX device_lists_changes_in_stream_id ON device_lists_changes_in_room (stream_id, room_id);

create table device_lists_changes_in_room_max_pruned_stream_id (
  lock character(1) not null default 'X'::bpchar,
  stream_id bigint not null,
  constraint device_lists_changes_in_room_max_pruned_stream_id_lock_key UNIQUE (lock)
);

create table device_lists_outbound_last_success (
  destination text not null,
  user_id text not null,
  stream_id bigint not null
);
CREATE UNIQUE INDEX device_lists_outbound_last_success_unique_idx ON device_lists_outbound_last_success (destination, user_id);

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
CREATE INDEX device_lists_outbound_pokes_id ON device_lists_outbound_pokes (destination, stream_id);
CREATE INDEX device_lists_outbound_pokes_stream ON device_lists_outbound_pokes (stream_id);
CREATE INDEX device_lists_outbound_pokes_user ON device_lists_outbound_pokes (destination, user_id);

create table device_lists_remote_cache (
  user_id text not null,
  device_id text not null,
  content text not null
);
CREATE UNIQUE INDEX device_lists_remote_cache_unique_id ON device_lists_remote_cache (user_id, device_id);

create table device_lists_remote_extremeties (
  user_id text not null,
  stream_id text not null
);
CREATE UNIQUE INDEX device_lists_remote_extremeties_unique_idx ON device_lists_remote_extremeties (user_id);

create table device_lists_remote_pending (
  stream_id bigint not null,
  user_id text not null,
  device_id text not null,
  instance_name text,
  constraint device_lists_remote_pending_pkey PRIMARY KEY (stream_id)
);
CREATE UNIQUE INDEX device_lists_remote_pending_user_device_id ON device_lists_remote_pending (user_id, device_id);

create table device_lists_remote_resync (
  user_id text not null,
  added_ts bigint not null
);
CREATE INDEX device_lists_remote_resync_ts_idx ON device_lists_remote_resync (added_ts);
CREATE UNIQUE INDEX device_lists_remote_resync_idx ON device_lists_remote_resync (user_id);

create table device_lists_stream (
  stream_id bigint not null,
  user_id text not null,
  device_id text not null,
  instance_name text
);
CREATE INDEX device_lists_stream_id ON device_lists_stream (stream_id, user_id);
CREATE INDEX device_lists_stream_user_id ON device_lists_stream (user_id, device_id);

create table devices (
  user_id text not null,
  device_id text not null,
  display_name text,
  last_seen bigint,
  ip text,
  user_agent text,
  hidden boolean default false,
  constraint device_uniqueness UNIQUE (user_id, device_id)
);

create table e2e_cross_signing_keys (
  user_id text not null,
  keytype text not null,
  keydata text not null,
  stream_id bigint not null,
  updatable_without_uia_before_ms bigint,
  instance_name text
);
CREATE UNIQUE INDEX e2e_cross_signing_keys_idx ON e2e_cross_signing_keys (user_id, keytype, stream_id);
CREATE UNIQUE INDEX e2e_cross_signing_keys_stream_idx ON e2e_cross_signing_keys (stream_id);

create table e2e_cross_signing_signatures (
  user_id text not null,
  key_id text not null,
  target_user_id text not null,
  target_device_id text not null,
  signature text not null
);
CREATE UNIQUE INDEX e2e_cross_signing_signatures_idx3 ON e2e_cross_signing_signatures (user_id, target_user_id, target_device_id, key_id);

create table e2e_device_keys_json (
  user_id text not null,
  device_id text not null,
  ts_added_ms bigint not null,
  key_json text not null,
  constraint e2e_device_keys_json_uniqueness UNIQUE (user_id, device_id)
);

create table e2e_fallback_keys_json (
  user_id text not null,
  device_id text not null,
  algorithm text not null,
  key_id text not null,
  key_json text not null,
  used boolean not null default false,
  constraint e2e_fallback_keys_json_uniqueness UNIQUE (user_id, device_id, algorithm)
);

create table e2e_one_time_keys_json (
  user_id text not null,
  device_id text not null,
  algorithm text not null,
  key_id text not null,
  ts_added_ms bigint not null,
  key_json text not null,
  constraint e2e_one_time_keys_json_uniqueness UNIQUE (user_id, device_id, algorithm, key_id)
);
CREATE INDEX e2e_one_time_keys_json_user_id_device_id_algorithm_ts_added_idx ON e2e_one_time_keys_json (user_id, device_id, algorithm, ts_added_ms);

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
CREATE INDEX e2e_room_keys_room_id ON e2e_room_keys (room_id);
CREATE UNIQUE INDEX e2e_room_keys_with_version_idx ON e2e_room_keys (user_id, version, room_id, session_id);

create table e2e_room_keys_versions (
  user_id text not null,
  version bigint not null,
  algorithm text not null,
  auth_data text not null,
  deleted smallint not null default 0,
  etag bigint
);
CREATE UNIQUE INDEX e2e_room_keys_versions_idx ON e2e_room_keys_versions (user_id, version);

create table erased_users (
  user_id text not null
);
CREATE UNIQUE INDEX erased_users_user ON erased_users (user_id);

create table event_auth (
  event_id text not null,
  auth_id text not null,
  room_id text not null
);
CREATE INDEX evauth_edges_id ON event_auth (event_id);

create table event_auth_chain_links (
  origin_chain_id bigint not null,
  origin_sequence_number bigint not null,
  target_chain_id bigint not null,
  target_sequence_number bigint not null
);
alter table event_auth_chain_links alter column origin_chain_id set (n_distinct=-0.5);
alter table event_auth_chain_links alter column target_chain_id set (n_distinct=-0.5);
CREATE INDEX event_auth_chain_links_idx ON event_auth_chain_links (origin_chain_id, target_chain_id);
CREATE INDEX event_auth_chain_links_origin_index ON event_auth_chain_links (origin_chain_id, origin_sequence_number);

create table event_auth_chain_to_calculate (
  event_id text not null,
  room_id text not null,
  type text not null,
  state_key text not null,
  constraint event_auth_chain_to_calculate_pkey PRIMARY KEY (event_id)
);
CREATE INDEX event_auth_chain_to_calculate_rm_id ON event_auth_chain_to_calculate (room_id);

create table event_auth_chains (
  event_id text not null,
  chain_id bigint not null,
  sequence_number bigint not null,
  constraint event_auth_chains_pkey PRIMARY KEY (event_id)
);
CREATE UNIQUE INDEX event_auth_chains_c_seq_index ON event_auth_chains (chain_id, sequence_number);

create table event_backward_extremities (
  event_id text not null,
  room_id text not null,
  constraint event_backward_extremities_event_id_room_id_key UNIQUE (event_id, room_id)
);
CREATE INDEX ev_b_extrem_id ON event_backward_extremities (event_id);
CREATE INDEX ev_b_extrem_room ON event_backward_extremities (room_id);

create table event_edges (
  event_id text not null,
  prev_event_id text not null,
  room_id text,
  is_state boolean not null default false,
  constraint event_edges_event_id_fkey FOREIGN KEY (event_id) REFERENCES events(event_id)
);
CREATE INDEX ev_edges_prev_id ON event_edges (prev_event_id);
CREATE UNIQUE INDEX event_edges_event_id_prev_event_id_idx ON event_edges (event_id, prev_event_id);

create table event_expiry (
  event_id text not null,
  expiry_ts bigint not null,
  constraint event_expiry_pkey PRIMARY KEY (event_id)
);
CREATE INDEX event_expiry_expiry_ts_idx ON event_expiry (expiry_ts);

create table event_failed_pull_attempts (
  room_id text not null,
  event_id text not null,
  num_attempts integer not null,
  last_attempt_ts bigint not null,
  last_cause text not null,
  constraint event_failed_pull_attempts_pkey PRIMARY KEY (room_id, event_id),
  constraint event_failed_pull_attempts_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms(room_id)
);
CREATE INDEX event_failed_pull_attempts_room_id ON event_failed_pull_attempts (room_id);

create table event_forward_extremities (
  event_id text not null,
  room_id text not null,
  constraint event_forward_extremities_event_id FOREIGN KEY (event_id) REFERENCES events(event_id) DEFERRABLE INITIALLY DEFERRED,
  constraint event_forward_extremities_event_id_room_id_key UNIQUE (event_id, room_id)
);
CREATE INDEX ev_extrem_id ON event_forward_extremities (event_id);
CREATE INDEX ev_extrem_room ON event_forward_extremities (room_id);

create table event_json (
  event_id text not null,
  room_id text not null,
  internal_metadata text not null,
  json text not null,
  format_version integer,
  constraint event_json_event_id_key UNIQUE (event_id)
);

create table event_labels (
  event_id text not null,
  label text not null,
  room_id text not null,
  topological_ordering bigint not null,
  constraint event_labels_pkey PRIMARY KEY (event_id, label)
);
CREATE INDEX event_labels_room_id_label_idx ON event_labels (room_id, label, topological_ordering);

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
  constraint event_id_user_id_profile_tag_uniqueness UNIQUE (room_id, event_id, user_id, profile_tag),
  constraint event_push_actions_thread_id CHECK ((thread_id IS NOT NULL))
);
CREATE INDEX event_push_actions_highlights_index ON event_push_actions (user_id, room_id, topological_ordering, stream_ordering) WHERE (highlight = 1);
CREATE INDEX event_push_actions_rm_tokens ON event_push_actions (user_id, room_id, topological_ordering, stream_ordering);
CREATE INDEX event_push_actions_room_id_user_id ON event_push_actions (room_id, user_id);
CREATE INDEX event_push_actions_stream_highlight_index ON event_push_actions (highlight, stream_ordering) WHERE (highlight = 0);
CREATE INDEX event_push_actions_stream_ordering ON event_push_actions (stream_ordering, user_id);
CREATE INDEX event_push_actions_u_highlight ON event_push_actions (user_id, stream_ordering);

create table event_push_actions_staging (
  event_id text not null,
  user_id text not null,
  actions text not null,
  notif smallint not null,
  highlight smallint not null,
  unread smallint,
  thread_id text,
  inserted_ts bigint default (EXTRACT(epoch FROM now()) * (1000)::numeric),
  constraint event_push_actions_staging_thread_id CHECK ((thread_id IS NOT NULL))
);
CREATE INDEX event_push_actions_staging_id ON event_push_actions_staging (event_id);

create table event_push_summary (
  user_id text not null,
  room_id text not null,
  notif_count bigint not null,
  stream_ordering bigint not null,
  unread_count bigint,
  last_receipt_stream_ordering bigint,
  thread_id text,
  constraint event_push_summary_thread_id CHECK ((thread_id IS NOT NULL))
);
CREATE INDEX event_push_summary_index_room_id ON event_push_summary (room_id);
CREATE UNIQUE INDEX event_push_summary_unique_index2 ON event_push_summary (user_id, room_id, thread_id);

create table event_push_summary_last_receipt_stream_id (
  lock character(1) not null default 'X'::bpchar,
  stream_id bigint not null,
  constraint event_push_summary_last_receipt_stream_id_lock_check CHECK ((lock = 'X'::bpchar)),
  constraint event_push_summary_last_receipt_stream_id_lock_key UNIQUE (lock)
);

create table event_push_summary_stream_ordering (
  lock character(1) not null default 'X'::bpchar,
  stream_ordering bigint not null,
  constraint event_push_summary_stream_ordering_lock_check CHECK ((lock = 'X'::bpchar)),
  constraint event_push_summary_stream_ordering_lock_key UNIQUE (lock)
);

create table event_relations (
  event_id text not null,
  relates_to_id text not null,
  relation_type text not null,
  aggregation_key text
);
CREATE INDEX event_relations_relates ON event_relations (relates_to_id, relation_type, aggregation_key);
CREATE UNIQUE INDEX event_relations_id ON event_relations (event_id);

create table event_reports (
  id bigint not null,
  received_ts bigint not null,
  room_id text not null,
  event_id text not null,
  user_id text not null,
  reason text,
  content text,
  constraint event_reports_pkey PRIMARY KEY (id)
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
alter table event_search alter column room_id set (n_distinct=-0.01);
CREATE INDEX event_search_ev_ridx ON event_search (room_id);
CREATE INDEX event_search_fts_idx ON event_search USING gin (vector);
CREATE UNIQUE INDEX event_search_event_id_idx ON event_search (event_id);

create table event_to_state_groups (
  event_id text not null,
  state_group bigint not null,
  constraint event_to_state_groups_event_id_key UNIQUE (event_id)
);
CREATE INDEX event_to_state_groups_sg_index ON event_to_state_groups (state_group);

create table event_txn_id_device_id (
  event_id text not null,
  room_id text not null,
  user_id text not null,
  device_id text not null,
  txn_id text not null,
  inserted_ts bigint not null,
  constraint event_txn_id_device_id_event_id_fkey FOREIGN KEY (event_id) REFERENCES events(event_id) ON DELETE CASCADE,
  constraint event_txn_id_device_id_user_id_device_id_fkey FOREIGN KEY (user_id, device_id) REFERENCES devices(user_id, device_id) ON DELETE CASCADE
);
CREATE INDEX event_txn_id_device_id_ts ON event_txn_id_device_id (inserted_ts);
CREATE UNIQUE INDEX event_txn_id_device_id_event_id ON event_txn_id_device_id (event_id);
CREATE UNIQUE INDEX event_txn_id_device_id_txn_id2 ON event_txn_id_device_id (user_id, device_id, room_id, txn_id);

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
  constraint events_event_id_key UNIQUE (event_id)
);
CREATE INDEX event_contains_url_index ON events (room_id, topological_ordering, stream_ordering) WHERE ((contains_url = true) AND (outlier = false));
CREATE INDEX events_jump_to_date_idx ON events (room_id, origin_server_ts) WHERE (NOT outlier);
CREATE INDEX events_order_room ON events (room_id, topological_ordering, stream_ordering);
CREATE INDEX events_room_stream ON events (room_id, stream_ordering);
CREATE INDEX events_ts ON events (origin_server_ts, stream_ordering);
CREATE INDEX received_ts_idx ON events (received_ts) WHERE (type = 'm.room.member'::text);
CREATE UNIQUE INDEX events_stream_ordering ON events (stream_ordering);

create table ex_outlier_stream (
  event_stream_ordering bigint not null,
  event_id text not null,
  state_group bigint not null,
  instance_name text,
  constraint ex_outlier_stream_pkey PRIMARY KEY (event_stream_ordering)
);

create table federation_inbound_events_staging (
  origin text not null,
  room_id text not null,
  event_id text not null,
  received_ts bigint not null,
  event_json text not null,
  internal_metadata text not null
);
CREATE INDEX federation_inbound_events_staging_room ON federation_inbound_events_staging (room_id, received_ts);
CREATE UNIQUE INDEX federation_inbound_events_staging_instance_event ON federation_inbound_events_staging (origin, event_id);

create table federation_stream_position (
  type text not null,
  stream_id bigint not null,
  instance_name text not null default 'master'::text
);
CREATE UNIQUE INDEX federation_stream_position_instance ON federation_stream_position (type, instance_name);

create table ignored_users (
  ignorer_user_id text not null,
  ignored_user_id text not null
);
CREATE INDEX ignored_users_ignored_user_id ON ignored_users (ignored_user_id);
CREATE UNIQUE INDEX ignored_users_uniqueness ON ignored_users (ignorer_user_id, ignored_user_id);

create table instance_map (
  instance_id integer not null default nextval('instance_map_instance_id_seq'::regclass),
  instance_name text not null,
  constraint instance_map_pkey PRIMARY KEY (instance_id)
);
CREATE UNIQUE INDEX instance_map_idx ON instance_map (instance_name);

create table local_current_membership (
  room_id text not null,
  user_id text not null,
  event_id text not null,
  membership text not null,
  event_stream_ordering bigint,
  constraint event_stream_ordering_fkey FOREIGN KEY (event_stream_ordering) REFERENCES events(stream_ordering) NOT VALID
);
CREATE INDEX local_current_membership_room_idx ON local_current_membership (room_id);
CREATE INDEX local_current_membership_stream_ordering_idx ON local_current_membership (event_stream_ordering);
CREATE UNIQUE INDEX local_current_membership_idx ON local_current_membership (user_id, room_id);
CREATE TRIGGER check_event_stream_ordering BEFORE INSERT OR UPDATE ON local_current_membership FOR EACH ROW EXECUTE FUNCTION check_event_stream_ordering();

create table local_media_repository (
  media_id text,
  media_type text,
  media_length integer,
  created_ts bigint,
  upload_name text,
  user_id text,
  quarantined_by text,
  url_cache text,
  last_access_ts bigint,
  safe_from_quarantine boolean not null default false,
  authenticated boolean not null default false,
  sha256 text,
  constraint local_media_repository_media_id_key UNIQUE (media_id)
);
CREATE INDEX local_media_repository_sha256 ON local_media_repository (sha256) WHERE (sha256 IS NOT NULL);
CREATE INDEX local_media_repository_url_idx ON local_media_repository (created_ts) WHERE (url_cache IS NOT NULL);
CREATE INDEX users_have_local_media ON local_media_repository (user_id, created_ts);

create table local_media_repository_thumbnails (
  media_id text,
  thumbnail_width integer,
  thumbnail_height integer,
  thumbnail_type text,
  thumbnail_method text,
  thumbnail_length integer
);
CREATE INDEX local_media_repository_thumbnails_media_id ON local_media_repository_thumbnails (media_id);
CREATE UNIQUE INDEX local_media_repository_thumbn_media_id_width_height_method_key ON local_media_repository_thumbnails (media_id, thumbnail_width, thumbnail_height, thumbnail_type, thumbnail_method);

create table local_media_repository_url_cache (
  url text,
  response_code integer,
  etag text,
  expires_ts bigint,
  og text,
  media_id text,
  download_ts bigint
);
CREATE INDEX local_media_repository_url_cache_by_url_download_ts ON local_media_repository_url_cache (url, download_ts);
CREATE INDEX local_media_repository_url_cache_expires_idx ON local_media_repository_url_cache (expires_ts);
CREATE INDEX local_media_repository_url_cache_media_idx ON local_media_repository_url_cache (media_id);

create table login_tokens (
  token text not null,
  user_id text not null,
  expiry_ts bigint not null,
  used_ts bigint,
  auth_provider_id text,
  auth_provider_session_id text,
  constraint login_tokens_pkey PRIMARY KEY (token)
);
CREATE INDEX login_tokens_auth_provider_idx ON login_tokens (auth_provider_id, auth_provider_session_id);
CREATE INDEX login_tokens_expiry_time_idx ON login_tokens (expiry_ts);

create table monthly_active_users (
  user_id text not null,
  timestamp bigint not null
);
CREATE INDEX monthly_active_users_time_stamp ON monthly_active_users ("timestamp");
CREATE UNIQUE INDEX monthly_active_users_users ON monthly_active_users (user_id);

create table msc4242_state_dag_edges (
  room_id text not null,
  event_id text not null,
  prev_state_event_id text,
  constraint msc4242_state_dag_edges_event_id_fkey FOREIGN KEY (event_id) REFERENCES events(event_id),
  constraint msc4242_state_dag_edges_prev_state_event_id_fkey FOREIGN KEY (prev_state_event_id) REFERENCES events(event_id),
  constraint msc4242_state_dag_edges_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms(room_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX msc4242_state_dag_edges_key ON msc4242_state_dag_edges (room_id, event_id, prev_state_event_id);

create table msc4242_state_dag_forward_extremities (
  room_id text not null,
  event_id text not null,
  constraint msc4242_state_dag_forward_extremities_event_id_fkey FOREIGN KEY (event_id) REFERENCES events(event_id) ON DELETE CASCADE,
  constraint msc4242_state_dag_forward_extremities_event_id_key UNIQUE (event_id),
  constraint msc4242_state_dag_forward_extremities_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms(room_id) ON DELETE CASCADE
);
CREATE INDEX msc4242_state_dag_room ON msc4242_state_dag_forward_extremities (room_id);

create table open_id_tokens (
  token text not null,
  ts_valid_until_ms bigint not null,
  user_id text not null,
  constraint open_id_tokens_pkey PRIMARY KEY (token)
);
CREATE INDEX open_id_tokens_ts_valid_until_ms ON open_id_tokens (ts_valid_until_ms);

create table partial_state_events (
  room_id text not null,
  event_id text not null,
  constraint partial_state_events_event_id_fkey FOREIGN KEY (event_id) REFERENCES events(event_id),
  constraint partial_state_events_event_id_key UNIQUE (event_id),
  constraint partial_state_events_room_id_fkey FOREIGN KEY (room_id) REFERENCES partial_state_rooms(room_id)
);
CREATE INDEX partial_state_events_room_id_idx ON partial_state_events (room_id);
CREATE TRIGGER check_partial_state_events BEFORE INSERT OR UPDATE ON partial_state_events FOR EACH ROW EXECUTE FUNCTION check_partial_state_events();

create table partial_state_rooms (
  room_id text not null,
  device_lists_stream_id bigint not null default 0,
  join_event_id text,
  joined_via text,
  constraint partial_state_rooms_join_event_id_fkey FOREIGN KEY (join_event_id) REFERENCES events(event_id),
  constraint partial_state_rooms_pkey PRIMARY KEY (room_id),
  constraint partial_state_rooms_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms(room_id)
);

create table partial_state_rooms_servers (
  room_id text not null,
  server_name text not null,
  constraint partial_state_rooms_servers_room_id_fkey FOREIGN KEY (room_id) REFERENCES partial_state_rooms(room_id),
  constraint partial_state_rooms_servers_room_id_server_name_key UNIQUE (room_id, server_name)
);

create table per_user_experimental_features (
  user_id text not null,
  feature text not null,
  enabled boolean default false,
  constraint per_user_experimental_features_pkey PRIMARY KEY (user_id, feature),
  constraint per_user_experimental_features_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(name)
);

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
CREATE INDEX presence_stream_id ON presence_stream (stream_id, user_id);
CREATE INDEX presence_stream_state_not_offline_idx ON presence_stream (state) WHERE (state <> 'offline'::text);
CREATE INDEX presence_stream_user_id ON presence_stream (user_id);

create table profile_updates (
  stream_id bigint not null,
  instance_name text not null,
  user_id text not null,
  action text not null,
  affected_fields jsonb,
  inserted_ts bigint not null,
  constraint profile_updates_pkey PRIMARY KEY (stream_id)
);
CREATE INDEX profile_updates_by_user ON profile_updates (user_id, stream_id);

create table profile_updates_per_user (
  stream_id bigint not null,
  user_id text not null,
  inserted_ts bigint not null,
  constraint profile_updates_per_user_pkey PRIMARY KEY (user_id, stream_id),
  constraint profile_updates_per_user_stream_id_fkey FOREIGN KEY (stream_id) REFERENCES profile_updates(stream_id)
);

create table profiles (
  user_id text not null,
  displayname text,
  avatar_url text,
  full_user_id text,
  fields jsonb,
  constraint full_user_id_not_null CHECK ((full_user_id IS NOT NULL)),
  constraint profiles_user_id_key UNIQUE (user_id)
);
CREATE UNIQUE INDEX profiles_full_user_id_key ON profiles (full_user_id);

create table push_rules (
  id bigint not null,
  user_name text not null,
  rule_id text not null,
  priority_class smallint not null,
  priority integer not null default 0,
  conditions text not null,
  actions text not null,
  constraint push_rules_pkey PRIMARY KEY (id),
  constraint push_rules_user_name_rule_id_key UNIQUE (user_name, rule_id)
);
CREATE INDEX push_rules_user_name ON push_rules (user_name);

create table push_rules_enable (
  id bigint not null,
  user_name text not null,
  rule_id text not null,
  enabled smallint,
  constraint push_rules_enable_pkey PRIMARY KEY (id),
  constraint push_rules_enable_user_name_rule_id_key UNIQUE (user_name, rule_id)
);
CREATE INDEX push_rules_enable_user_name ON push_rules_enable (user_name);

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
CREATE INDEX push_rules_stream_id ON push_rules_stream (stream_id);
CREATE INDEX push_rules_stream_user_stream_id ON push_rules_stream (user_id, stream_id);

create table pusher_throttle (
  pusher bigint not null,
  room_id text not null,
  last_sent_ts bigint,
  throttle_ms bigint,
  constraint pusher_throttle_pkey PRIMARY KEY (pusher, room_id)
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
  constraint pushers2_app_id_pushkey_user_name_key UNIQUE (app_id, pushkey, user_name),
  constraint pushers2_pkey PRIMARY KEY (id)
);

create table quarantined_media_changes (
  stream_id integer not null,
  instance_name text not null,
  origin text,
  media_id text not null,
  quarantined boolean not null,
  constraint quarantined_media_changes_pkey PRIMARY KEY (stream_id)
);

create table ratelimit_override (
  user_id text not null,
  messages_per_second bigint,
  burst_count bigint
);
CREATE UNIQUE INDEX ratelimit_override_idx ON ratelimit_override (user_id);

create table receipts_graph (
  room_id text not null,
  receipt_type text not null,
  user_id text not null,
  event_ids text not null,
  data text not null,
  thread_id text,
  constraint receipts_graph_uniqueness_thread UNIQUE (room_id, receipt_type, user_id, thread_id)
);
CREATE UNIQUE INDEX receipts_graph_unique_index ON receipts_graph (room_id, receipt_type, user_id) WHERE (thread_id IS NULL);

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
  constraint receipts_linearized_uniqueness_thread UNIQUE (room_id, receipt_type, user_id, thread_id)
);
CREATE INDEX receipts_linearized_event_id ON receipts_linearized (room_id, event_id);
CREATE INDEX receipts_linearized_id ON receipts_linearized (stream_id);
CREATE INDEX receipts_linearized_room_stream ON receipts_linearized (room_id, stream_id);
CREATE INDEX receipts_linearized_user ON receipts_linearized (user_id);
CREATE UNIQUE INDEX receipts_linearized_unique_index ON receipts_linearized (room_id, receipt_type, user_id) WHERE (thread_id IS NULL);

create table received_transactions (
  transaction_id text,
  origin text,
  ts bigint,
  response_code integer,
  response_json bytea,
  has_been_referenced smallint default 0,
  constraint received_transactions_transaction_id_origin_key UNIQUE (transaction_id, origin)
);
CREATE INDEX received_transactions_ts ON received_transactions (ts);

create table redactions (
  event_id text not null,
  redacts text not null,
  have_censored boolean not null default false,
  received_ts bigint,
  recheck boolean not null default true,
  constraint redactions_event_id_key UNIQUE (event_id)
);
CREATE INDEX redactions_have_censored_ts ON redactions (received_ts) WHERE (NOT have_censored);
CREATE INDEX redactions_redacts ON redactions (redacts);

create table refresh_tokens (
  id bigint not null,
  user_id text not null,
  device_id text not null,
  token text not null,
  next_token_id bigint,
  expiry_ts bigint,
  ultimate_session_expiry_ts bigint,
  constraint refresh_tokens_next_token_id_fkey FOREIGN KEY (next_token_id) REFERENCES refresh_tokens(id) ON DELETE CASCADE,
  constraint refresh_tokens_pkey PRIMARY KEY (id),
  constraint refresh_tokens_token_key UNIQUE (token)
);
CREATE INDEX refresh_tokens_next_token_id ON refresh_tokens (next_token_id) WHERE (next_token_id IS NOT NULL);

create table registration_tokens (
  token text not null,
  uses_allowed integer,
  pending integer not null,
  completed integer not null,
  expiry_time bigint,
  constraint registration_tokens_token_key UNIQUE (token)
);

create table rejections (
  event_id text not null,
  reason text not null,
  last_check text not null,
  constraint rejections_event_id_key UNIQUE (event_id)
);

create table remote_media_cache (
  media_origin text,
  media_id text,
  media_type text,
  created_ts bigint,
  upload_name text,
  media_length integer,
  filesystem_id text,
  last_access_ts bigint,
  quarantined_by text,
  authenticated boolean not null default false,
  sha256 text,
  constraint remote_media_cache_media_origin_media_id_key UNIQUE (media_origin, media_id)
);
CREATE INDEX remote_media_cache_sha256 ON remote_media_cache (sha256) WHERE (sha256 IS NOT NULL);

create table remote_media_cache_thumbnails (
  media_origin text,
  media_id text,
  thumbnail_width integer,
  thumbnail_height integer,
  thumbnail_method text,
  thumbnail_type text,
  thumbnail_length integer,
  filesystem_id text
);
CREATE UNIQUE INDEX remote_media_repository_thumbn_media_origin_id_width_height_met ON remote_media_cache_thumbnails (media_origin, media_id, thumbnail_width, thumbnail_height, thumbnail_type, thumbnail_method);

create table room_account_data (
  user_id text not null,
  room_id text not null,
  account_data_type text not null,
  stream_id bigint not null,
  content text not null,
  instance_name text,
  constraint room_account_data_uniqueness UNIQUE (user_id, room_id, account_data_type)
);
CREATE INDEX room_account_data_room_id ON room_account_data (room_id);
CREATE INDEX room_account_data_stream_id ON room_account_data (user_id, stream_id);

create table room_alias_servers (
  room_alias text not null,
  server text not null
);
CREATE INDEX room_alias_servers_alias ON room_alias_servers (room_alias);

create table room_aliases (
  room_alias text not null,
  room_id text not null,
  creator text,
  constraint room_aliases_room_alias_key UNIQUE (room_alias)
);
CREATE INDEX room_aliases_id ON room_aliases (room_id);

create table room_ban_redactions (
  room_id text not null,
  user_id text not null,
  redacting_event_id text not null,
  redact_end_ordering bigint,
  constraint room_ban_redaction_uniqueness UNIQUE (room_id, user_id)
);

create table room_depth (
  room_id text not null,
  min_depth bigint,
  constraint room_depth_room_id_key UNIQUE (room_id)
);

create table room_forgetter_stream_pos (
  lock character(1) not null default 'X'::bpchar,
  stream_id bigint not null,
  constraint room_forgetter_stream_pos_lock_check CHECK ((lock = 'X'::bpchar)),
  constraint room_forgetter_stream_pos_lock_key UNIQUE (lock)
);

create table room_memberships (
  event_id text not null,
  user_id text not null,
  sender text not null,
  room_id text not null,
  membership text not null,
  forgotten integer default 0,
  display_name text,
  avatar_url text,
  event_stream_ordering bigint,
  participant boolean default false,
  constraint event_stream_ordering_fkey FOREIGN KEY (event_stream_ordering) REFERENCES events(stream_ordering) NOT VALID,
  constraint room_memberships_event_id_key UNIQUE (event_id)
);
CREATE INDEX room_membership_user_room_idx ON room_memberships (user_id, room_id);
CREATE INDEX room_memberships_room_id ON room_memberships (room_id);
CREATE INDEX room_memberships_stream_ordering_idx ON room_memberships (event_stream_ordering);
CREATE INDEX room_memberships_user_id ON room_memberships (user_id);
CREATE INDEX room_memberships_user_room_forgotten ON room_memberships (user_id, room_id) WHERE (forgotten = 1);
CREATE TRIGGER check_event_stream_ordering BEFORE INSERT OR UPDATE ON room_memberships FOR EACH ROW EXECUTE FUNCTION check_event_stream_ordering();

create table room_reports (
  id bigint not null,
  received_ts bigint not null,
  room_id text not null,
  user_id text not null,
  reason text not null,
  constraint room_reports_pkey PRIMARY KEY (id)
);

create table room_retention (
  room_id text not null,
  event_id text not null,
  min_lifetime bigint,
  max_lifetime bigint,
  constraint room_retention_pkey PRIMARY KEY (room_id, event_id)
);
CREATE INDEX room_retention_max_lifetime_idx ON room_retention (max_lifetime);

create table room_stats_current (
  room_id text not null,
  current_state_events integer not null,
  joined_members integer not null,
  invited_members integer not null,
  left_members integer not null,
  banned_members integer not null,
  local_users_in_room integer not null,
  completed_delta_stream_id bigint not null,
  knocked_members integer,
  constraint room_stats_current_pkey PRIMARY KEY (room_id)
);

create table room_stats_earliest_token (
  room_id text not null,
  token bigint not null
);
CREATE UNIQUE INDEX room_stats_earliest_token_idx ON room_stats_earliest_token (room_id);

create table room_stats_state (
  room_id text not null,
  name text,
  canonical_alias text,
  join_rules text,
  history_visibility text,
  encryption text,
  avatar text,
  guest_access text,
  is_federatable boolean,
  topic text,
  room_type text
);
CREATE UNIQUE INDEX room_stats_state_room ON room_stats_state (room_id);

create table room_tags (
  user_id text not null,
  room_id text not null,
  tag text not null,
  content text not null,
  constraint room_tag_uniqueness UNIQUE (user_id, room_id, tag)
);

create table room_tags_revisions (
  user_id text not null,
  room_id text not null,
  stream_id bigint not null,
  instance_name text,
  constraint room_tag_revisions_uniqueness UNIQUE (user_id, room_id)
);

create table rooms (
  room_id text not null,
  is_public boolean,
  creator text,
  room_version text,
  has_auth_chain_index boolean,
  constraint rooms_pkey PRIMARY KEY (room_id)
);
CREATE INDEX public_room_index ON rooms (is_public);

create table scheduled_tasks (
  id text not null,
  action text not null,
  status text not null,
  timestamp bigint not null,
  resource_id text,
  params text,
  result text,
  error text,
  constraint scheduled_tasks_pkey PRIMARY KEY (id)
);
CREATE INDEX scheduled_tasks_status ON scheduled_tasks (status);
CREATE INDEX scheduled_tasks_timestamp ON scheduled_tasks ("timestamp");

create table schema_compat_version (
  lock character(1) not null default 'X'::bpchar,
  compat_version integer not null,
  constraint schema_compat_version_lock_check CHECK ((lock = 'X'::bpchar)),
  constraint schema_compat_version_lock_key UNIQUE (lock)
);

create table schema_version (
  lock character(1) not null default 'X'::bpchar,
  version integer not null,
  upgraded boolean not null,
  constraint schema_version_lock_check CHECK ((lock = 'X'::bpchar)),
  constraint schema_version_lock_key UNIQUE (lock)
);

create table server_keys_json (
  server_name text not null,
  key_id text not null,
  from_server text not null,
  ts_added_ms bigint not null,
  ts_valid_until_ms bigint not null,
  key_json bytea not null,
  constraint server_keys_json_uniqueness UNIQUE (server_name, key_id, from_server)
);

create table server_signature_keys (
  server_name text,
  key_id text,
  from_server text,
  ts_added_ms bigint,
  verify_key bytea,
  ts_valid_until_ms bigint,
  constraint server_signature_keys_server_name_key_id_key UNIQUE (server_name, key_id)
);

create table sessions (
  session_type text not null,
  session_id text not null,
  value text not null,
  expiry_time_ms bigint not null,
  constraint sessions_session_type_session_id_key UNIQUE (session_type, session_id)
);

create table sliding_sync_connection_lazy_members (
  connection_key bigint not null,
  connection_position bigint,
  room_id text not null,
  user_id text not null,
  last_seen_ts bigint not null,
  constraint sliding_sync_connection_lazy_members_connection_key_fkey FOREIGN KEY (connection_key) REFERENCES sliding_sync_connections(connection_key) ON DELETE CASCADE,
  constraint sliding_sync_connection_lazy_members_connection_position_fkey FOREIGN KEY (connection_position) REFERENCES sliding_sync_connection_positions(connection_position) ON DELETE CASCADE
);
CREATE INDEX sliding_sync_connection_lazy_members_conn_pos_idx ON sliding_sync_connection_lazy_members (connection_position) WHERE (connection_position IS NOT NULL);
CREATE INDEX sliding_sync_connection_lazy_members_pos_idx ON sliding_sync_connection_lazy_members (connection_key, connection_position) WHERE (connection_position IS NOT NULL);
CREATE UNIQUE INDEX sliding_sync_connection_lazy_members_idx ON sliding_sync_connection_lazy_members (connection_key, room_id, user_id);

create table sliding_sync_connection_positions (
  connection_position bigint not null generated always as identity,
  connection_key bigint not null,
  created_ts bigint not null,
  constraint sliding_sync_connection_positions_connection_key_fkey FOREIGN KEY (connection_key) REFERENCES sliding_sync_connections(connection_key) ON DELETE CASCADE,
  constraint sliding_sync_connection_positions_pkey PRIMARY KEY (connection_position)
);
CREATE INDEX sliding_sync_connection_positions_key ON sliding_sync_connection_positions (connection_key);
CREATE INDEX sliding_sync_connection_positions_ts_idx ON sliding_sync_connection_positions (created_ts);

create table sliding_sync_connection_required_state (
  required_state_id bigint not null generated always as identity,
  connection_key bigint not null,
  required_state text not null,
  constraint sliding_sync_connection_required_state_connection_key_fkey FOREIGN KEY (connection_key) REFERENCES sliding_sync_connections(connection_key) ON DELETE CASCADE,
  constraint sliding_sync_connection_required_state_pkey PRIMARY KEY (required_state_id)
);
CREATE INDEX sliding_sync_connection_required_state_conn_pos ON sliding_sync_connection_required_state (connection_key);

create table sliding_sync_connection_room_configs (
  connection_position bigint not null,
  room_id text not null,
  timeline_limit bigint not null,
  required_state_id bigint not null,
  constraint sliding_sync_connection_room_configs_connection_position_fkey FOREIGN KEY (connection_position) REFERENCES sliding_sync_connection_positions(connection_position) ON DELETE CASCADE,
  constraint sliding_sync_connection_room_configs_required_state_id_fkey FOREIGN KEY (required_state_id) REFERENCES sliding_sync_connection_required_state(required_state_id)
);
CREATE INDEX sliding_sync_connection_room_configs_required_state_id_idx ON sliding_sync_connection_room_configs (required_state_id);
CREATE UNIQUE INDEX sliding_sync_connection_room_configs_idx ON sliding_sync_connection_room_configs (connection_position, room_id);

create table sliding_sync_connection_streams (
  connection_position bigint not null,
  stream text not null,
  room_id text not null,
  room_status text not null,
  last_token text,
  constraint sliding_sync_connection_streams_connection_position_fkey FOREIGN KEY (connection_position) REFERENCES sliding_sync_connection_positions(connection_position) ON DELETE CASCADE
);
CREATE UNIQUE INDEX sliding_sync_connection_streams_idx ON sliding_sync_connection_streams (connection_position, room_id, stream);

create table sliding_sync_connections (
  connection_key bigint not null generated always as identity,
  user_id text not null,
  effective_device_id text not null,
  conn_id text not null,
  created_ts bigint not null,
  last_used_ts bigint,
  constraint sliding_sync_connections_pkey PRIMARY KEY (connection_key)
);
CREATE INDEX sliding_sync_connections_idx ON sliding_sync_connections (user_id, effective_device_id, conn_id);
CREATE INDEX sliding_sync_connections_last_used_ts_idx ON sliding_sync_connections (last_used_ts) WHERE (last_used_ts IS NOT NULL);
CREATE INDEX sliding_sync_connections_ts_idx ON sliding_sync_connections (created_ts);

create table sliding_sync_joined_rooms (
  room_id text not null,
  event_stream_ordering bigint not null,
  bump_stamp bigint,
  room_type text,
  room_name text,
  is_encrypted boolean not null default false,
  tombstone_successor_room_id text,
  constraint sliding_sync_joined_rooms_event_stream_ordering_fkey FOREIGN KEY (event_stream_ordering) REFERENCES events(stream_ordering),
  constraint sliding_sync_joined_rooms_pkey PRIMARY KEY (room_id),
  constraint sliding_sync_joined_rooms_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms(room_id)
);
CREATE UNIQUE INDEX sliding_sync_joined_rooms_event_stream_ordering ON sliding_sync_joined_rooms (event_stream_ordering);

create table sliding_sync_joined_rooms_to_recalculate (
  room_id text not null,
  constraint sliding_sync_joined_rooms_to_recalculate_pkey PRIMARY KEY (room_id),
  constraint sliding_sync_joined_rooms_to_recalculate_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms(room_id)
);

create table sliding_sync_membership_snapshots (
  room_id text not null,
  user_id text not null,
  sender text not null,
  membership_event_id text not null,
  membership text not null,
  forgotten integer not null default 0,
  event_stream_ordering bigint not null,
  event_instance_name text not null,
  has_known_state boolean not null default false,
  room_type text,
  room_name text,
  is_encrypted boolean not null default false,
  tombstone_successor_room_id text,
  constraint sliding_sync_membership_snapshots_event_stream_ordering_fkey FOREIGN KEY (event_stream_ordering) REFERENCES events(stream_ordering),
  constraint sliding_sync_membership_snapshots_membership_event_id_fkey FOREIGN KEY (membership_event_id) REFERENCES events(event_id),
  constraint sliding_sync_membership_snapshots_pkey PRIMARY KEY (room_id, user_id),
  constraint sliding_sync_membership_snapshots_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms(room_id)
);
CREATE INDEX sliding_sync_membership_snapshots_membership_event_id_idx ON sliding_sync_membership_snapshots (membership_event_id);
CREATE INDEX sliding_sync_membership_snapshots_user_id_stream_ordering ON sliding_sync_membership_snapshots (user_id, event_stream_ordering);
CREATE UNIQUE INDEX sliding_sync_membership_snapshots_event_stream_ordering ON sliding_sync_membership_snapshots (event_stream_ordering);

create table state_events (
  event_id text not null,
  room_id text not null,
  type text not null,
  state_key text not null,
  prev_state text,
  constraint state_events_event_id_key UNIQUE (event_id)
);

create table state_group_edges (
  state_group bigint not null,
  prev_state_group bigint not null
);
CREATE INDEX state_group_edges_prev_idx ON state_group_edges (prev_state_group);
CREATE UNIQUE INDEX state_group_edges_unique_idx ON state_group_edges (state_group, prev_state_group);

create table state_groups (
  id bigint not null,
  room_id text not null,
  event_id text not null,
  constraint state_groups_pkey PRIMARY KEY (id)
);
CREATE INDEX state_groups_room_id_idx ON state_groups (room_id);

create table state_groups_pending_deletion (
  sequence_number bigint not null generated always as identity,
  state_group bigint not null,
  insertion_ts bigint not null,
  constraint state_groups_pending_deletion_pkey PRIMARY KEY (sequence_number)
);
CREATE INDEX state_groups_pending_deletion_insertion_ts ON state_groups_pending_deletion (insertion_ts);
CREATE UNIQUE INDEX state_groups_pending_deletion_state_group ON state_groups_pending_deletion (state_group);

create table state_groups_persisting (
  state_group bigint not null,
  instance_name text not null,
  inserted_ts bigint not null default (EXTRACT(epoch FROM now()) * (1000)::numeric),
  constraint state_groups_persisting_pkey PRIMARY KEY (state_group, instance_name)
);
CREATE INDEX state_groups_persisting_instance_name ON state_groups_persisting (instance_name);

create table state_groups_state (
  state_group bigint not null,
  room_id text not null,
  type text not null,
  state_key text not null,
  event_id text not null
);
alter table state_groups_state alter column state_group set (n_distinct=-0.02);
CREATE INDEX state_groups_state_type_idx ON state_groups_state (state_group, type, state_key);

create table stats_incremental_position (
  lock character(1) not null default 'X'::bpchar,
  stream_id bigint not null,
  constraint stats_incremental_position_lock_check CHECK ((lock = 'X'::bpchar)),
  constraint stats_incremental_position_lock_key UNIQUE (lock)
);

create table sticky_events (
  stream_id integer not null,
  instance_name text not null,
  event_id text not null,
  room_id text not null,
  event_stream_ordering integer not null,
  sender text not null,
  expires_at bigint not null,
  constraint sticky_events_event_stream_ordering_key UNIQUE (event_stream_ordering),
  constraint sticky_events_pkey PRIMARY KEY (stream_id)
);
CREATE INDEX sticky_events_room_idx ON sticky_events (room_id, event_stream_ordering);

create table stream_ordering_to_exterm (
  stream_ordering bigint not null,
  room_id text not null,
  event_id text not null
);
CREATE INDEX stream_ordering_to_exterm_idx ON stream_ordering_to_exterm (stream_ordering);
CREATE INDEX stream_ordering_to_exterm_rm_idx ON stream_ordering_to_exterm (room_id, stream_ordering);

create table stream_positions (
  stream_name text not null,
  instance_name text not null,
  stream_id bigint not null
);
CREATE UNIQUE INDEX stream_positions_idx ON stream_positions (stream_name, instance_name);

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
  constraint thread_subscriptions_fk_events FOREIGN KEY (event_id) REFERENCES events(event_id) ON DELETE CASCADE,
  constraint thread_subscriptions_fk_rooms FOREIGN KEY (room_id) REFERENCES rooms(room_id) ON DELETE CASCADE,
  constraint thread_subscriptions_fk_users FOREIGN KEY (user_id) REFERENCES users(name),
  constraint thread_subscriptions_pkey PRIMARY KEY (stream_id),
  constraint thread_subscriptions_room_id_event_id_user_id_key UNIQUE (room_id, event_id, user_id)
);
CREATE INDEX thread_subscriptions_by_event ON thread_subscriptions (event_id);
CREATE INDEX thread_subscriptions_by_user ON thread_subscriptions (user_id, stream_id);
CREATE INDEX thread_subscriptions_user_room ON thread_subscriptions (user_id, room_id);

create table threads (
  room_id text not null,
  thread_id text not null,
  latest_event_id text not null,
  topological_ordering bigint not null,
  stream_ordering bigint not null,
  constraint threads_uniqueness UNIQUE (room_id, thread_id)
);
CREATE INDEX threads_ordering_idx ON threads (room_id, topological_ordering, stream_ordering);

create table threepid_guest_access_tokens (
  medium text,
  address text,
  guest_access_token text,
  first_inviter text
);
CREATE UNIQUE INDEX threepid_guest_access_tokens_index ON threepid_guest_access_tokens (medium, address);

create table threepid_validation_session (
  session_id text not null,
  medium text not null,
  address text not null,
  client_secret text not null,
  last_send_attempt bigint not null,
  validated_at bigint,
  constraint threepid_validation_session_pkey PRIMARY KEY (session_id)
);

create table threepid_validation_token (
  token text not null,
  session_id text not null,
  next_link text,
  expires bigint not null,
  constraint threepid_validation_token_pkey PRIMARY KEY (token)
);
CREATE INDEX threepid_validation_token_session_id ON threepid_validation_token (session_id);

create table timeline_gaps (
  room_id text not null,
  instance_name text not null,
  stream_ordering bigint not null
);
CREATE INDEX timeline_gaps_room_id ON timeline_gaps (room_id, stream_ordering);

create table ui_auth_sessions (
  session_id text not null,
  creation_time bigint not null,
  serverdict text not null,
  clientdict text not null,
  uri text not null,
  method text not null,
  description text not null,
  constraint ui_auth_sessions_session_id_key UNIQUE (session_id)
);

create table ui_auth_sessions_credentials (
  session_id text not null,
  stage_type text not null,
  result text not null,
  constraint ui_auth_sessions_credentials_session_id_fkey FOREIGN KEY (session_id) REFERENCES ui_auth_sessions(session_id),
  constraint ui_auth_sessions_credentials_session_id_stage_type_key UNIQUE (session_id, stage_type)
);

create table ui_auth_sessions_ips (
  session_id text not null,
  ip text not null,
  user_agent text not null,
  constraint ui_auth_sessions_ips_session_id_fkey FOREIGN KEY (session_id) REFERENCES ui_auth_sessions(session_id),
  constraint ui_auth_sessions_ips_session_id_ip_user_agent_key UNIQUE (session_id, ip, user_agent)
);

create table un_partial_stated_event_stream (
  stream_id bigint not null,
  instance_name text not null,
  event_id text not null,
  rejection_status_changed boolean not null,
  constraint un_partial_stated_event_stream_event_id_fkey FOREIGN KEY (event_id) REFERENCES events(event_id) ON DELETE CASCADE,
  constraint un_partial_stated_event_stream_pkey PRIMARY KEY (stream_id)
);
CREATE UNIQUE INDEX un_partial_stated_event_stream_room_id ON un_partial_stated_event_stream (event_id);

create table un_partial_stated_room_stream (
  stream_id bigint not null,
  instance_name text not null,
  room_id text not null,
  constraint un_partial_stated_room_stream_pkey PRIMARY KEY (stream_id),
  constraint un_partial_stated_room_stream_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms(room_id) ON DELETE CASCADE
);
CREATE INDEX un_partial_stated_room_stream_room_id ON un_partial_stated_room_stream (room_id);

create table user_daily_visits (
  user_id text not null,
  device_id text,
  timestamp bigint not null,
  user_agent text
);
CREATE INDEX user_daily_visits_ts_idx ON user_daily_visits ("timestamp");
CREATE INDEX user_daily_visits_uts_idx ON user_daily_visits (user_id, "timestamp");

create table user_directory (
  user_id text not null,
  room_id text,
  display_name text,
  avatar_url text
);
CREATE INDEX user_directory_room_idx ON user_directory (room_id);
CREATE UNIQUE INDEX user_directory_user_idx ON user_directory (user_id);

create table user_directory_search (
  user_id text not null,
  vector tsvector
);
CREATE INDEX user_directory_search_fts_idx ON user_directory_search USING gin (vector);
CREATE UNIQUE INDEX user_directory_search_user_idx ON user_directory_search (user_id);

create table user_directory_stale_remote_users (
  user_id text not null,
  user_server_name text not null,
  next_try_at_ts bigint not null,
  retry_counter integer not null,
  constraint user_directory_stale_remote_users_pkey PRIMARY KEY (user_id)
);
CREATE INDEX user_directory_stale_remote_users_next_try_by_server_idx ON user_directory_stale_remote_users (user_server_name, next_try_at_ts);
CREATE INDEX user_directory_stale_remote_users_next_try_idx ON user_directory_stale_remote_users (next_try_at_ts, user_server_name);

create table user_directory_stream_pos (
  lock character(1) not null default 'X'::bpchar,
  stream_id bigint,
  constraint user_directory_stream_pos_lock_check CHECK ((lock = 'X'::bpchar)),
  constraint user_directory_stream_pos_lock_key UNIQUE (lock)
);

create table user_external_ids (
  auth_provider text not null,
  external_id text not null,
  user_id text not null,
  constraint user_external_ids_auth_provider_external_id_key UNIQUE (auth_provider, external_id)
);
CREATE INDEX user_external_ids_user_id_idx ON user_external_ids (user_id);

create table user_filters (
  user_id text not null,
  filter_id bigint not null,
  filter_json bytea not null,
  full_user_id text,
  constraint full_user_id_not_null CHECK ((full_user_id IS NOT NULL))
);
CREATE UNIQUE INDEX full_users_unique_idx ON user_filters (full_user_id, filter_id);
CREATE UNIQUE INDEX user_filters_unique ON user_filters (user_id, filter_id);

create table user_ips (
  user_id text not null,
  access_token text not null,
  device_id text,
  ip text not null,
  user_agent text not null,
  last_seen bigint not null
);
CREATE INDEX user_ips_device_id ON user_ips (user_id, device_id, last_seen);
CREATE INDEX user_ips_last_seen ON user_ips (user_id, last_seen);
CREATE INDEX user_ips_last_seen_only ON user_ips (last_seen);
CREATE UNIQUE INDEX user_ips_user_token_ip_unique_index ON user_ips (user_id, access_token, ip);

create table user_reports (
  id bigint not null,
  received_ts bigint not null,
  target_user_id text not null,
  user_id text not null,
  reason text not null,
  constraint user_reports_pkey PRIMARY KEY (id)
);
CREATE INDEX user_reports_target_user_id ON user_reports (target_user_id);
CREATE INDEX user_reports_user_id ON user_reports (user_id);

create table user_signature_stream (
  stream_id bigint not null,
  from_user_id text not null,
  user_ids text not null,
  instance_name text
);
CREATE UNIQUE INDEX user_signature_stream_idx ON user_signature_stream (stream_id);

create table user_stats_current (
  user_id text not null,
  joined_rooms bigint not null,
  completed_delta_stream_id bigint not null,
  constraint user_stats_current_pkey PRIMARY KEY (user_id)
);

create table user_threepid_id_server (
  user_id text not null,
  medium text not null,
  address text not null,
  id_server text not null
);
CREATE UNIQUE INDEX user_threepid_id_server_idx ON user_threepid_id_server (user_id, medium, address, id_server);

create table user_threepids (
  user_id text not null,
  medium text not null,
  address text not null,
  validated_at bigint not null,
  added_at bigint not null,
  constraint medium_address UNIQUE (medium, address)
);
CREATE INDEX user_threepids_medium_address ON user_threepids (medium, address);
CREATE INDEX user_threepids_user_id ON user_threepids (user_id);

create table users (
  name text,
  password_hash text,
  creation_ts bigint,
  admin smallint not null default 0,
  upgrade_ts bigint,
  is_guest smallint not null default 0,
  appservice_id text,
  consent_version text,
  consent_server_notice_sent text,
  user_type text,
  deactivated smallint not null default 0,
  shadow_banned boolean,
  consent_ts bigint,
  approved boolean,
  locked boolean not null default false,
  suspended boolean not null default false,
  constraint users_name_key UNIQUE (name)
);
CREATE INDEX users_creation_ts ON users (creation_ts);

create table users_in_public_rooms (
  user_id text not null,
  room_id text not null
);
CREATE INDEX users_in_public_rooms_r_idx ON users_in_public_rooms (room_id);
CREATE UNIQUE INDEX users_in_public_rooms_u_idx ON users_in_public_rooms (user_id, room_id);

create table users_pending_deactivation (
  user_id text not null
);

create table users_to_send_full_presence_to (
  user_id text not null,
  presence_stream_id bigint,
  constraint users_to_send_full_presence_to_pkey PRIMARY KEY (user_id),
  constraint users_to_send_full_presence_to_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(name)
);

create table users_who_share_private_rooms (
  user_id text not null,
  other_user_id text not null,
  room_id text not null
);
CREATE INDEX users_who_share_private_rooms_o_idx ON users_who_share_private_rooms (other_user_id);
CREATE INDEX users_who_share_private_rooms_r_idx ON users_who_share_private_rooms (room_id);
CREATE UNIQUE INDEX users_who_share_private_rooms_u_idx ON users_who_share_private_rooms (user_id, other_user_id, room_id);

create table worker_locks (
  lock_name text not null,
  lock_key text not null,
  instance_name text not null,
  token text not null,
  last_renewed_ts bigint not null
);
CREATE UNIQUE INDEX worker_locks_key ON worker_locks (lock_name, lock_key);

create table worker_read_write_locks (
  lock_name text not null,
  lock_key text not null,
  instance_name text not null,
  write_lock boolean not null,
  token text not null,
  last_renewed_ts bigint not null,
  constraint worker_read_write_locks_lock_name_lock_key_write_lock_fkey FOREIGN KEY (lock_name, lock_key, write_lock) REFERENCES worker_read_write_locks_mode(lock_name, lock_key, write_lock)
);
CREATE UNIQUE INDEX worker_read_write_locks_key ON worker_read_write_locks (lock_name, lock_key, token);
CREATE UNIQUE INDEX worker_read_write_locks_write ON worker_read_write_locks (lock_name, lock_key) WHERE write_lock;
CREATE TRIGGER delete_read_write_lock_parent_trigger AFTER DELETE ON worker_read_write_locks FOR EACH ROW EXECUTE FUNCTION delete_read_write_lock_parent();
CREATE TRIGGER upsert_read_write_lock_parent_trigger BEFORE INSERT ON worker_read_write_locks FOR EACH ROW EXECUTE FUNCTION upsert_read_write_lock_parent();

create table worker_read_write_locks_mode (
  lock_name text not null,
  lock_key text not null,
  write_lock boolean not null,
  token text not null,
  constraint worker_read_write_locks_mode_foreign FOREIGN KEY (lock_name, lock_key, token) REFERENCES worker_read_write_locks(lock_name, lock_key, token) DEFERRABLE INITIALLY DEFERRED
);
CREATE UNIQUE INDEX worker_read_write_locks_mode_key ON worker_read_write_locks_mode (lock_name, lock_key);
CREATE UNIQUE INDEX worker_read_write_locks_mode_type ON worker_read_write_locks_mode (lock_name, lock_key, write_lock);

create sequence account_data_sequence as bigint start 1 -- at 1;

create sequence application_services_txn_id_seq as bigint start 1;

create sequence cache_invalidation_stream_seq as bigint start 1 -- at 1;

create sequence device_inbox_sequence as bigint start 1 -- at 1;

create sequence device_lists_sequence as bigint start 1 -- at 1;

create sequence e2e_cross_signing_keys_sequence as bigint start 1 -- at 1;

create sequence event_auth_chain_id as bigint start 1;

create sequence events_backfill_stream_seq as bigint start 1 -- at 1;

create sequence events_stream_seq as bigint start 1 -- at 1;

create sequence instance_map_instance_id_seq as integer start 1;

create sequence presence_stream_sequence as bigint start 1 -- at 1;

create sequence profile_updates_sequence as bigint start 1 -- at 1;

create sequence push_rules_stream_sequence as bigint start 1 -- at 1;

create sequence pushers_sequence as bigint start 1 -- at 1;

create sequence quarantined_media_id_seq as bigint start 1 -- at 1;

create sequence receipts_sequence as bigint start 1 -- at 1;

create sequence sliding_sync_connection_positions_connection_position_seq as bigint start 1;

create sequence sliding_sync_connection_required_state_required_state_id_seq as bigint start 1;

create sequence sliding_sync_connections_connection_key_seq as bigint start 1;

create sequence state_group_id_seq as bigint start 1;

create sequence state_groups_pending_deletion_sequence_number_seq as bigint start 1;

create sequence sticky_events_sequence as bigint start 1 -- at 1;

create sequence thread_subscriptions_sequence as bigint start 2 -- at 2;

create sequence un_partial_stated_event_stream_sequence as bigint start 1 -- at 1;

create sequence un_partial_stated_room_stream_sequence as bigint start 1 -- at 1;

create sequence user_id_seq as bigint start 1;

CREATE OR REPLACE FUNCTION check_event_stream_ordering()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform from events e where e.event_id = new.event_id and e.stream_ordering <> new.event_stream_ordering;
  if found then
    raise exception '%: event % is not at stream ordering %', tg_table_name, new.event_id, new.event_stream_ordering;
  end if;
  return new;
end $function$;

CREATE OR REPLACE FUNCTION check_partial_state_events()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform from events e where e.event_id = new.event_id and e.room_id <> new.room_id;
  if found then raise exception 'event % is not of room %', new.event_id, new.room_id; end if;
  return new;
end $function$;

CREATE OR REPLACE FUNCTION delete_read_write_lock_parent()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  heir text;
begin
  perform from worker_read_write_locks_mode m
  where m.lock_name = old.lock_name and m.lock_key = old.lock_key and m.token = old.token for update;
  if not found then return null; end if;
  select l.token into heir from worker_read_write_locks l
  where l.lock_name = old.lock_name and l.lock_key = old.lock_key limit 1 for update skip locked;
  if heir is null then
    delete from worker_read_write_locks_mode m where m.lock_name = old.lock_name and m.lock_key = old.lock_key;
  else
    update worker_read_write_locks_mode m set token = heir
    where m.lock_name = old.lock_name and m.lock_key = old.lock_key;
  end if;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION upsert_read_write_lock_parent()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into worker_read_write_locks_mode as held (lock_name, lock_key, write_lock, token)
  values (new.lock_name, new.lock_key, new.write_lock, new.token)
  on conflict (lock_name, lock_key) do update set write_lock = held.write_lock where false; -- locks the row, no more
  return new;
end $function$;
