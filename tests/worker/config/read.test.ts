import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatProblem } from '../../../shared/config/problem.ts'
import { readConfig } from '../../../worker/config/read.ts'
import { BASE, configOf, problemsOf, WORKER } from './reading.ts'

test('what a file does not say is as in Synapse', () => {
  const config = configOf([BASE])
  assert.equal(config.isMain, true)
  assert.equal(config.instanceName, 'master')
  assert.equal(config.serverName, 'example.org')
  assert.equal(config.publicBaseUrl, 'https://example.org/')
  assert.equal(config.servesClientWellKnown, false)
  assert.equal(config.defaultRoomVersion, '12')
  assert.equal(config.maxUploadSizeBytes, 50 * 2 ** 20)
  assert.equal(config.refreshableAccessTokenLifetimeMs, 300_000)
  assert.equal(config.sessionLifetimeMs, undefined)
  assert.deepEqual(config.rcMessage, { perSecond: 0.2, burstCount: 10 })
  assert.deepEqual(config.rcLogin.failedAttempts, { perSecond: 0.17, burstCount: 3 })
  assert.equal(config.rcAdminRedaction, undefined)
  assert.deepEqual(config.presence, {
    enabled: true,
    tracked: true,
    includeOfflineUsersOnSync: false,
    lastActiveGranularityMs: 60_000,
    syncOnlineTimeoutMs: 30_000,
    idleTimeoutMs: 300_000,
  })
  assert.deepEqual(config.trustedKeyServers, [
    { serverName: 'matrix.org', verifyKeys: undefined, acceptKeysInsecurely: false },
  ])
  assert.equal(config.redis, undefined)
  assert.deepEqual(config.database, {
    args: { dbname: 'synapse' },
    allowUnsafeLocale: false,
    statementTimeoutMs: 600_000,
    idleInTransactionSessionTimeoutMs: 1_800_000,
    synchronousCommit: true,
  })
  assert.deepEqual(
    config.signingKeys.map(({ keyId }) => keyId),
    ['ed25519:a_AbCd'],
  )
})

test('values are those of YAML 1.1 and of Synapse’s units', () => {
  const config = configOf([
    BASE,
    `
session_lifetime: 1w
refresh_token_lifetime: 2d
nonrefreshable_access_token_lifetime: 90000
refreshable_access_token_lifetime:
max_upload_size: 512K
max_image_pixels: 1000000
enable_set_displayname: no
enable_registration: "yes"
enable_registration_without_verification: On
encryption_enabled_by_default_for_room_type: off
default_room_version: 11
rc_message: {per_second: 1, burst_count: 2.9}
presence: {enabled: untracked}
public_baseurl: http://matrix.example.org
password_config: {pepper: x, policy: {enabled: true, minimum_length: 0x10}}
`,
  ])
  assert.equal(config.sessionLifetimeMs, 604_800_000)
  assert.equal(config.refreshTokenLifetimeMs, 172_800_000)
  assert.equal(config.nonrefreshableAccessTokenLifetimeMs, 90_000)
  assert.equal(config.refreshableAccessTokenLifetimeMs, 'off')
  assert.equal(config.maxUploadSizeBytes, 524_288)
  assert.equal(config.maxImagePixels, 1_000_000)
  assert.equal(config.enableSetDisplayname, false)
  assert.equal(config.enableRegistration, true)
  assert.equal(config.enableRegistrationWithoutVerification, true)
  assert.equal(config.encryptionEnabledByDefaultForRoomType, 'off')
  assert.equal(config.defaultRoomVersion, '11')
  assert.deepEqual(config.rcMessage, { perSecond: 1, burstCount: 2 })
  assert.deepEqual([config.presence.enabled, config.presence.tracked], [true, false])
  assert.equal(config.publicBaseUrl, 'http://matrix.example.org/')
  assert.equal(config.servesClientWellKnown, true)
  assert.equal(config.passwordConfig.policy.minimumLength, 16)
})

