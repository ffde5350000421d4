/** `docs/worker-configuration.md`, printed from the schema. */

import type { Key } from '../../shared/config/decode.ts'
import { locationObject } from '../../shared/synapse-config/instance-map.ts'
import { listenerObject, resourceObject } from '../../shared/synapse-config/listener.ts'
import type { PassedKey, Standing } from './keys.ts'
import {
  accountKeys,
  accountValiditySection,
  allowed3pidSection,
  existingSessionSection,
  jwtSection,
  passwordPolicySection,
  passwordSection,
  uiAuthSection,
  userConsentSection,
} from './schema/accounts.ts'
import { directoryRuleSection, statsSection, userDirectorySection } from './schema/directory.ts'
import { experimentalSection } from './schema/experimental.ts'
import { keyKeys, keyServerSection, oldKeySection } from './schema/keys.ts'
import { emailSection, mailKeys } from './schema/mail.ts'
import { processKeys } from './schema/process.ts'
import {
  limitSection,
  rateLimitKeys,
  rcFederationSection,
  rcInvites,
  rcJoins,
  rcLogin,
  rcPresence,
} from './schema/ratelimits.ts'
import { matrixRtcSection, roomKeys } from './schema/rooms.ts'
import { prejoinSection, presenceSection, pushRuleLimitsSection, pushSection, serverKeys } from './schema/server.ts'
import {
  databaseArgsKeys,
  databaseSection,
  mediaRetentionSection,
  redisSection,
  storageKeys,
} from './schema/storage.ts'
import { tellingKeys } from './schema/telling.ts'

type AnyKeys = Readonly<Record<string, Key<unknown>>>

export interface Section {
  readonly title: string
  /** Absent: the title says it. */
  readonly about?: string
  readonly keys: AnyKeys
}

export const SECTIONS: readonly Section[] = [
  {
    title: 'Processes',
    about: 'Which process this is, where it listens, and who does what in the deployment.',
    keys: processKeys,
  },
  { title: '`listeners[]`', about: 'A `port` or a `path`.', keys: listenerObject.keys },
  { title: '`listeners[].resources[]`', keys: resourceObject.keys },
  {
    title: '`instance_map.{name}`',
    about:
      'Where the `replication` listener of a process is: a host and port, or a path. The main process is called `main` here.',
    keys: locationObject.keys,
  },
  { title: 'The server', keys: serverKeys },
  { title: '`presence`', keys: presenceSection.keys },
  { title: '`room_prejoin_state`', keys: prejoinSection.keys },
  { title: '`alias_creation_rules[]`, `room_list_publication_rules[]`', keys: directoryRuleSection.keys },
  { title: '`user_directory`', keys: userDirectorySection.keys },
  { title: '`stats`', keys: statsSection.keys },
  { title: '`push`', keys: pushSection.keys },
  { title: '`push_rules.limits`', keys: pushRuleLimitsSection.keys },
  { title: '`experimental_features`', keys: experimentalSection.keys },
  { title: 'Rooms and calls', keys: roomKeys },
  { title: '`matrix_rtc`', keys: matrixRtcSection.keys },
  { title: 'Accounts', keys: accountKeys },
  { title: '`password_config`', keys: passwordSection.keys },
  { title: '`password_config.policy`', keys: passwordPolicySection.keys },
  { title: '`ui_auth`', keys: uiAuthSection.keys },
  { title: '`login_via_existing_session`', keys: existingSessionSection.keys },
  { title: '`jwt_config`', keys: jwtSection.keys },
  { title: '`allowed_local_3pids[]`', keys: allowed3pidSection.keys },
  { title: '`user_consent`', keys: userConsentSection.keys },
  { title: '`account_validity`', keys: accountValiditySection.keys },
  { title: 'Mail', keys: mailKeys },
  { title: '`email`', keys: emailSection.keys },
  { title: 'Database, Redis, media', keys: storageKeys },
  { title: '`database`', keys: databaseSection.keys },
  {
    title: '`database.args`',
    about:
      'As psycopg2 hands them to libpq; libpq’s environment stands for what is not here. `cp_min` and `cp_max` are of Synapse’s pool.',
    keys: databaseArgsKeys,
  },
  { title: '`redis`', keys: redisSection.keys },
  { title: '`media_retention`', keys: mediaRetentionSection.keys },
  { title: 'Keys, TLS, other servers', keys: keyKeys },
  { title: '`old_signing_keys.{id}`', keys: oldKeySection.keys },
  { title: '`trusted_key_servers[]`', keys: keyServerSection.keys },
  {
    title: 'Rate limits',
    about: 'A limit is `per_second` and `burst_count`; the type says the defaults of each.',
    keys: rateLimitKeys,
  },
  { title: 'a limit', keys: limitSection(0.17, 3).keys },
  { title: '`rc_login`', keys: rcLogin.keys },
  { title: '`rc_joins`', keys: rcJoins.keys },
  { title: '`rc_invites`', keys: rcInvites.keys },
  { title: '`rc_presence`', keys: rcPresence.keys },
  { title: '`rc_federation`', keys: rcFederationSection.keys },
  { title: 'Logs and metrics', keys: tellingKeys },
]

