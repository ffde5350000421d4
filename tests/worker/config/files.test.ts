import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { levelOf } from '../../../worker/config/log-levels.ts'
import { BASE, configOf, problemsOf, WORKER } from './reading.ts'

const SEED = 'ciAgrZwSVV6AJuqTBDmdtfsFuvpHK3rDLyzZe+L4mRs'
const UNSIGNED = BASE.replace(/signing_key: .*\n/, '')

/** A folder with `files`; messages name it `$`. */
const folderOf = (t: TestContext, files: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return {
    folder,
    told: (...texts: readonly string[]) => problemsOf(...texts).map((problem) => problem.replaceAll(folder, '$')),
  }
}

test('secrets stand in the configuration or in a file, not in both', (t) => {
  const { folder, told } = folderOf(t, { secret: '  s3cr3t\n', empty: '\n' })
  const config = configOf([
    BASE,
    ['worker_replication_secret', 'registration_shared_secret', 'macaroon_secret_key', 'form_secret']
      .map((key) => `${key}_path: ${folder}/secret\n`)
      .join(''),
    `redis: {enabled: true, username: me, password_path: ${folder}/secret}`,
  ])
  assert.deepEqual(
    [config.replicationSecret, config.registrationSharedSecret, config.formSecret, config.redis?.password],
    Array(4).fill('s3cr3t'),
  )
  assert.deepEqual(Buffer.from(config.macaroonSecretKey), Buffer.from('s3cr3t'))
  assert.deepEqual(
    told(
      BASE,
      `form_secret: a\nform_secret_path: ${folder}/secret\nmacaroon_secret_key_path: ${folder}/nothing\nregistration_shared_secret_path: ${folder}/empty\nredis: {enabled: true, username: me}\n`,
    ),
    [
      'b.yaml:2:19: form_secret_path: stands beside form_secret: one of the two',
      'b.yaml:3:27: macaroon_secret_key_path: $/nothing: no such file',
      'b.yaml:4:34: registration_shared_secret_path: $/empty: is empty',
      'b.yaml:5:34: redis.username: needs a password: Redis knows no user without one',
    ],
  )
})

test('macaroons are signed with what Synapse would sign them with', () => {
  const key = (...texts: readonly string[]) => Buffer.from(configOf([BASE, ...texts]).macaroonSecretKey)
  assert.deepEqual(key('macaroon_secret_key: a\nregistration_shared_secret: b'), Buffer.from('a'))
  assert.deepEqual(key('registration_shared_secret: b'), Buffer.from('b'))
  assert.deepEqual(key(), createHash('sha256').update(Buffer.from(SEED, 'base64')).digest())
})

test('the signing key is read from its file; where there is none yet, main will make it', (t) => {
  const { folder, told } = folderOf(t, {
    good: `ed25519 a_1 ${SEED}\ned25519 a_2 ${SEED}\n`,
    bad: 'ed25519 a_1\n',
  })
  const config = configOf([UNSIGNED, `signing_key_path: ${folder}/good`])
  assert.deepEqual(
    config.signingKeys.map(({ keyId }) => keyId),
    ['ed25519:a_1', 'ed25519:a_2'],
  )
  assert.equal(config.signingKeyPath, `${folder}/good`)
  assert.deepEqual(told(UNSIGNED, `signing_key_path: ${folder}/bad`), [
    "b.yaml:1:19: signing_key_path: $/bad: line 1: expected 'ed25519 <version> <seed in base64>'",
  ])
  assert.deepEqual(told(UNSIGNED, `signing_key_path: ${folder}/none`), [
    'b.yaml:1:19: warning: signing_key_path: $/none: no such file: the main process makes it at its first start',
  ])
  assert.deepEqual(told(UNSIGNED, `signing_key_path: ${folder}`), [
    'b.yaml:1:19: signing_key_path: $: is a directory, not a file',
  ])
  assert.deepEqual(told(BASE, 'old_signing_keys: {"ed25519:old": {key: AAAA, expired_ts: 1}}'), [
    'b.yaml:1:41: old_signing_keys["ed25519:old"].key: expected the 32 bytes of a public key, in base64',
  ])
})

