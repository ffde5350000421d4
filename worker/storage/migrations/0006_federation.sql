-- Other servers, and application services.

create sequence application_services_txn_id_seq;

create table application_services_state (
  as_id text not null,
  state character varying(5),
  read_receipt_stream_id bigint,
  presence_stream_id bigint,
  to_device_stream_id bigint,
  device_list_stream_id bigint,
  constraint application_services_state_pkey primary key (as_id)
);

create table application_services_txns (
  as_id text not null,
  txn_id bigint not null,
  event_ids text not null,
  constraint application_services_txns_as_id_txn_id_key unique (as_id, txn_id)
);
create index application_services_txns_id on application_services_txns (as_id);

create table appservice_room_list (
  appservice_id text not null,
  network_id text not null,
  room_id text not null
);
create unique index appservice_room_list_idx on appservice_room_list (appservice_id, network_id, room_id);

create table appservice_stream_position (
  lock character(1) not null default 'X',
  stream_ordering bigint,
  constraint appservice_stream_position_lock_check check (lock = 'X'),
  constraint appservice_stream_position_lock_key unique (lock)
);
insert into appservice_stream_position (stream_ordering) values (0);

create table destination_rooms_sticky_events_backlog (
  destination text not null,
  room_id text not null,
  sticky_events_stream_position integer not null,
  constraint destination_rooms_sticky_events_backlog_pkey primary key (destination, room_id),
  constraint destination_rooms_sticky_events_backlog_room_id_fkey
    foreign key (room_id) references rooms(room_id) on delete cascade
);
create index destination_rooms_sticky_events_backlog_room_id on destination_rooms_sticky_events_backlog (room_id);

create table destinations (
  destination text not null,
  retry_last_ts bigint,
  retry_interval bigint,
  failure_ts bigint,
  last_successful_stream_ordering bigint,
  constraint destinations_pkey primary key (destination)
);

create table destination_rooms (
  destination text not null,
  room_id text not null,
  stream_ordering bigint not null,
  constraint destination_rooms_destination_fkey foreign key (destination) references destinations(destination),
  constraint destination_rooms_pkey primary key (destination, room_id),
  constraint destination_rooms_room_id_fkey foreign key (room_id) references rooms(room_id)
);
create index destination_rooms_room_id on destination_rooms (room_id);

create table federation_stream_position (
  type text not null,
  stream_id bigint not null,
  instance_name text not null default 'master'
);
create unique index federation_stream_position_instance on federation_stream_position (type, instance_name);
insert into federation_stream_position (type, stream_id) values ('federation', -1), ('events', -1);

create table received_transactions (
  transaction_id text,
  origin text,
  ts bigint,
  response_code integer,
  response_json bytea,
  has_been_referenced smallint default 0,
  constraint received_transactions_transaction_id_origin_key unique (transaction_id, origin)
);
create index received_transactions_ts on received_transactions (ts);

create table server_keys_json (
  server_name text not null,
  key_id text not null,
  from_server text not null,
  ts_added_ms bigint not null,
  ts_valid_until_ms bigint not null,
  key_json bytea not null,
  constraint server_keys_json_uniqueness unique (server_name, key_id, from_server)
);

create table server_signature_keys (
  server_name text,
  key_id text,
  from_server text,
  ts_added_ms bigint,
  verify_key bytea,
  ts_valid_until_ms bigint,
  constraint server_signature_keys_server_name_key_id_key unique (server_name, key_id)
);
