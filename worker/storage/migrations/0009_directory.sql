-- User directory and statistics.

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
  constraint room_stats_current_pkey primary key (room_id)
);

create table room_stats_earliest_token (
  room_id text not null,
  token bigint not null
);
create unique index room_stats_earliest_token_idx on room_stats_earliest_token (room_id);

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
create unique index room_stats_state_room on room_stats_state (room_id);

create table stats_incremental_position (
  lock character(1) not null default 'X',
  stream_id bigint not null,
  constraint stats_incremental_position_lock_check check (lock = 'X'),
  constraint stats_incremental_position_lock_key unique (lock)
);
insert into stats_incremental_position (stream_id) values (1);

create table user_directory (
  user_id text not null,
  room_id text,
  display_name text,
  avatar_url text
);
create index user_directory_room_idx on user_directory (room_id);
create unique index user_directory_user_idx on user_directory (user_id);

create table user_directory_search (
  user_id text not null,
  vector tsvector
);
create index user_directory_search_fts_idx on user_directory_search using gin (vector);
create unique index user_directory_search_user_idx on user_directory_search (user_id);

create table user_directory_stale_remote_users (
  user_id text not null,
  user_server_name text not null,
  next_try_at_ts bigint not null,
  retry_counter integer not null,
  constraint user_directory_stale_remote_users_pkey primary key (user_id)
);
create index user_directory_stale_remote_users_next_try_by_server_idx
    on user_directory_stale_remote_users (user_server_name, next_try_at_ts);
create index user_directory_stale_remote_users_next_try_idx
    on user_directory_stale_remote_users (next_try_at_ts, user_server_name);

create table user_directory_stream_pos (
  lock character(1) not null default 'X',
  stream_id bigint,
  constraint user_directory_stream_pos_lock_check check (lock = 'X'),
  constraint user_directory_stream_pos_lock_key unique (lock)
);
insert into user_directory_stream_pos (stream_id) values (1);

create table user_stats_current (
  user_id text not null,
  joined_rooms bigint not null,
  completed_delta_stream_id bigint not null,
  constraint user_stats_current_pkey primary key (user_id)
);

create table users_in_public_rooms (
  user_id text not null,
  room_id text not null
);
create index users_in_public_rooms_r_idx on users_in_public_rooms (room_id);
create unique index users_in_public_rooms_u_idx on users_in_public_rooms (user_id, room_id);

create table users_who_share_private_rooms (
  user_id text not null,
  other_user_id text not null,
  room_id text not null
);
create index users_who_share_private_rooms_o_idx on users_who_share_private_rooms (other_user_id);
create index users_who_share_private_rooms_r_idx on users_who_share_private_rooms (room_id);
create unique index users_who_share_private_rooms_u_idx
    on users_who_share_private_rooms (user_id, other_user_id, room_id);