test('each mistake is told at its place, all at once', () => {
  assert.deepEqual(
    problemsOf(
      BASE,
      `session_lifetime: 5 minutes
max_upload_size: 10MB
enable_set_displayname: "false"
bcrypt_rounds: 40
default_room_version: '99'
rc_joins: {local: {per_second: 1e6}}
database: {name: sqlite3}
modules: [{module: a.B}]
worker_app: synapse.app.generic_wroker
encryption_enabled_by_default_for_room_type: some
password_config: {policy: {minimum_lenght: 3}}
`,
    ),
    [
      'b.yaml:1:19: session_lifetime: expected a duration such as 5m or 7d, got "5 minutes"',
      'b.yaml:2:18: max_upload_size: expected a size such as 50M, got "10MB"',
      'b.yaml:3:25: enable_set_displayname: expected true or false, got the text "false", which Synapse takes for true: remove the quotes',
      'b.yaml:4:16: bcrypt_rounds: expected a number from 4 to 31, got "40"',
      'b.yaml:5:23: default_room_version: expected a room version from 1 to 12, got "99"',
      'b.yaml:6:32: rc_joins.local.per_second: expected a number, got "1e6", which YAML 1.1 takes for text: write it as 1.0e+6',
      'b.yaml:7:18: database.name: SQLite is not supported: Plexus needs PostgreSQL, as Synapse does for workers',
      'b.yaml:8:10: modules: loads Python modules, of which there are none here: what they forbid would be allowed',
      'b.yaml:9:13: worker_app: no worker application is called "synapse.app.generic_wroker": did you mean synapse.app.generic_worker?',
      'b.yaml:10:46: encryption_enabled_by_default_for_room_type: expected all, invite or off, got "some"',
      'b.yaml:11:28: warning: password_config.policy.minimum_lenght: unknown key, passed over: did you mean minimum_length?',
    ],
  )
})

test('what is missing is told of the first file', () => {
  assert.deepEqual(
    problemsOf('signing_key: ed25519 a_b ciAgrZwSVV6AJuqTBDmdtfsFuvpHK3rDLyzZe+L4mRs\nlisteners: []\n'),
    [
      'a.yaml: server_name: missing: the name of the server',
      'a.yaml: database: missing: Plexus needs PostgreSQL, {name: psycopg2, args: {…}}',
    ],
  )
})

test('a key that is not supported is named once; one that switches off what is not there is not', () => {
  assert.deepEqual(
    problemsOf(
      BASE,
      'oidc_providers: [{idp_id: a}]\ncaches: {global_factor: 2.0}\nreport_stats: false\nenable_serch: true\nexperimental_features: {teleport: true}\nmax_event_delay_duration: 24h\nlimit_remote_rooms: {enabled: true}\n',
      'cas_config: {enabled: false}\noidc_providers: []\njwt_config:\nserver_notices: {}\nurl_preview_enabled: false\n',
    ),
    [
      'b.yaml:2:9: warning: caches: has no effect: its sizes are those of Synapse’s own caches',
      'b.yaml:3:15: note: report_stats: has no effect: nothing is reported to anyone',
      'b.yaml:4:1: warning: enable_serch: unknown key, passed over: did you mean enable_search?',
      'b.yaml:5:25: warning: experimental_features.teleport: unknown key, passed over',
      'b.yaml:7:21: warning: limit_remote_rooms: not supported yet: rooms of any size are joined',
    ],
  )
})

test('logins that are someone else’s are not ours', () => {
  assert.deepEqual(
    problemsOf(BASE, 'experimental_features: {msc3861: {enabled: true}}')[0],
    'b.yaml:1:34: experimental_features.msc3861: accounts that are delegated to the Matrix Authentication Service are not supported yet',
  )
  assert.equal(problemsOf(BASE, 'experimental_features: {msc3861: {enabled: false}}').length, 0)
})

test('what would be open to all, or contradict itself, is refused as by Synapse', () => {
  for (const [text, problem] of [
    [
      'enable_registration: true',
      'enable_registration: lets anyone register without any check, which draws spam: ask for a token (registration_requires_token), or set enable_registration_without_verification: true if that is meant',
    ],
    ['session_lifetime: 1h\nrefresh_token_lifetime: 2h', 'refresh_token_lifetime: is longer than session_lifetime'],
    ['presence: {idle_timeout: 1m}', 'presence.idle_timeout: must be longer than last_active_granularity'],
    [
      'limit_profile_requests_to_users_who_share_rooms: true',
      'limit_profile_requests_to_users_who_share_rooms: needs require_auth_for_profile_requests: true, else nobody knows who asks',
    ],
    [
      'autocreate_auto_join_room_preset: private_chat',
      'autocreate_auto_join_room_preset: needs auto_join_mxid_localpart: somebody has to invite',
    ],
    [
      'default_power_level_content_override: {secret_chat: {}}',
      'default_power_level_content_override: no preset is called "secret_chat": public_chat, private_chat, trusted_private_chat',
    ],
    [
      'matrix_authentication_service: {enabled: true}',
      'matrix_authentication_service: accounts that are delegated to the Matrix Authentication Service are not supported yet',
    ],
    ['databases: {a: {name: psycopg2}}', 'databases: split databases are not supported: name one as database'],
    [
      'worker_replication_port: 9092',
      'worker_replication_port: no Synapse from 1.88 on starts with it: put main into instance_map',
    ],
  ] as const) {
    const [told, ...more] = problemsOf(BASE, text)
    assert.equal(told?.replace(/^b\.yaml:\d+:\d+: /, ''), problem)
    assert.deepEqual(more, [])
  }
  // The default of five minutes does not count against a short session.
  assert.deepEqual(problemsOf(BASE, 'session_lifetime: 1m'), [])
  assert.deepEqual(problemsOf(BASE, 'enable_registration: true\nregistration_requires_token: true'), [])
})

