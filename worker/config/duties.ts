/**
 * Who this process is, and who does what: `worker_app`, `worker_name`, and the settings that name processes. As in Synapse,
 * where a job can be given to a worker in two ways: by its name, or of old by a kind of program, which needs the main
 * process told not to do it.
 */

import { MAIN, MASTER, type WorkerApp } from '../../shared/synapse-config/processes.ts'
import { STREAMS } from '../../shared/synapse-config/streams.ts'
import type { SynapseValues } from './schema.ts'
import type { Telling } from './telling.ts'
import type { Duties, WorkerConfig, WriterStream } from './types.ts'

export type Identity = Pick<WorkerConfig, 'isMain' | 'instanceName' | 'app'>

/** Main is the process without `worker_app`. */
export const identityOf = (values: SynapseValues, { error }: Telling): Identity => {
  const app: WorkerApp = values.workerApp ?? 'homeserver'
  const isMain = app === 'homeserver'
  const name = values.workerName
  if (isMain && name !== undefined)
    error(
      'worker_name',
      values.workerApp === undefined
        ? 'a worker needs worker_app: synapse.app.generic_worker; without it this would be a second main process'
        : `the main process has no name of its own: it is ${MASTER}`,
    )
  if (isMain) return { isMain, app, instanceName: MASTER }
  const own = `synapse.app.${app}`
  if (name !== MASTER && name !== MAIN) return { isMain, app, instanceName: name ?? own }
  error('worker_name', `${name} is the name of the main process`)
  return { isMain, app, instanceName: own }
}

/** The main process is `master` wherever an instance is named. Whoever writes `main` means it. */
const asInstance = (name: string, path: string, { warn }: Telling): string => {
  if (name !== MAIN) return name
  warn(path, `the main process is called ${MASTER} here: Synapse looks for a worker named main`)
  return MASTER
}

export const dutiesOf = (values: SynapseValues, { app, instanceName }: Identity, telling: Telling): Duties => {
  const { error, has } = telling

  /** A job of one or more processes: named in `list`, or of old with `flag`. */
  const shared = (
    list: string,
    named: readonly string[] | undefined,
    flag: string,
    onMain: boolean,
    legacy: WorkerApp,
  ) => {
    if (named) {
      if (new Set(named).size < named.length) error(list, 'names a process twice')
      return named.map((name) => asInstance(name, list, telling))
    }
    if (app === legacy) {
      if (onMain) error('worker_app', `a ${legacy} needs ${flag}: false in the main process’ file, or both would work`)
      return [instanceName]
    }
    return onMain ? [MASTER] : []
  }

  /** A job of one process: named in `key`, or of old with `flag`. */
  const single = (
    key: string,
    named: string | undefined,
    flag: string,
    onMain: boolean | undefined,
    legacy: WorkerApp,
  ): string | undefined => {
    const given = has(key) ? asInstance(named ?? MASTER, key, telling) : undefined
    if (app === legacy && onMain !== false)
      error(
        'worker_app',
        `a ${legacy} needs ${flag}: false in the main process’ file; better name a generic worker in ${key}`,
      )
    const ofOld = onMain === undefined ? undefined : onMain ? MASTER : app === legacy ? instanceName : NOBODY
    if (given !== undefined && ofOld !== undefined && (given === instanceName) !== (ofOld === instanceName))
      error(flag, `contradicts ${key}, which gives it to ${given}: remove ${flag}`)
    const who = given ?? ofOld ?? MASTER
    return who === NOBODY ? undefined : who
  }

  return {
    federationSenders: shared(
      'federation_sender_instances',
      values.federationSenderInstances,
      'send_federation',
      values.sendFederation ?? true,
      'federation_sender',
    ),
    pushers: shared('pusher_instances', values.pusherInstances, 'start_pushers', values.startPushers ?? true, 'pusher'),
    backgroundTasks: asInstance(values.runBackgroundTasksOn ?? MASTER, 'run_background_tasks_on', telling),
    appservices: single(
      'notify_appservices_from_worker',
      values.notifyAppservicesFromWorker,
      'notify_appservices',
      values.notifyAppservices,
      'appservice',
    ),
    userDirectory: single(
      'update_user_directory_from_worker',
      values.updateUserDirectoryFromWorker,
      'update_user_directory',
      values.updateUserDirectory,
      'user_dir',
    ),
    mediaCleanup:
      values.mediaInstanceRunningBackgroundJobs === undefined
        ? undefined
        : asInstance(values.mediaInstanceRunningBackgroundJobs, 'media_instance_running_background_jobs', telling),
  }
}

/** No process of these files: no name is empty. */
const NOBODY = ''

/** The writers of every stream, main where none is named. */
export const writersOf = ({ streamWriters }: SynapseValues): WorkerConfig['streamWriters'] =>
  Object.fromEntries(
    [...STREAMS].map((stream) => [
      stream,
      // What was wrong with the names was told when they were read.
      (streamWriters.get(stream) ?? [MASTER]).map((name) => (name === MAIN ? MASTER : name)),
    ]),
  ) as unknown as Readonly<Record<WriterStream, readonly string[]>>
