/** Synapse's files → {@link WorkerConfig}, or every mistake in them with its place. */

import { resolve } from 'node:path'
import { defaultOf, readEntry } from '../../shared/config/decode.ts'
import { formatProblem, type Place, type Problem } from '../../shared/config/problem.ts'
import type { ServerName } from '../../shared/matrix/ids.ts'
import { mergeFiles, readSynapseFile, type SourceFile, type SynapseSettings } from '../../shared/synapse-config/file.ts'
import { MAIN, MASTER } from '../../shared/synapse-config/processes.ts'
import { readConfigFiles } from '../../shared/synapse-config/sources.ts'
import { appservicesOf } from './appservices.ts'
import { checkProcess } from './check-process.ts'
import { databaseOf } from './database.ts'
import { dutiesOf, identityOf, writersOf } from './duties.ts'
import { valuesOf } from './keys.ts'
import { listenersOf } from './listeners.ts'
import { logLevelsOf } from './log-levels.ts'
import { type SynapseValues, synapseKeys } from './schema.ts'
import { certificateOf, checkOldKeys, macaroonKeyOf, redisOf, secretOf, signingOf } from './secrets.ts'
import { makeTelling, type Telling } from './telling.ts'
import { REPLACED, type WorkerConfig } from './types.ts'

export interface ConfigRead {
  /** Absent if there is an error among the problems. */
  readonly config?: WorkerConfig
  readonly problems: readonly Problem[]
  /** Where a setting is written; undefined where its outermost key is not. */
  readonly placeOf: SynapseSettings['placeOf']
}

