-- What the processes tell each other through the database: positions, locks, tasks.

create sequence cache_invalidation_stream_seq;
-- The first position of a stream is 2: 1 stands for "before everything".
select setval('cache_invalidation_stream_seq', 1);

create table applied_module_schemas (
  module_name text not null,
  file text not null,
  constraint applied_module_schemas_module_name_file_key unique (module_name, file)
);

create table applied_schema_deltas (
  version integer not null,
  file text not null,
  constraint applied_schema_deltas_version_file_key unique (version, file)
);

create table background_updates (
  update_name text not null,
  progress_json text not null,
  depends_on text,
  ordering integer not null default 0,
  constraint background_updates_uniqueness unique (update_name)
);

create table cache_invalidation_stream_by_instance (
  stream_id bigint not null,
  instance_name text not null,
  cache_func text not null,
  keys text[],
  invalidation_ts bigint
);
create unique index cache_invalidation_stream_by_instance_id on cache_invalidation_stream_by_instance (stream_id);
create index cache_invalidation_stream_by_instance_instance_index
    on cache_invalidation_stream_by_instance (instance_name, stream_id);

-- A small number for each writer, for tokens. Never changed, never reused.
create table instance_map (
  instance_id serial,
  instance_name text not null,
  constraint instance_map_pkey primary key (instance_id)
);
create unique index instance_map_idx on instance_map (instance_name);

create table scheduled_tasks (
  id text not null,
  action text not null,
  status text not null,
  "timestamp" bigint not null,
  resource_id text,
  params text,
  result text,
  error text,
  constraint scheduled_tasks_pkey primary key (id)
);
create index scheduled_tasks_status on scheduled_tasks (status);
create index scheduled_tasks_timestamp on scheduled_tasks ("timestamp");

create table schema_compat_version (
  lock character(1) not null default 'X',
  compat_version integer not null,
  constraint schema_compat_version_lock_check check (lock = 'X'),
  constraint schema_compat_version_lock_key unique (lock)
);

-- Bookkeeping of Synapse's. It stays empty here: this schema has what Synapse's version 94 has, but claims nothing.
-- A Synapse that is pointed at it takes the database for empty, and ends at the first table that exists.
create table schema_version (
  lock character(1) not null default 'X',
  version integer not null,
  upgraded boolean not null,
  constraint schema_version_lock_check check (lock = 'X'),
  constraint schema_version_lock_key unique (lock)
);

-- How far each writer of a stream has come: all its rows up to stream_id are committed.
create table stream_positions (
  stream_name text not null,
  instance_name text not null,
  stream_id bigint not null
);
create unique index stream_positions_idx on stream_positions (stream_name, instance_name);

create table worker_locks (
  lock_name text not null,
  lock_key text not null,
  instance_name text not null,
  token text not null,
  last_renewed_ts bigint not null
);
create unique index worker_locks_key on worker_locks (lock_name, lock_key);

create table worker_read_write_locks (
  lock_name text not null,
  lock_key text not null,
  instance_name text not null,
  write_lock boolean not null,
  token text not null,
  last_renewed_ts bigint not null
);
create unique index worker_read_write_locks_key on worker_read_write_locks (lock_name, lock_key, token);
create unique index worker_read_write_locks_write on worker_read_write_locks (lock_name, lock_key) where write_lock;

-- The mode that a lock is held in. Both tables point to each other: whoever holds the lock keeps its mode.
create table worker_read_write_locks_mode (
  lock_name text not null,
  lock_key text not null,
  write_lock boolean not null,
  token text not null,
  constraint worker_read_write_locks_mode_foreign
    foreign key (lock_name, lock_key, token)
    references worker_read_write_locks(lock_name, lock_key, token) deferrable initially deferred
);
create unique index worker_read_write_locks_mode_key on worker_read_write_locks_mode (lock_name, lock_key);
create unique index worker_read_write_locks_mode_type on worker_read_write_locks_mode (lock_name, lock_key, write_lock);
alter table worker_read_write_locks add constraint worker_read_write_locks_lock_name_lock_key_write_lock_fkey
    foreign key (lock_name, lock_key, write_lock) references worker_read_write_locks_mode(lock_name, lock_key, write_lock);

-- Readers share a lock, a writer has it alone. The first to take it writes the mode, which the foreign key
-- (lock, mode) of the others must match: who asks for the other mode waits for the row, and then fails. The mode's token names one of the
-- holders, so that the row cannot go before the last of them.
create function upsert_read_write_lock_parent() returns trigger language plpgsql as $$
begin
  insert into worker_read_write_locks_mode as held (lock_name, lock_key, write_lock, token)
  values (new.lock_name, new.lock_key, new.write_lock, new.token)
  on conflict (lock_name, lock_key) do update set write_lock = held.write_lock where false; -- locks the row, no more
  return new;
end $$;
create trigger upsert_read_write_lock_parent_trigger before insert on worker_read_write_locks
  for each row execute function upsert_read_write_lock_parent();

-- When the holder goes that the mode names, another takes its place, or the mode goes too. Only that holder touches the
-- mode, and holders that go at the same time are skipped: else two of them would wait for each other.
create function delete_read_write_lock_parent() returns trigger language plpgsql as $$
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
end $$;
create trigger delete_read_write_lock_parent_trigger after delete on worker_read_write_locks
  for each row execute function delete_read_write_lock_parent();
