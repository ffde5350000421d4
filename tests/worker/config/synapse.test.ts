import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatProblem } from '../../../shared/config/problem.ts'
import { readConfig } from '../../../worker/config/read.ts'
import { roleOf } from '../../../worker/config/role.ts'
import type { WorkerConfig } from '../../../worker/config/types.ts'
import { pythonWith } from '../../harness/python.ts'

const found = pythonWith('synapse')

/** Our reading, in the words of `ask_synapse.py`. */
const asked = (config: WorkerConfig): Record<string, unknown> => {
  const { duties, redis, passwordConfig: password, presence, rcFederation: federation } = config
  const role = roleOf(config)
  return {
    serverName: config.serverName,
    publicBaseUrl: config.publicBaseUrl,
    servesClientWellKnown: config.servesClientWellKnown,
    serveServerWellknown: config.serveServerWellknown,
    instanceName: config.instanceName,
    app: config.isMain ? null : `synapse.app.${config.app}`,
    listeners: config.listeners.map(({ tag: _, requestIdHeader = null, ...listener }) => ({
      ...listener,
      requestIdHeader,
    })),
    instanceMap: Object.fromEntries(config.instanceMap),
    streamWriters: config.streamWriters,
    replicationSecret: config.replicationSecret ?? null,
    outboundFederation: config.outboundFederation ?? null,
    sendsFederation: role.shares.federation !== undefined,
    federationSenders: duties.federationSenders,
    startsPushers: role.shares.pushers !== undefined,
    pushers: duties.pushers,
    runsBackgroundTasks: role.jobs.backgroundTasks,
    notifiesAppservices: role.jobs.appservices,
    updatesUserDirectory: role.jobs.userDirectory,
    hasMediaRepo: config.hasMediaRepo,
    media: config.hasMediaRepo && [
      config.maxUploadSizeBytes,
      config.maxImagePixels,
      config.mediaRetention.remoteMediaLifetimeMs ?? null,
      config.mediaStorePath,
    ],
    database: config.database.args,
    redis: redis !== undefined && [
      redis.host,
      redis.port,
      redis.dbid ?? null,
      redis.username ?? null,
      redis.password ?? null,
    ],
    signingKeys: config.signingKeys.map(({ keyId }) => keyId),
    oldSigningKeys: Object.fromEntries([...config.oldSigningKeys].map(([id, key]) => [id, key?.expiredTsMs])),
    keyRefreshIntervalMs: config.keyRefreshIntervalMs,
    trustedKeyServers: config.trustedKeyServers.map(({ serverName, verifyKeys }) => [
      serverName,
      [...(verifyKeys?.keys() ?? [])].sort(),
    ]),
    macaroonSecretKey: Buffer.from(config.macaroonSecretKey).toString('hex'),
    formSecret: config.formSecret ?? null,
    enableRegistration: config.enableRegistration,
    registrationSharedSecret: config.registrationSharedSecret ?? null,
    bcryptRounds: config.bcryptRounds,
    lifetimes: [
      config.sessionLifetimeMs ?? null,
      config.refreshableAccessTokenLifetimeMs === 'off' ? null : config.refreshableAccessTokenLifetimeMs,
      config.refreshTokenLifetimeMs ?? null,
      config.nonrefreshableAccessTokenLifetimeMs ?? null,
    ],
    autoJoin: [
      config.autoJoinRooms,
      config.autocreateAutoJoinRoomPreset,
      config.autoJoinMxidLocalpart === undefined ? null : `@${config.autoJoinMxidLocalpart}:${config.serverName}`,
    ],
    passwords: [
      password.enabled === true,
      password.enabled !== false,
      password.localdbEnabled,
      password.pepper,
      password.policy.enabled ? password.policy.minimumLength : null,
    ],
    uiAuthSessionTimeoutMs: config.uiAuth.sessionTimeoutMs,
    defaultRoomVersion: config.defaultRoomVersion,
    filterTimelineLimit: config.filterTimelineLimit,
    encrypts: {
      off: [],
      invite: ['private_chat', 'trusted_private_chat'],
      all: ['private_chat', 'public_chat', 'trusted_private_chat'],
    }[config.encryptionEnabledByDefaultForRoomType],
    forgetRoomsOnLeave: config.forgetRoomsOnLeave,
    excludeRoomsFromSync: config.excludeRoomsFromSync,
    presence: [
      presence.enabled,
      presence.tracked,
      presence.lastActiveGranularityMs,
      presence.syncOnlineTimeoutMs,
      presence.idleTimeoutMs,
    ],
    push: [config.push.includeContent, config.push.jitterDelayMs ?? null],
    pushRuleLimits: [
      config.pushRules.limits.ruleCount,
      config.pushRules.limits.ruleIdLength,
      config.pushRules.limits.ruleSize,
    ],
    limits: {
      rc_message: config.rcMessage,
      rc_registration: config.rcRegistration,
      rc_registration_token_validity: config.rcRegistrationTokenValidity,
      rc_login_address: config.rcLogin.address,
      rc_login_account: config.rcLogin.account,
      rc_login_failed_attempts: config.rcLogin.failedAttempts,
      rc_admin_redaction: config.rcAdminRedaction ?? null,
      rc_joins_local: config.rcJoins.local,
      rc_joins_remote: config.rcJoins.remote,
      rc_joins_per_room: config.rcJoinsPerRoom,
      rc_invites_per_room: config.rcInvites.perRoom,
      rc_invites_per_user: config.rcInvites.perUser,
      rc_invites_per_issuer: config.rcInvites.perIssuer,
      rc_third_party_invite: config.rcThirdPartyInvite,
      rc_3pid_validation: config.rc3pidValidation,
      rc_key_requests: config.rcKeyRequests,
      rc_media_create: config.rcMediaCreate,
      rc_presence_per_user: config.rcPresence.perUser,
      rc_delayed_event_mgmt: config.rcDelayedEventMgmt,
      rc_room_creation: config.rcRoomCreation,
      rc_reports: config.rcReports,
      rc_user_directory: config.rcUserDirectory,
      rc_profile: config.rcProfile,
    },
    federationLimit: [
      federation.windowSizeMs,
      federation.sleepLimit,
      federation.sleepDelayMs,
      federation.rejectLimit,
      federation.concurrent,
    ],
  }
}