test('files and folders are read from disk, in order; what is not there is an error', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'conf.d'))
  writeFileSync(join(folder, 'homeserver.yaml'), BASE)
  writeFileSync(join(folder, 'conf.d/b.yaml'), 'server_name: b.example.org\n')
  writeFileSync(join(folder, 'conf.d/a.yaml'), 'server_name: a.example.org\nbcrypt_rounds: 5\n')
  writeFileSync(join(folder, 'conf.d/c.yaml.bak'), 'server_name: c.example.org\n')
  const { config } = readConfig([join(folder, 'homeserver.yaml'), join(folder, 'conf.d')])
  assert.deepEqual([config?.serverName, config?.bcryptRounds], ['b.example.org', 5])
  assert.deepEqual(
    config?.files.map((file) => file.slice(folder.length + 1)),
    ['homeserver.yaml', 'conf.d/a.yaml', 'conf.d/b.yaml'],
  )
  const missing = readConfig([join(folder, 'homeserver.yml')])
  assert.deepEqual(
    [missing.config, missing.problems.map(formatProblem)],
    [undefined, [`${folder}/homeserver.yml: no such file`]],
  )
})

test('what a later file replaces is not judged', () => {
  assert.deepEqual(problemsOf('database: {name: sqlite3}\nmodules: [{module: a}]\n', BASE, 'modules: []\n'), [])
})

test('nothing that a file can hold is thrown', () => {
  const value = fc.oneof(
    fc.constantFrom(
      '[]',
      '{}',
      '~',
      'true',
      '-1',
      '1e9',
      '"x"',
      '[[a]]',
      '{a: {b: [1]}}',
      '2001-01-01',
      '*a',
      '&a [*a]',
      '!!binary aGk=',
    ),
    fc.string({ maxLength: 8 }),
  )
  const key = fc.constantFrom(
    'listeners',
    'database',
    'redis',
    'instance_map',
    'stream_writers',
    'presence',
    'rc_login',
    'server_name',
    'signing_key',
    'old_signing_keys',
    'trusted_key_servers',
    'worker_app',
    'room_prejoin_state',
    'extra_well_known_client_content',
    'log_config',
    'auto_join_rooms',
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value), { maxLength: 6 }), (pairs) => {
      problemsOf(BASE, pairs.map(([name, text]) => `${name}: ${text}\n`).join(''))
    }),
    { numRuns: 150 },
  )
})

test('a worker’s own settings stand beside the shared ones', () => {
  const config = configOf([
    BASE,
    WORKER,
    'worker_listeners: [{path: /run/w1.sock, type: http, mode: 0660, resources: [{names: [client]}]}]\n',
  ])
  assert.deepEqual([config.isMain, config.instanceName, config.app], [false, 'w1', 'generic_worker'])
  assert.deepEqual(
    config.listeners.map(({ address }) => address),
    [{ kind: 'unix', path: '/run/w1.sock', mode: 0o660 }],
  )
  assert.deepEqual([...config.instanceMap], [['master', { kind: 'tcp', host: 'localhost', port: 9093, tls: false }]])
})

test('of a file that cannot be read nothing is concluded', () => {
  assert.deepEqual(problemsOf(WORKER, 'server_name: "x\n  foo: [\n'), ['b.yaml:3:1: not YAML: Missing closing "quote'])
})

test('without a name of the server no file is named after it', () => {
  const told = problemsOf('database: {name: psycopg2, args: {dbname: synapse}}\n')
  assert.ok(told.some((line) => line.includes('server_name: missing')))
  assert.deepEqual(
    told.filter((line) => line.includes('signing_key')),
    [],
  )
})