/** What the process finds around it; only `main.ts` looks. */
export interface Surroundings {
  /** Variables of libpq's, such as `PGHOST`, stand for what `database.args` does not say. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Reads the configuration of one process: `paths` are files, or folders of which the `*.yaml` are read in the order of
 * their names. Of a top-level key that several files have the last one's counts, whole. Relative paths in it are relative
 * to the working directory, as in Synapse. Nothing is thrown, and nothing changed on disk.
 */
export const readConfig = (paths: readonly string[], surroundings: Surroundings = { env: {} }): ConfigRead => {
  const sources = readConfigFiles(paths)
  if (typeof sources === 'string')
    return {
      problems: sources.split('\n').map((message): Problem => ({ path: '', message, severity: 'error' })),
      placeOf: () => undefined,
    }
  return readSources(sources, surroundings)
}

/** As {@link readConfig}, of files that were read. */
export const readSources = (sources: readonly SourceFile[], surroundings?: Surroundings): ConfigRead => {
  const { draft, problems, placeOf } = readDraft(sources, surroundings)
  return { problems, placeOf, ...(!problems.some(isError) && { config: draft }) }
}

/** A configuration with errors in it: for what can be said of it even so, with defaults for what could not be read. */
export interface Draft {
  readonly draft: WorkerConfig
  readonly problems: readonly Problem[]
  readonly placeOf: SynapseSettings['placeOf']
}

export const readDraft = (sources: readonly SourceFile[], { env }: Surroundings = { env: {} }): Draft => {
  const settings = mergeFiles(sources.map(readSynapseFile))
  const unreadable = settings.files.flatMap(({ reporter }) => reporter.problems()).filter(isError)
  const loose: Problem[] = []
  const telling = makeTelling(settings, loose)
  const values = valuesIn(settings)
  const { config: draft, problems: others } = build(values, settings, telling, env)

  const problems = once([
    ...settings.files.flatMap(({ reporter }) => reporter.problems()),
    ...loose.map((problem): Problem => {
      const start = startOfAll(settings)
      return start ? { ...problem, place: start } : problem
    }),
    ...others,
  ])
  // What else is missing may stand in the file that could not be read.
  return { draft, problems: unreadable.length > 0 ? unreadable : problems, placeOf: settings.placeOf }
}

/** What is missing has no place but the file in which it would be looked for first. */
const startOfAll = ({ files }: SynapseSettings): Place | undefined =>
  files[0] && { file: files[0].file, line: 0, column: 0 }

const isError = ({ severity }: Problem): boolean => severity === 'error'

const once = (problems: readonly Problem[]): readonly Problem[] => {
  const seen = new Set<string>()
  return problems.filter((problem) => {
    const text = formatProblem(problem)
    return !seen.has(text) && seen.add(text)
  })
}

const without = <T extends object, K extends keyof T>(values: T, names: readonly K[]): Omit<T, K> => {
  const left = { ...values }
  for (const name of names) delete left[name]
  return left
}

/** The value of every key: what is written in the file that counts, or its default. */
const valuesIn = ({ files, fileOf }: SynapseSettings): SynapseValues => {
  const read: Record<string, unknown> = {}
  for (const file of files)
    for (const entry of file.entries.values()) {
      // What a later file replaces is not read: only a misspelt key is worth a word.
      if (fileOf(entry.name) !== file) continue
      const value = readEntry(synapseKeys, entry, '', file.reporter)
      if (value !== undefined) read[entry.name] = value
    }
  for (const [name, key] of Object.entries(synapseKeys))
    if (read[name] === undefined && 'default' in key && key.default !== undefined) read[name] = defaultOf(key)
  return valuesOf(synapseKeys, read)
}

const build = (
  values: SynapseValues,
  settings: SynapseSettings,
  telling: Telling,
  env: Surroundings['env'],
): { readonly config: WorkerConfig; readonly problems: readonly Problem[] } => {
  const { error, note, has } = telling
  if (values.serverName === undefined && !has('server_name')) error('server_name', 'missing: the name of the server')

  const identity = identityOf(values, telling)
  const { isMain, app } = identity
  const replicationSecret = secretOf(
    'worker_replication_secret',
    values.workerReplicationSecret,
    values.workerReplicationSecretPath,
    telling,
  )
  const hasMediaRepo = values.enableMediaRepo || app === 'media_repository'
  const key = isMain ? 'listeners' : 'worker_listeners'
  const listeners = listenersOf(
    {
      key,
      listeners: isMain ? values.listeners : values.workerListeners,
      hasMediaRepo,
      enableMetrics: values.enableMetrics,
      replicationSecret,
    },
    telling,
  )
  if (isMain && !has('listeners')) note('listeners', 'missing: the main process listens nowhere')
  for (const other of ['allow_public_rooms_without_auth', 'allow_public_rooms_over_federation'])
    if (has('restrict_public_rooms_to_local_users') && has(other))
      error(other, 'cannot stand beside restrict_public_rooms_to_local_users: remove that')
  const redis = redisOf(values, telling)
  const instanceMap = new Map(
    [...values.instanceMap].flatMap(([name, location]) =>
      location ? [[name === MAIN ? MASTER : name, location] as const] : [],
    ),
  )
  const streamWriters = writersOf(values)
  const outboundFederation = values.outboundFederationRestrictedTo?.map((name) => (name === MAIN ? MASTER : name))
  const parts = { ...identity, instanceMap, streamWriters, listeners, replicationSecret, redis, outboundFederation }
  checkProcess(values, parts, telling)

  const registrationSharedSecret = secretOf(
    'registration_shared_secret',
    values.registrationSharedSecret,
    values.registrationSharedSecretPath,
    telling,
  )
  const macaroon = secretOf('macaroon_secret_key', values.macaroonSecretKey, values.macaroonSecretKeyPath, telling)
  const recaptchaKeys = {
    publicKey: secretOf('recaptcha_public_key', values.recaptchaPublicKey, values.recaptchaPublicKeyPath, telling),
    privateKey: secretOf('recaptcha_private_key', values.recaptchaPrivateKey, values.recaptchaPrivateKeyPath, telling),
  }
  const signing = signingOf(values, settings.files.at(-1)?.file, telling)
  checkOldKeys(values, telling)
  const logKey = isMain ? 'log_config' : 'worker_log_config'
  const { levels, problems } = logLevelsOf(logKey, isMain ? values.logConfig : values.workerLogConfig, telling)
  const baseUrl = values.publicBaseurl ?? `https://${values.serverName}/`
  const presenceMode = values.presence.enabled ?? values.usePresence ?? true

  return {
    problems,
    config: {
      ...without(values, REPLACED),
      ...parts,
      serverName: values.serverName as ServerName,
      files: settings.files.map(({ file }) => file),
      duties: dutiesOf(values, identity, telling),
      hasMediaRepo,
      mediaStorePath: resolve(values.mediaStorePath),
      publicBaseUrl: baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`,
      servesClientWellKnown: values.publicBaseurl !== undefined,
      presence: {
        ...values.presence,
        enabled: presenceMode !== false,
        tracked: presenceMode === true,
      },
      recaptcha:
        recaptchaKeys.publicKey !== undefined && recaptchaKeys.privateKey !== undefined
          ? {
              publicKey: recaptchaKeys.publicKey,
              privateKey: recaptchaKeys.privateKey,
              verifyUrl: values.recaptchaSiteverifyApi,
            }
          : undefined,
      appservices: appservicesOf(values.appServiceConfigFiles, values.serverName, telling),
      registrationSharedSecret,
      macaroonSecretKey: macaroonKeyOf(macaroon, registrationSharedSecret, signing.signingKeys),
      turnSharedSecret: secretOf('turn_shared_secret', values.turnSharedSecret, values.turnSharedSecretPath, telling),
      formSecret: secretOf('form_secret', values.formSecret, values.formSecretPath, telling),
      database: databaseOf(values, env, telling),
      ...signing,
      certificate: certificateOf(
        values,
        listeners.some(({ tls }) => tls),
        telling,
      ),
      logging: levels,
    },
  }
}