const FILES = [
  ['minimal.yaml'],
  ['homeserver.yaml', 'conf.d'],
  ['homeserver.yaml', 'conf.d', 'workers/persister1.yaml'],
  ['homeserver.yaml', 'conf.d', 'workers/pusher.yaml'],
  ['homeserver.yaml', 'conf.d', 'workers/media1.yaml'],
]

const WORKER = 'worker_app: synapse.app.generic_worker\nworker_name: w1\n'
const INSTANCES = 'instance_map: {main: {host: a, port: 1}, w1: {host: a, port: 2}}\n'

/** What both refuse; with a reason, what only we do. */
const MISTAKES: readonly (readonly [text: string, stricter?: string])[] = [
  ['session_lifetime: 5 minutes'],
  ['max_upload_size: 10MB'],
  ['session_lifetime: 1h\nrefresh_token_lifetime: 2h'],
  ['session_lifetime: 1m\nrefreshable_access_token_lifetime: 5m'],
  ['enable_registration: true'],
  ['default_room_version: 99'],
  ['presence: {idle_timeout: 30s}'],
  ['limit_profile_requests_to_users_who_share_rooms: true'],
  ['encryption_enabled_by_default_for_room_type: some'],
  ['default_power_level_content_override: {secret_chat: {}}'],
  ['autocreate_auto_join_room_preset: private_chat'],
  ['auto_join_rooms: [lobby]'],
  ['public_baseurl: ftp://example.org'],
  ['extra_well_known_client_content: {m.homeserver: {}}'],
  ['server_name: "a b"'],
  ['signing_key: ed25519 a_b'],
  ['form_secret: a\nform_secret_path: redis.secret'],
  ['registration_shared_secret_path: nothing.secret'],
  ['redis: {enabled: true, username: me}'],
  ['databases: {a: {name: psycopg2}}'],
  ['worker_replication_port: 9092'],
  ['listeners: [{port: "8008", type: http}]'],
  ['listeners: [{port: 8008, path: /a, type: http}]'],
  ['listeners: [{type: http}]'],
  ['listeners: [{port: 8008}]'],
  ['listeners: [{port: 9092, type: replication}]'],
  ['listeners: [{port: 8008, type: http, resources: [{names: [clinet]}]}]'],
  ['listeners: [{port: 8448, type: http, tls: true, resources: [{names: [client]}]}]'],
  ['stream_writers: {typng: master}'],
  ['stream_writers: {events: []}'],
  [`${INSTANCES}stream_writers: {presence: [master, w1]}`],
  ['stream_writers: {events: w1}'],
  [`${WORKER}`],
  [`${WORKER}${INSTANCES}worker_replication_host: a`],
  [
    `${WORKER}${INSTANCES}stream_writers: {typing: main}\nworker_listeners: [{port: 8008, type: http, resources: [{names: [nothing]}]}]`,
  ],
  [`worker_app: synapse.app.pusher\n${INSTANCES}`],
  [`worker_app: synapse.app.user_dir\n${INSTANCES}`],
  ['notify_appservices: true\nnotify_appservices_from_worker: w1'],
  [`${INSTANCES}outbound_federation_restricted_to: [w1]`],
  ['worker_replication_secret: a\noutbound_federation_restricted_to: [w1]'],
  ['database: {name: sqlite3}', 'SQLite is not supported'],
  [`${INSTANCES}worker_name: w1`, 'Synapse would start a second main process'],
  ['enable_set_displayname: "false"', 'any text is true to Python'],
  ['bcrypt_rounds: 99', 'Synapse fails at the first password'],
  ['rc_message: {per_second: 1e6}', 'Synapse fails at the first message'],
  ['listeners: [{path: /a, mode: "666", type: http}]', 'Synapse fails when it listens'],
  ['matrix_authentication_service: {enabled: true, secret: a}', 'not supported yet'],
]