/** A `|` ends a cell, even in code. */
const cell = (text: string): string => text.replaceAll('|', '\\|')
const code = (text: string): string => `\`${cell(text)}\``
const isPassed = (key: Key<unknown>): key is PassedKey => 'standing' in key

const printKey = ([name, key]: readonly [string, Key<unknown>]): string => {
  const absent = key.required ? '**required**' : key.default !== undefined ? code(key.default) : cell(key.absent ?? '')
  return `| ${code(name)} | ${cell(key.type.expected)} | ${absent} | ${cell(key.doc)} | ${code(key.example)} |`
}

const printSection = ({ title, about, keys }: Section): readonly string[] => {
  const read = Object.entries(keys).filter(([, key]) => !isPassed(key))
  return [
    '',
    `### ${title}`,
    '',
    ...(about === undefined ? [] : [about, '']),
    '| key | type | default | | example |',
    '|---|---|---|---|---|',
    ...read.map(printKey),
  ]
}

/** The path of a key for the tables of those that give no value: `presence.presence_router`. */
const pathOf = (title: string, name: string): string => {
  const inner = /^`(.*)`$/.exec(title)?.[1]
  return inner === undefined ? name : `${inner}.${name}`
}

const printPassed = (standing: Standing): readonly string[] => [
  '| key | |',
  '|---|---|',
  ...SECTIONS.flatMap(({ title, keys }) =>
    Object.entries(keys).flatMap(([name, key]) =>
      isPassed(key) && key.standing === standing ? [`| ${code(pathOf(title, name))} | ${cell(key.doc)} |`] : [],
    ),
  ),
]

export const printReference = (): string =>
  [
    '# Configuration of the workers',
    '',
    'Printed from the schema in `worker/config/schema/`; change it there.',
    '',
    'A process of Plexus reads Synapse’s own files, as Synapse does: `--config` (also `-c`, `--config-path`) names a file, or a',
    'folder of which the `*.yaml` are read in the order of their names, and may be repeated. Of a top-level key that several',
    'files have, the last one’s counts, whole. YAML is that of PyYAML: `yes` and `off` are booleans, `1e6` is a text. Relative',
    'paths are relative to the working directory. The main process is the one without `worker_app`; it is called `main` in',
    '`instance_map` and `master` everywhere else.',
    '',
    '```',
    'worker check --config homeserver.yaml                              # the main process',
    'worker check --config homeserver.yaml --config workers/sync1.yaml  # a worker',
    "worker check --config homeserver.yaml --workers 'workers/*.yaml'   # the deployment",
    '```',
    '',
    '`worker check` says what is wrong before anything starts: with the file, line and column, all mistakes at once, and exit',
    'status 1 if there is an error; with `--strict` also if there is a warning. With `--workers` it holds the processes against',
    'each other: names that two have, addresses that two listen at, writers and jobs without a process, settings in which',
    'they differ. `--listen` tries whether the listeners can be opened, `--roles` says what each process is for, `--json`',
    'prints `severity`, `file`, `line`, `column`, `key` and `message` of each problem. The same is said at a start.',
    '',
    'A **warning** is about something that is not as the file says: a key that is not supported yet, or unknown. A **note** is',
    'about what has no meaning here and changes nothing for anyone. Nothing is passed over in silence but an `off`, `false` or',
    'empty value of a feature that is not there. A key without a value counts as absent, except where null is said to mean',
    'something.',
    '',
    'Durations: a number is milliseconds, or `30s`, `5m`, `1h`, `7d`, `2w`, `1y`. Sizes: a number is bytes, or `512K`, `50M`,',
    '`1G`, `1T`, powers of 1024.',
    '',
    '## Understood',
    ...SECTIONS.flatMap(printSection),
    '',
    '## Refused',
    '',
    'Errors: without them the server would do what its admin does not want.',
    '',
    ...printPassed('refused'),
    '',
    '## Not supported yet',
    '',
    'One warning each.',
    '',
    ...printPassed('not yet'),
    '',
    '## Without effect',
    '',
    'One note each; `caches` is a warning.',
    '',
    ...printPassed('no effect'),
    '',
  ].join('\n')
