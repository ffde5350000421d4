-- The state of rooms: at each event, now, and who is in them.

create sequence state_group_id_seq;

-- Every change of current_state_events, by the stream position of the event that made it.
create table current_state_delta_stream (
  stream_id bigint not null,
  room_id text not null,
  type text not null,
  state_key text not null,
  event_id text,
  prev_event_id text,
  instance_name text
);
create index current_state_delta_stream_idx on current_state_delta_stream (stream_id);
create index current_state_delta_stream_room_idx on current_state_delta_stream (room_id, stream_id);

-- The state at the forward extremities. membership is that of m.room.member events.
create table current_state_events (
  event_id text not null,
  room_id text not null,
  type text not null,
  state_key text not null,
  membership text,
  event_stream_ordering bigint,
  constraint current_state_events_event_id_key unique (event_id),
  constraint current_state_events_room_id_type_state_key_key unique (room_id, type, state_key)
);
alter table current_state_events add constraint event_stream_ordering_fkey
    foreign key (event_stream_ordering) references events(stream_ordering) not valid;
create index current_state_events_member_index on current_state_events (state_key) where type = 'm.room.member';
create index current_state_events_members_room_index
    on current_state_events (room_id, membership) where type = 'm.room.member';
create index current_state_events_stream_ordering_idx on current_state_events (event_stream_ordering);

create table event_to_state_groups (
  event_id text not null,
  state_group bigint not null,
  constraint event_to_state_groups_event_id_key unique (event_id)
);
create index event_to_state_groups_sg_index on event_to_state_groups (state_group);

create table ex_outlier_stream (
  event_stream_ordering bigint not null,
  event_id text not null,
  state_group bigint not null,
  instance_name text,
  constraint ex_outlier_stream_pkey primary key (event_stream_ordering)
);

-- The membership of our users in rooms, also of those that the server is no longer in.
create table local_current_membership (
  room_id text not null,
  user_id text not null,
  event_id text not null,
  membership text not null,
  event_stream_ordering bigint
);
alter table local_current_membership add constraint event_stream_ordering_fkey
    foreign key (event_stream_ordering) references events(stream_ordering) not valid;
create unique index local_current_membership_idx on local_current_membership (user_id, room_id);
create index local_current_membership_room_idx on local_current_membership (room_id);
create index local_current_membership_stream_ordering_idx on local_current_membership (event_stream_ordering);

create table room_forgetter_stream_pos (
  lock character(1) not null default 'X',
  stream_id bigint not null,
  constraint room_forgetter_stream_pos_lock_check check (lock = 'X'),
  constraint room_forgetter_stream_pos_lock_key unique (lock)
);
insert into room_forgetter_stream_pos (stream_id) values (1);

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
  constraint room_memberships_event_id_key unique (event_id)
);
alter table room_memberships add constraint event_stream_ordering_fkey
    foreign key (event_stream_ordering) references events(stream_ordering) not valid;
create index room_membership_user_room_idx on room_memberships (user_id, room_id);
create index room_memberships_room_id on room_memberships (room_id);
create index room_memberships_stream_ordering_idx on room_memberships (event_stream_ordering);
create index room_memberships_user_id on room_memberships (user_id);
create index room_memberships_user_room_forgotten on room_memberships (user_id, room_id) where forgotten = 1;

create table state_group_edges (
  state_group bigint not null,
  prev_state_group bigint not null
);
create index state_group_edges_prev_idx on state_group_edges (prev_state_group);
create unique index state_group_edges_unique_idx on state_group_edges (state_group, prev_state_group);

create table state_groups (
  id bigint not null,
  room_id text not null,
  event_id text not null,
  constraint state_groups_pkey primary key (id)
);
create index state_groups_room_id_idx on state_groups (room_id);

create table state_groups_pending_deletion (
  sequence_number bigint not null generated always as identity,
  state_group bigint not null,
  insertion_ts bigint not null,
  constraint state_groups_pending_deletion_pkey primary key (sequence_number)
);
create index state_groups_pending_deletion_insertion_ts on state_groups_pending_deletion (insertion_ts);
create unique index state_groups_pending_deletion_state_group on state_groups_pending_deletion (state_group);

create table state_groups_persisting (
  state_group bigint not null,
  instance_name text not null,
  inserted_ts bigint not null default (extract(epoch from now()) * 1000),
  constraint state_groups_persisting_pkey primary key (state_group, instance_name)
);
create index state_groups_persisting_instance_name on state_groups_persisting (instance_name);

-- A group has the whole state, or what differs from the group that state_group_edges names.
create table state_groups_state (
  state_group bigint not null,
  room_id text not null,
  type text not null,
  state_key text not null,
  event_id text not null
);
create index state_groups_state_type_idx on state_groups_state (state_group, type, state_key);
-- From a sample the planner believes in far fewer groups than there are.
alter table state_groups_state alter column state_group set (n_distinct = -0.02);

-- The copies of an event's stream ordering in these tables must be right, as /sync selects by them. They may be null.
create function check_event_stream_ordering() returns trigger language plpgsql as $$
begin
  perform from events e where e.event_id = new.event_id and e.stream_ordering <> new.event_stream_ordering;
  if found then
    raise exception '%: event % is not at stream ordering %', tg_table_name, new.event_id, new.event_stream_ordering;
  end if;
  return new;
end $$;
create trigger check_event_stream_ordering before insert or update on current_state_events
  for each row execute function check_event_stream_ordering();
create trigger check_event_stream_ordering before insert or update on local_current_membership
  for each row execute function check_event_stream_ordering();
create trigger check_event_stream_ordering before insert or update on room_memberships
  for each row execute function check_event_stream_ordering();
