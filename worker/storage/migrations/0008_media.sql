-- Media of our users, and copies of others.

create sequence quarantined_media_id_seq;
-- The first position of a stream is 2: 1 stands for "before everything".
select setval('quarantined_media_id_seq', 1);

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
  constraint local_media_repository_media_id_key unique (media_id)
);
create index local_media_repository_sha256 on local_media_repository (sha256) where sha256 is not null;
create index local_media_repository_url_idx on local_media_repository (created_ts) where url_cache is not null;
create index users_have_local_media on local_media_repository (user_id, created_ts);

create table local_media_repository_thumbnails (
  media_id text,
  thumbnail_width integer,
  thumbnail_height integer,
  thumbnail_type text,
  thumbnail_method text,
  thumbnail_length integer
);
create unique index local_media_repository_thumbn_media_id_width_height_method_key
    on local_media_repository_thumbnails (media_id, thumbnail_width, thumbnail_height, thumbnail_type, thumbnail_method);
create index local_media_repository_thumbnails_media_id on local_media_repository_thumbnails (media_id);

create table local_media_repository_url_cache (
  url text,
  response_code integer,
  etag text,
  expires_ts bigint,
  og text,
  media_id text,
  download_ts bigint
);
create index local_media_repository_url_cache_by_url_download_ts on local_media_repository_url_cache (url, download_ts);
create index local_media_repository_url_cache_expires_idx on local_media_repository_url_cache (expires_ts);
create index local_media_repository_url_cache_media_idx on local_media_repository_url_cache (media_id);

create table quarantined_media_changes (
  stream_id integer not null,
  instance_name text not null,
  origin text,
  media_id text not null,
  quarantined boolean not null,
  constraint quarantined_media_changes_pkey primary key (stream_id)
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
  constraint remote_media_cache_media_origin_media_id_key unique (media_origin, media_id)
);
create index remote_media_cache_sha256 on remote_media_cache (sha256) where sha256 is not null;

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
create unique index remote_media_repository_thumbn_media_origin_id_width_height_met
    on remote_media_cache_thumbnails (media_origin, media_id, thumbnail_width, thumbnail_height, thumbnail_type, thumbnail_method);
