-- Users, what they log in with, and what is kept about their sessions.
--
-- Times end in _ms, _ts or _ts_ms and are milliseconds since 1970, but users.creation_ts and users.consent_ts: seconds.
-- IDs without a sequence (access_tokens, refresh_tokens, ui sessions …) are given by the writer.

create sequence user_id_seq;

create table account_validity (
  user_id text not null,
  expiration_ts_ms bigint not null,
  email_sent boolean not null,
  renewal_token text,
  token_used_ts_ms bigint,
  constraint account_validity_pkey primary key (user_id)
);

create table dehydrated_devices (
  user_id text not null,
  device_id text not null,
  device_data text not null,
  constraint dehydrated_devices_pkey primary key (user_id)
);

create table device_auth_providers (
  user_id text not null,
  device_id text not null,
  auth_provider_id text not null,
  auth_provider_session_id text not null
);
create index device_auth_providers_devices on device_auth_providers (user_id, device_id);
create index device_auth_providers_sessions on device_auth_providers (auth_provider_id, auth_provider_session_id);

create table devices (
  user_id text not null,
  device_id text not null,
  display_name text,
  last_seen bigint,
  ip text,
  user_agent text,
  hidden boolean default false,
  constraint device_uniqueness unique (user_id, device_id)
);

create table erased_users (
  user_id text not null
);
create unique index erased_users_user on erased_users (user_id);

create table login_tokens (
  token text not null,
  user_id text not null,
  expiry_ts bigint not null,
  used_ts bigint,
  auth_provider_id text,
  auth_provider_session_id text,
  constraint login_tokens_pkey primary key (token)
);
create index login_tokens_auth_provider_idx on login_tokens (auth_provider_id, auth_provider_session_id);
create index login_tokens_expiry_time_idx on login_tokens (expiry_ts);

create table monthly_active_users (
  user_id text not null,
  "timestamp" bigint not null
);
create index monthly_active_users_time_stamp on monthly_active_users ("timestamp");
create unique index monthly_active_users_users on monthly_active_users (user_id);

create table open_id_tokens (
  token text not null,
  ts_valid_until_ms bigint not null,
  user_id text not null,
  constraint open_id_tokens_pkey primary key (token)
);
create index open_id_tokens_ts_valid_until_ms on open_id_tokens (ts_valid_until_ms);

-- user_id is the localpart; full_user_id came later.
create table profiles (
  user_id text not null,
  displayname text,
  avatar_url text,
  full_user_id text,
  fields jsonb,
  constraint full_user_id_not_null check (full_user_id is not null),
  constraint profiles_user_id_key unique (user_id)
);
create unique index profiles_full_user_id_key on profiles (full_user_id);

create table ratelimit_override (
  user_id text not null,
  messages_per_second bigint,
  burst_count bigint
);
create unique index ratelimit_override_idx on ratelimit_override (user_id);

create table refresh_tokens (
  id bigint not null,
  user_id text not null,
  device_id text not null,
  token text not null,
  next_token_id bigint,
  expiry_ts bigint,
  ultimate_session_expiry_ts bigint,
  constraint refresh_tokens_next_token_id_fkey
    foreign key (next_token_id) references refresh_tokens(id) on delete cascade,
  constraint refresh_tokens_pkey primary key (id),
  constraint refresh_tokens_token_key unique (token)
);
create index refresh_tokens_next_token_id on refresh_tokens (next_token_id) where next_token_id is not null;

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
  constraint access_tokens_pkey primary key (id),
  constraint access_tokens_refresh_token_id_fkey
    foreign key (refresh_token_id) references refresh_tokens(id) on delete cascade,
  constraint access_tokens_token_key unique (token)
);
create index access_tokens_device_id on access_tokens (user_id, device_id);
create index access_tokens_refresh_token_id_idx on access_tokens (refresh_token_id);

create table registration_tokens (
  token text not null,
  uses_allowed integer,
  pending integer not null,
  completed integer not null,
  expiry_time bigint,
  constraint registration_tokens_token_key unique (token)
);

create table sessions (
  session_type text not null,
  session_id text not null,
  value text not null,
  expiry_time_ms bigint not null,
  constraint sessions_session_type_session_id_key unique (session_type, session_id)
);