test('certificates are looked at where a listener needs them', (t) => {
  const { folder, told } = folderOf(t, { 'a.crt': 'no certificate\n' })
  const tls =
    'listeners: [{port: 8448, type: http, bind_addresses: [127.0.0.1], tls: true, resources: [{names: [client]}]}]\n'
  const paths = (cert: string, key: string) =>
    `tls_certificate_path: ${folder}/${cert}\ntls_private_key_path: ${folder}/${key}\n`
  assert.deepEqual(told(BASE, tls + paths('a.crt', 'a.key')), [
    'b.yaml:3:23: tls_private_key_path: $/a.key: no such file',
  ])
  assert.deepEqual(told(BASE, paths('b.crt', 'b.key')), [], 'nobody needs them')
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=a',
      '-keyout',
      `${folder}/b.key`,
      '-out',
      `${folder}/b.crt`,
    ],
    { stdio: 'ignore' },
  )
  assert.deepEqual(configOf([BASE, tls + paths('b.crt', 'b.key')]).certificate, {
    certificateFile: `${folder}/b.crt`,
    keyFile: `${folder}/b.key`,
  })
  assert.match(
    told(BASE, tls + paths('a.crt', 'b.key'))[0]!,
    /^b\.yaml:2:23: tls_certificate_path: certificate and key cannot be used: /,
  )
  assert.deepEqual(configOf([BASE, `redis: {enabled: true, use_tls: true, ca_file: ${folder}/a.crt}`]).redis?.tls, {
    ca: 'no certificate\n',
  })
})

test('levels of a Python logging configuration', (t) => {
  const log = `version: 1
handlers:
  console: {class: logging.StreamHandler}
  buffer: {class: synapse.logging.handlers.PeriodicallyFlushingMemoryHandler, target: console}
loggers:
  synapse: {level: WARNING}
  synapse.storage.SQL: {level: 10}
  synapse.federation: {level: NOTSET}
root: {level: ERROR, handlers: [buffer]}
`
  const { folder, told } = folderOf(t, {
    'log.yaml': log,
    'file.yaml': `${log.replace('console: {class: logging.StreamHandler}', 'file: {class: logging.handlers.TimedRotatingFileHandler}\n  syslog: {class: logging.handlers.SysLogHandler}')}`,
    'bad.yaml': 'root: {level: WARNIG}\nloggers:\n  twisted: {level: DEBUG}\nstructured: true\n',
  })
  const { logging } = configOf([BASE, `log_config: ${folder}/log.yaml`])
  assert.equal(logging.level, 'error')
  assert.deepEqual(
    ['synapse.storage.SQL.x', 'synapse.storage.SQLite', 'synapse.federation.sender', 'synapse', 'other'].map((name) =>
      levelOf(logging, name),
    ),
    ['debug', 'warn', 'warn', 'warn', 'error'],
  )
  assert.deepEqual(configOf([BASE]).logging, { level: 'info', loggers: new Map() })
  // A worker has a configuration of its own, or none.
  assert.equal(configOf([BASE, WORKER, `log_config: ${folder}/log.yaml`]).logging.level, 'info')
  assert.equal(configOf([BASE, WORKER, `worker_log_config: ${folder}/log.yaml`]).logging.level, 'error')
  assert.deepEqual(told(BASE, `log_config: ${folder}/file.yaml`), [
    '$/file.yaml:2:1: warning: handlers: not used: logs go to standard output, as lines of JSON, not where file, syslog would write',
  ])
  assert.deepEqual(told(BASE, `log_config: ${folder}/bad.yaml`), [
    "$/bad.yaml:1:15: root.level: no level of Python's, did you mean WARNING?",
    '$/bad.yaml:3:3: note: loggers.twisted: has no effect: only loggers of synapse have their like here',
    '$/bad.yaml:4:1: structured: removed in Synapse 1.54: see log_config',
  ])
  assert.deepEqual(told(BASE, `log_config: ${folder}/none.yaml`), [
    'b.yaml:1:13: warning: log_config: $/none.yaml: no such file: what is INFO and above is logged',
  ])
})

test('libpq’s environment stands for what the arguments do not say', () => {
  const env = { PGHOST: '/run/pg', PGDATABASE: 'other', PGSSLMODE: 'require', PGPASSWORD: '' }
  assert.deepEqual(configOf([BASE], { env }).database.args, { host: '/run/pg', sslmode: 'require', dbname: 'synapse' })
  const named = BASE.replace('dbname: synapse', 'database: mine, port: 5433, password: 1234, cp_max: 7')
  assert.deepEqual(configOf([named], { env }).database.args, {
    host: '/run/pg',
    sslmode: 'require',
    database: 'mine',
    port: '5433',
    password: '1234',
    cp_max: 7,
  })
  assert.deepEqual(
    problemsOf(
      BASE,
      'database: {name: psycopg2, args: {dsn: x, sslmode: verify, cp_min: 20, cp_max: 10, usr: a, gssencmode: disable, database: a, dbname: b}}',
    ),
    [
      'b.yaml:1:40: database.args.dsn: write its parts: user, password, dbname, host, port',
      'b.yaml:1:52: database.args.sslmode: expected disable, allow, prefer, require, verify-ca or verify-full, got "verify"',
      'b.yaml:1:68: database.args.cp_min: is more than cp_max, 10',
      'b.yaml:1:84: warning: database.args.usr: unknown key, passed over: did you mean user?',
      'b.yaml:1:104: note: database.args.gssencmode: has no effect: Kerberos is not used',
      'b.yaml:1:123: database.args.database: stands beside dbname, which means the same',
    ],
  )
})
