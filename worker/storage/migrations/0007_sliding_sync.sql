-- What simplified sliding sync (MSC4186) keeps per room, and per connection of a client.

create table sliding_sync_connections (
  connection_key bigint not null generated always as identity,
  user_id text not null,
  effective_device_id text not null,
  conn_id text not null,
  created_ts bigint not null,
  last_used_ts bigint,
  constraint sliding_sync_connections_pkey primary key (connection_key)
);
create index sliding_sync_connections_idx on sliding_sync_connections (user_id, effective_device_id, conn_id);
create index sliding_sync_connections_last_used_ts_idx
    on sliding_sync_connections (last_used_ts) where last_used_ts is not null;
create index sliding_sync_connections_ts_idx on sliding_sync_connections (created_ts);

create table sliding_sync_connection_positions (
  connection_position bigint not null generated always as identity,
  connection_key bigint not null,
  created_ts bigint not null,
  constraint sliding_sync_connection_positions_connection_key_fkey
    foreign key (connection_key) references sliding_sync_connections(connection_key) on delete cascade,
  constraint sliding_sync_connection_positions_pkey primary key (connection_position)
);
create index sliding_sync_connection_positions_key on sliding_sync_connection_positions (connection_key);
create index sliding_sync_connection_positions_ts_idx on sliding_sync_connection_positions (created_ts);

create table sliding_sync_connection_lazy_members (
  connection_key bigint not null,
  connection_position bigint,
  room_id text not null,
  user_id text not null,
  last_seen_ts bigint not null,
  constraint sliding_sync_connection_lazy_members_connection_key_fkey
    foreign key (connection_key) references sliding_sync_connections(connection_key) on delete cascade,
  constraint sliding_sync_connection_lazy_members_connection_position_fkey
    foreign key (connection_position) references sliding_sync_connection_positions(connection_position) on delete cascade
);
create index sliding_sync_connection_lazy_members_conn_pos_idx
    on sliding_sync_connection_lazy_members (connection_position) where connection_position is not null;
create unique index sliding_sync_connection_lazy_members_idx
    on sliding_sync_connection_lazy_members (connection_key, room_id, user_id);
create index sliding_sync_connection_lazy_members_pos_idx
    on sliding_sync_connection_lazy_members (connection_key, connection_position) where connection_position is not null;

create table sliding_sync_connection_required_state (
  required_state_id bigint not null generated always as identity,
  connection_key bigint not null,
  required_state text not null,
  constraint sliding_sync_connection_required_state_connection_key_fkey
    foreign key (connection_key) references sliding_sync_connections(connection_key) on delete cascade,
  constraint sliding_sync_connection_required_state_pkey primary key (required_state_id)
);
create index sliding_sync_connection_required_state_conn_pos on sliding_sync_connection_required_state (connection_key);

create table sliding_sync_connection_room_configs (
  connection_position bigint not null,
  room_id text not null,
  timeline_limit bigint not null,
  required_state_id bigint not null,
  constraint sliding_sync_connection_room_configs_connection_position_fkey
    foreign key (connection_position) references sliding_sync_connection_positions(connection_position) on delete cascade,
  constraint sliding_sync_connection_room_configs_required_state_id_fkey
    foreign key (required_state_id) references sliding_sync_connection_required_state(required_state_id)
);
create unique index sliding_sync_connection_room_configs_idx
    on sliding_sync_connection_room_configs (connection_position, room_id);
create index sliding_sync_connection_room_configs_required_state_id_idx
    on sliding_sync_connection_room_configs (required_state_id);

create table sliding_sync_connection_streams (
  connection_position bigint not null,
  stream text not null,
  room_id text not null,
  room_status text not null,
  last_token text,
  constraint sliding_sync_connection_streams_connection_position_fkey
    foreign key (connection_position) references sliding_sync_connection_positions(connection_position) on delete cascade
);
create unique index sliding_sync_connection_streams_idx
    on sliding_sync_connection_streams (connection_position, room_id, stream);

create table sliding_sync_joined_rooms (
  room_id text not null,
  event_stream_ordering bigint not null,
  bump_stamp bigint,
  room_type text,
  room_name text,
  is_encrypted boolean not null default false,
  tombstone_successor_room_id text,
  constraint sliding_sync_joined_rooms_event_stream_ordering_fkey
    foreign key (event_stream_ordering) references events(stream_ordering),
  constraint sliding_sync_joined_rooms_pkey primary key (room_id),
  constraint sliding_sync_joined_rooms_room_id_fkey foreign key (room_id) references rooms(room_id)
);
create unique index sliding_sync_joined_rooms_event_stream_ordering
    on sliding_sync_joined_rooms (event_stream_ordering);

create table sliding_sync_joined_rooms_to_recalculate (
  room_id text not null,
  constraint sliding_sync_joined_rooms_to_recalculate_pkey primary key (room_id),
  constraint sliding_sync_joined_rooms_to_recalculate_room_id_fkey foreign key (room_id) references rooms(room_id)
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
  constraint sliding_sync_membership_snapshots_event_stream_ordering_fkey
    foreign key (event_stream_ordering) references events(stream_ordering),
  constraint sliding_sync_membership_snapshots_membership_event_id_fkey
    foreign key (membership_event_id) references events(event_id),
  constraint sliding_sync_membership_snapshots_pkey primary key (room_id, user_id),
  constraint sliding_sync_membership_snapshots_room_id_fkey foreign key (room_id) references rooms(room_id)
);
create unique index sliding_sync_membership_snapshots_event_stream_ordering
    on sliding_sync_membership_snapshots (event_stream_ordering);
create index sliding_sync_membership_snapshots_membership_event_id_idx
    on sliding_sync_membership_snapshots (membership_event_id);
create index sliding_sync_membership_snapshots_user_id_stream_ordering
    on sliding_sync_membership_snapshots (user_id, event_stream_ordering);
