/** The database and Redis. */

import { childPath, object, optional, required, type Type, withDefault } from '../../../shared/config/decode.ts'
import { duration, filledText, flag, printed, size, text, whole, word } from '../../../shared/synapse-config/types.ts'
import { bytes, ms, noEffect, notYet, refused, section } from '../keys.ts'

/** Connection parameters by libpq's own names, as they are written or the environment has them. */
export type DatabaseArgs = Readonly<Record<string, string | number>>

export const databaseArgsKeys = {
  user: optional(filledText('a name'), '`PGUSER`, else who runs the process', 'The role to log in as.', 'synapse'),
  password: optional(printed('a password'), '`PGPASSWORD`', 'Its password.', 'sEcReT'),
  dbname: optional(filledText('a name'), '`PGDATABASE`, else the user’s name', 'The database.', 'synapse'),
  database: optional(filledText('a name'), '`dbname`', 'The same; one of the two.', 'synapse'),
  host: optional(
    filledText('a host or a folder'),
    '`PGHOST`, else the socket of this machine',
    'Host name, address, or the folder of a Unix socket; several with commas between.',
    'localhost',
  ),
  port: optional(printed('a port'), '`PGPORT`, else 5432', 'The port, or one for each host.', '5432'),
  sslmode: optional(
    word('disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'),
    '`PGSSLMODE`, else prefer',
    'Whether to use TLS, as libpq has it: `prefer` if the server can; `require` in any case, without a look at its certificate; `verify-ca`, `verify-full` with.',
    'verify-full',
  ),
  sslrootcert: optional(
    filledText('a path'),
    '`PGSSLROOTCERT`',
    'The authorities for the server’s certificate; `system` for those of the system.',
    '/etc/ssl/ca.pem',
  ),
  sslcert: optional(filledText('a path'), '`PGSSLCERT`', 'A certificate of our own.', '/etc/ssl/client.pem'),
  sslkey: optional(filledText('a path'), '`PGSSLKEY`', 'Its key.', '/etc/ssl/client.key'),
  sslpassword: optional(printed('a password'), 'none', 'The password of that key.', 'sEcReT'),
  sslnegotiation: optional(
    word('postgres', 'direct'),
    '`PGSSLNEGOTIATION`',
    '`direct`: TLS from the first byte, from Postgres 17 on.',
    'direct',
  ),
  ssl_min_protocol_version: optional(
    word('TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'),
    '`PGSSLMINPROTOCOLVERSION`',
    'The oldest TLS.',
    'TLSv1.3',
  ),
  target_session_attrs: optional(
    word('any', 'read-write', 'primary', 'read-only', 'standby', 'prefer-standby'),
    '`PGTARGETSESSIONATTRS`',
    'Which of several hosts will do.',
    'read-write',
  ),
  application_name: optional(text('a name'), '`PGAPPNAME`', 'What Postgres calls the connections.', 'synapse'),
  connect_timeout: optional(printed('seconds'), '`PGCONNECT_TIMEOUT`', 'Seconds to connect in.', '10'),
  options: optional(text('options of a server process'), '`PGOPTIONS`', 'Settings for the session.', '-c jit=off'),
  keepalives: optional(whole('0 or 1', 0, 1), '1', 'Whether TCP asks now and then if the server is there.', '0'),
  keepalives_idle: optional(whole('seconds'), 'the system’s', 'Seconds without traffic before it does.', '10'),
  cp_min: optional(whole('a number'), '3 in Synapse', 'Connections that Synapse keeps open.', '1'),
  cp_max: optional(whole('a number above 0', 1), '5', 'The most connections of one process.', '10'),
  dsn: refused('write its parts: user, password, dbname, host, port', { example: 'dbname=synapse' }),
  service: refused('no pg_service.conf is read: write its parts', { example: 'synapse' }),
  hostaddr: refused('write the address as host', { example: '10.0.0.5' }),
  sslcrl: refused('revoked certificates are not asked for', { example: '/etc/crl.pem' }),
  sslcrldir: refused('revoked certificates are not asked for', { example: '/etc/crl' }),
  krbsrvname: refused('Kerberos is not supported', { example: 'postgres' }),
  requirepeer: refused('the owner of a socket is not looked at', { example: 'postgres' }),
  passfile: notYet('passwords are not read from files', { example: '/etc/pgpass' }),
  gssencmode: noEffect('Kerberos is not used', { example: 'disable' }),
  client_encoding: noEffect('it is UTF8', { example: 'UTF8' }),
  keepalives_interval: noEffect('the system’s is used', { example: '10' }),
  keepalives_count: noEffect('the system’s is used', { example: '3' }),
  tcp_user_timeout: noEffect('the system’s is used', { example: '1000' }),
  sslcompression: noEffect('TLS does not compress', { example: '0' }),
  channel_binding: notYet('it is not asked for', { example: 'require' }),
  cp_reconnect: noEffect('broken connections are always made anew', { example: 'true' }),
  cp_noisy: noEffect('see log_config', { example: 'false' }),
  cp_name: noEffect('the pool has no name', { example: 'synapse' }),
}
const argsObject = object(databaseArgsKeys, 'a map of the database’s arguments')
const databaseArgs: Type<DatabaseArgs> = {
  expected: argsObject.expected,
  read: (node, path, reading) => {
    const args = argsObject.read(node, path, reading)
    if (args?.dbname !== undefined && args.database !== undefined)
      reading.problem(childPath(path, 'database'), 'stands beside dbname, which means the same')
    return (
      args &&
      Object.fromEntries(Object.entries(args).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
    )
  },
}

export const databaseSection = section(
  {
    name: required(
      {
        expected: 'psycopg2',
        read: (node, path, reading) => {
          const value = word('psycopg2', 'sqlite3').read(node, path, reading)
          if (value === 'psycopg2') return value
          if (value === 'sqlite3')
            reading.problem(
              path,
              'SQLite is not supported: Plexus needs PostgreSQL, as Synapse does for workers',
              node && { node },
            )
          return undefined
        },
      } satisfies Type<'psycopg2'>,
      '`psycopg2`, which stands for PostgreSQL. `sqlite3` is refused.',
      'psycopg2',
    ),
    args: withDefault(databaseArgs, '{}', 'How to reach it; see below.', '{user: synapse, dbname: synapse}'),
    allow_unsafe_locale: withDefault(flag, 'false', 'Whether a database of another locale than C will do.', 'true'),
    statement_timeout: ms(withDefault(duration, '10m', 'The longest that a statement may take. 0: any time.', '60000')),
    idle_in_transaction_session_timeout: ms(
      withDefault(duration, '30m', 'The longest that a transaction may do nothing. 0: any time.', '60000'),
    ),
    synchronous_commit: withDefault(
      flag,
      'true',
      'Whether an answer waits until Postgres has written to disk.',
      'false',
    ),
    txn_limit: notYet('connections are used again and again', { example: '10000' }),
    data_stores: refused('split databases are not supported: one has all tables', { example: '[main]' }),
  },
  'a map with name and args',
)

export const redisSection = section(
  {
    enabled: withDefault(flag, 'false', 'Whether the processes talk over Redis. Without it, over Postgres.', 'true'),
    host: withDefault(filledText('a host'), 'localhost', 'Where Redis is.', 'redis.internal'),
    port: withDefault(whole('a port', 1, 65535), '6379', 'Its port.', '6380'),
    path: optional(filledText('a path'), 'TCP', 'Its Unix socket, in place of host and port.', '/run/redis.sock'),
    dbid: optional(whole('a number'), '0', 'The number of the database. Publishing knows none.', '1'),
    username: optional(text('a name'), 'none', 'The user of Redis’ access lists. Needs a password.', 'synapse'),
    password: optional(text('a password'), 'none', 'The password.', 'sEcReT'),
    password_path: optional(filledText('a path'), 'none', 'The file of the password.', '/run/secrets/redis'),
    use_tls: withDefault(flag, 'false', 'Whether to use TLS.', 'true'),
    certificate_file: optional(filledText('a path'), 'none', 'A certificate of our own.', '/etc/ssl/client.pem'),
    private_key_file: optional(filledText('a path'), 'none', 'Its key.', '/etc/ssl/client.key'),
    ca_file: optional(
      filledText('a path'),
      'the system’s',
      'The authorities for Redis’ certificate.',
      '/etc/ssl/ca.pem',
    ),
    ca_path: refused('name one file as ca_file', { example: '/etc/ssl/ca' }),
  },
  'a map with enabled',
)

export const mediaRetentionSection = section(
  {
    local_media_lifetime: ms(optional(duration, 'for ever', 'How long media of own users are kept unused.', '90d')),
    remote_media_lifetime: ms(optional(duration, 'for ever', 'How long media of others are kept unused.', '14d')),
  },
  'a map with local_media_lifetime',
)

export const storageKeys = {
  database: optional(
    databaseSection,
    'an error',
    'The database; see below.',
    '{name: psycopg2, args: {dbname: synapse}}',
  ),
  redis: withDefault(redisSection, '{}', 'The bus between the processes; see below.', '{enabled: true}'),
  media_store_path: withDefault(
    filledText('a path'),
    'media_store',
    'The folder of media, from the working directory.',
    '/var/lib/synapse/media',
  ),
  max_upload_size: bytes(withDefault(size, '50M', 'The largest upload.', '100M')),
  max_image_pixels: withDefault(
    size,
    '32M',
    'Pixels of the largest image of which thumbnails are made; M is 1024 × 1024.',
    '64M',
  ),
  dynamic_thumbnails: withDefault(flag, 'false', 'Whether thumbnails of any size are made when asked for.', 'true'),
  media_retention: withDefault(
    mediaRetentionSection,
    '{}',
    'How long media are kept; see below.',
    '{remote_media_lifetime: 14d}',
  ),
  max_pending_media_uploads: withDefault(
    whole('a number'),
    '5',
    'Uploads a user may begin without finishing them.',
    '10',
  ),
  unused_expiration_time: ms(withDefault(duration, '24h', 'How long such an upload is waited for.', '1h')),
  enable_authenticated_media: withDefault(flag, 'true', 'Whether media are for those with an access token.', 'false'),
  prevent_media_downloads_from: notYet('media of all servers are fetched', { example: '[evil.example]' }),

  databases: refused('split databases are not supported: name one as database', { example: '{a: {name: psycopg2}}' }),
  database_path: refused('SQLite is not supported: Plexus needs PostgreSQL', { example: '/var/lib/homeserver.db' }),
  caches: noEffect('its sizes are those of Synapse’s own caches', { example: '{global_factor: 1.0}', loud: true }),
  event_cache_size: noEffect('its size is that of a cache of Synapse’s', { example: '10K' }),
  background_updates: noEffect('there are none', { example: '{sleep_enabled: true}' }),
  task_scheduler: noEffect('there is none', { example: '{max_concurrent_tasks: 5}' }),
  max_spider_size: notYet('URLs have no previews', { example: '10M', harmless: 'never' }),
  url_preview_enabled: notYet('URLs have no previews'),
  url_preview_ip_range_blacklist: noEffect('belongs to url_preview_enabled', { example: '[10.0.0.0/8]' }),
  url_preview_ip_range_whitelist: noEffect('belongs to url_preview_enabled', { example: '[]' }),
  url_preview_url_blacklist: noEffect('belongs to url_preview_enabled', { example: '[]' }),
  url_preview_accept_language: noEffect('belongs to url_preview_enabled', { example: '[en]' }),
  oembed: noEffect('belongs to url_preview_enabled', { example: '{}' }),
  thumbnail_sizes: notYet('thumbnails have Synapse’s own sizes', {
    example: '[{width: 32, height: 32, method: crop}]',
  }),
  media_upload_limits: notYet('users may upload as much as they like', {
    example: '[{time_period: 1h, max_size: 100M}]',
  }),
  media_storage_providers: notYet('media are in media_store_path alone', { example: '[{module: file_system}]' }),
  backup_media_store_path: notYet('media are in media_store_path alone', { example: '/backup' }),
  synchronous_backup_media_store: noEffect('belongs to backup_media_store_path', { harmless: 'off' }),
  enable_local_media_storage: notYet('media are in media_store_path alone', { example: 'false', harmless: 'on' }),
  remote_media_download_per_second: notYet('fetching media of others has no limit', { example: '87K' }),
  remote_media_download_burst_count: notYet('fetching media of others has no limit', { example: '500M' }),
}