create table threepid_guest_access_tokens (
  medium text,
  address text,
  guest_access_token text,
  first_inviter text
);
create unique index threepid_guest_access_tokens_index on threepid_guest_access_tokens (medium, address);

create table threepid_validation_session (
  session_id text not null,
  medium text not null,
  address text not null,
  client_secret text not null,
  last_send_attempt bigint not null,
  validated_at bigint,
  constraint threepid_validation_session_pkey primary key (session_id)
);

create table threepid_validation_token (
  token text not null,
  session_id text not null,
  next_link text,
  expires bigint not null,
  constraint threepid_validation_token_pkey primary key (token)
);
create index threepid_validation_token_session_id on threepid_validation_token (session_id);

create table ui_auth_sessions (
  session_id text not null,
  creation_time bigint not null,
  serverdict text not null,
  clientdict text not null,
  uri text not null,
  method text not null,
  description text not null,
  constraint ui_auth_sessions_session_id_key unique (session_id)
);

create table ui_auth_sessions_credentials (
  session_id text not null,
  stage_type text not null,
  result text not null,
  constraint ui_auth_sessions_credentials_session_id_fkey
    foreign key (session_id) references ui_auth_sessions(session_id),
  constraint ui_auth_sessions_credentials_session_id_stage_type_key unique (session_id, stage_type)
);

create table ui_auth_sessions_ips (
  session_id text not null,
  ip text not null,
  user_agent text not null,
  constraint ui_auth_sessions_ips_session_id_fkey foreign key (session_id) references ui_auth_sessions(session_id),
  constraint ui_auth_sessions_ips_session_id_ip_user_agent_key unique (session_id, ip, user_agent)
);

create table user_daily_visits (
  user_id text not null,
  device_id text,
  "timestamp" bigint not null,
  user_agent text
);
create index user_daily_visits_ts_idx on user_daily_visits ("timestamp");
create index user_daily_visits_uts_idx on user_daily_visits (user_id, "timestamp");

create table user_external_ids (
  auth_provider text not null,
  external_id text not null,
  user_id text not null,
  constraint user_external_ids_auth_provider_external_id_key unique (auth_provider, external_id)
);
create index user_external_ids_user_id_idx on user_external_ids (user_id);

-- user_id is the localpart; full_user_id came later.
create table user_filters (
  user_id text not null,
  filter_id bigint not null,
  filter_json bytea not null,
  full_user_id text,
  constraint full_user_id_not_null check (full_user_id is not null)
);
create unique index full_users_unique_idx on user_filters (full_user_id, filter_id);
create unique index user_filters_unique on user_filters (user_id, filter_id);

create table user_ips (
  user_id text not null,
  access_token text not null,
  device_id text,
  ip text not null,
  user_agent text not null,
  last_seen bigint not null
);
create index user_ips_device_id on user_ips (user_id, device_id, last_seen);
create index user_ips_last_seen on user_ips (user_id, last_seen);
create index user_ips_last_seen_only on user_ips (last_seen);
create unique index user_ips_user_token_ip_unique_index on user_ips (user_id, access_token, ip);

create table user_reports (
  id bigint not null,
  received_ts bigint not null,
  target_user_id text not null,
  user_id text not null,
  reason text not null,
  constraint user_reports_pkey primary key (id)
);
create index user_reports_target_user_id on user_reports (target_user_id);
create index user_reports_user_id on user_reports (user_id);

create table user_threepid_id_server (
  user_id text not null,
  medium text not null,
  address text not null,
  id_server text not null
);
create unique index user_threepid_id_server_idx on user_threepid_id_server (user_id, medium, address, id_server);

create table user_threepids (
  user_id text not null,
  medium text not null,
  address text not null,
  validated_at bigint not null,
  added_at bigint not null,
  constraint medium_address unique (medium, address)
);
create index user_threepids_medium_address on user_threepids (medium, address);
create index user_threepids_user_id on user_threepids (user_id);

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
  constraint users_name_key unique (name)
);
create index users_creation_ts on users (creation_ts);

create table per_user_experimental_features (
  user_id text not null,
  feature text not null,
  enabled boolean default false,
  constraint per_user_experimental_features_pkey primary key (user_id, feature),
  constraint per_user_experimental_features_user_id_fkey foreign key (user_id) references users(name)
);

create table users_pending_deactivation (
  user_id text not null
);