test('the installed Synapse reads the same from the same files', {
  skip: 'missing' in found && found.missing,
}, async (t) => {
  assert.ok('python' in found)
  const folder = mkdtempSync(join(tmpdir(), 'synapse-config-'))
  cpSync(join(import.meta.dirname, 'fixtures'), folder, { recursive: true })
  const before = process.cwd()
  process.chdir(folder) // relative paths in the files are relative to it, for both
  t.after(() => {
    process.chdir(before)
    rmSync(folder, { recursive: true })
  })
  const odd = MISTAKES.map(([text], i) => {
    writeFileSync(`odd${i}.yaml`, `${text}\n`)
    return ['minimal.yaml', `odd${i}.yaml`]
  })
  const script = join(import.meta.dirname, 'ask_synapse.py')
  const all = [...FILES, ...odd].map((files) => JSON.stringify(files))
  const { stdout, stderr } = spawnSync(found.python, [script, ...all], { encoding: 'utf8' })
  // Synapse prints which files it passes over.
  const theirs = stdout.split('\n').filter((line) => line.startsWith('{'))
  assert.equal(theirs.length, all.length, stdout + stderr)
  for (const [i, [text, stricter]] of MISTAKES.entries())
    await t.test(text, () => {
      const { problems } = readConfig(odd[i]!)
      const errors = problems.filter(({ severity }) => severity === 'error').map(formatProblem)
      const isRefused = 'refused' in (JSON.parse(theirs[FILES.length + i]!) as object)
      assert.deepEqual([errors.length > 0, isRefused], [true, stricter === undefined], errors.join('\n'))
    })
  for (const [i, files] of FILES.entries())
    await t.test(files.at(-1)!, () => {
      const { config, problems } = readConfig(files)
      assert.deepEqual(problems.filter(({ severity }) => severity !== 'note').map(formatProblem), [])
      assert.deepEqual(JSON.parse(JSON.stringify(asked(config!))), JSON.parse(theirs[i]!))
    })
})
