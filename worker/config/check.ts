/** What is wrong in a deployment: its processes together, each as its own files say. */

import { addressesCollide } from '../../shared/config/address.ts'
import { formatProblem, type Place, type Problem } from '../../shared/config/problem.ts'
import { readSynapseFile, type SourceFile } from '../../shared/synapse-config/file.ts'
import { listenerAddresses, listenerName } from './listeners.ts'
import { type Draft, readDraft, type Surroundings } from './read.ts'
import type { Duties, ListenerConfig, WorkerConfig } from './types.ts'

/** A process of the deployment, read as far as it can be: all that is wrong is told at once. */
export interface Process {
  /** The file that is this process' own. */
  readonly file: string
  readonly config: WorkerConfig
  readonly problems: readonly Problem[]
  readonly placeOf: Draft['placeOf']
}

const readProcess = (file: string, sources: readonly SourceFile[], surroundings?: Surroundings): Process => {
  const { draft, problems, placeOf } = readDraft(sources, surroundings)
  return { file, config: draft, problems, placeOf }
}

/**
 * Judges a deployment: `shared` are the main process' files, `workers` the own files of the workers, each of which is read
 * after the shared ones. Every problem is there once.
 */
export const checkDeployment = (
  shared: readonly SourceFile[],
  workers: readonly SourceFile[],
  surroundings?: Surroundings,
): { readonly problems: readonly Problem[]; readonly processes: readonly Process[] } => {
  const problems: Problem[] = []
  const processes: Process[] = [readProcess(shared.at(-1)?.file ?? '', shared, surroundings)]
  for (const worker of workers) {
    const { settings, reporter } = readSynapseFile(worker)
    // Of a file that is no YAML nothing can be said but that.
    if (reporter.problems().some(({ severity }) => severity === 'error')) problems.push(...reporter.problems())
    else if (WORKER_KEYS.some((key) => key in settings))
      processes.push(readProcess(worker.file, [...shared, worker], surroundings))
    // Logging configurations lie among the workers' files in many deployments.
    else if (!LOG_KEYS.some((key) => key in settings))
      problems.push({
        path: '',
        place: { file: worker.file, line: 1, column: 1 },
        message: 'left out: no worker_app and no worker_name, so this is no worker',
        severity: 'warning',
      })
  }
  const all = [
    ...processes.flatMap((process) => process.problems),
    ...problems,
    ...(workers.length > 0 ? together(processes) : []),
  ]
  return { processes, problems: once(all) }
}

const LOG_KEYS: readonly string[] = ['handlers', 'formatters', 'root']
const WORKER_KEYS: readonly string[] = ['worker_app', 'worker_name', 'worker_listeners']

/** What is said of a shared file by every process is said once, and what is the same in several files for the first of them. */
const once = (problems: readonly Problem[]): readonly Problem[] => {
  const files = new Map<string, Set<string>>()
  const first = new Map<string, Problem>()
  for (const problem of problems) {
    const { place, path, message, severity } = problem
    // An error is told wherever it is.
    const key = severity === 'error' ? formatProblem(problem) : JSON.stringify([severity, path, message])
    if (!first.has(key)) first.set(key, problem)
    if (place) files.set(key, (files.get(key) ?? new Set()).add(place.file))
  }
  return [...first].map(([key, problem]) => {
    const more = (files.get(key)?.size ?? 1) - 1
    return more > 0
      ? { ...problem, message: `${problem.message} (so in ${more} more file${more === 1 ? '' : 's'})` }
      : problem
  })
}

const together = (all: readonly Process[]): readonly Problem[] => {
  // A second main process is told of once, not for each thing that it does as the first does.
  const processes = all.filter(({ config }, i) => i === 0 || !config.isMain)
  return [
    ...names(all),
    ...writers(processes),
    ...duties(processes),
    ...shares(processes),
    ...addresses(processes),
    ...media(processes),
  ]
}

const problem = (severity: Problem['severity'], path: string, message: string, place: Place | undefined): Problem => ({
  path,
  message,
  severity,
  ...(place && { place }),
})

const names = (processes: readonly Process[]): readonly Problem[] =>
  processes.flatMap(({ config, placeOf }, i) => {
    const twin = processes.find((other, j) => j < i && other.config.instanceName === config.instanceName)
    if (!twin) return []
    const path = config.isMain ? 'worker_app' : 'worker_name'
    const message = config.isMain
      ? `this is the main process, which ${twin.file} is already`
      : `${config.instanceName} is also the name in ${twin.file}: two processes of one name take each other's work`
    return [problem('error', path, message, placeOf(path))]
  })

const writers = (processes: readonly Process[]): readonly Problem[] => {
  const [main] = processes
  const known = new Set(processes.map(({ config }) => config.instanceName))
  const found: Problem[] = []
  for (const [stream, written] of Object.entries(main!.config.streamWriters))
    for (const name of written)
      if (!known.has(name))
        found.push(
          problem(
            'warning',
            `stream_writers.${stream}`,
            `${name} is no worker of the files given: while it is not there, nothing is written to ${stream}`,
            main!.placeOf('stream_writers', stream),
          ),
        )
  // Each process must know the same writers, or rooms would have two.
  for (const { config, placeOf, file } of processes)
    for (const [stream, written] of Object.entries(config.streamWriters)) {
      const theirs = main!.config.streamWriters[stream as keyof typeof config.streamWriters]
      if (written.join() !== theirs.join())
        found.push(
          problem(
            'error',
            `stream_writers.${stream}`,
            `${config.instanceName} (${file}) has ${written.join(', ')}, and the main process ${theirs.join(', ')}: all must have the same`,
            placeOf('stream_writers', stream) ?? main!.placeOf('stream_writers', stream),
          ),
        )
    }
  // Main must be reached by whoever is there besides it.
  if (processes.length > 1 && !main!.config.listeners.some(({ resources }) => resources.includes('replication')))
    found.push(
      problem(
        'error',
        'listeners',
        'the main process has no listener with the replication resource: workers hand it what it alone does',
        main!.placeOf('listeners'),
      ),
    )
  if (processes.length > 1 && !main!.config.redis)
    found.push(
      problem(
        'warning',
        'redis',
        'is not enabled: the processes talk over Postgres, which workers of Synapse’s cannot',
        main!.placeOf('redis'),
      ),
    )
  return found
}

const JOBS: readonly (readonly [keyof Duties, key: string, what: string])[] = [
  ['federationSenders', 'federation_sender_instances', 'nothing is sent to the servers of its share'],
  ['pushers', 'pusher_instances', 'the users of its share get no notifications'],
  ['backgroundTasks', 'run_background_tasks_on', 'what is to be done from time to time is not'],
  ['appservices', 'notify_appservices_from_worker', 'application services get nothing'],
  ['userDirectory', 'update_user_directory_from_worker', 'the user directory grows old'],
  ['mediaCleanup', 'media_instance_running_background_jobs', 'old media are kept'],
]

const duties = (processes: readonly Process[]): readonly Problem[] => {
  const known = new Set(processes.map(({ config }) => config.instanceName))
  return processes.flatMap(({ config, placeOf }) =>
    JOBS.flatMap(([job, key, what]) =>
      [config.duties[job] ?? []]
        .flat()
        .filter((name) => !known.has(name))
        .map((name) => problem('warning', key, `${name} is no worker of the files given: ${what}`, placeOf(key))),
    ),
  )
}

/** Who divides work by a list must have the same list, or some would be done twice and some not. */
const shares = ([main, ...workers]: readonly Process[]): readonly Problem[] =>
  workers.flatMap(({ config, placeOf, file }) =>
    (
      [
        ['federationSenders', 'federation_sender_instances'],
        ['pushers', 'pusher_instances'],
      ] as const
    ).flatMap(([job, key]) => {
      const [own, theirs] = [config.duties[job], main!.config.duties[job]]
      // Empty: main does not know who does it, as with kinds of workers of old.
      if (!own.includes(config.instanceName) || theirs.length === 0 || own.join() === theirs.join()) return []
      const message = `${config.instanceName} (${file}) has ${own.join(', ')}, and the main process ${theirs.join(', ')}: all must have the same`
      return [problem('error', key, message, placeOf(key))]
    }),
  )

/** Listeners of two processes that cannot both be, if they are on one machine: whether they are, the files do not say. */
const addresses = (processes: readonly Process[]): readonly Problem[] => {
  const bound: { readonly process: Process; readonly listener: ListenerConfig }[] = []
  return processes.flatMap((process) => {
    const key = process.config.isMain ? 'listeners' : 'worker_listeners'
    return process.config.listeners.flatMap((listener, i) => {
      const own = listenerAddresses(listener)
      const clash = bound.find(
        (other) =>
          other.process !== process &&
          !areApart(other.process.config, process.config) &&
          listenerAddresses(other.listener).some((a) => own.some((b) => addressesCollide(a, b))),
      )
      bound.push({ process, listener })
      if (!clash) return []
      const message = `${listenerName(listener)} is also where ${clash.process.config.instanceName} (${clash.process.file}) listens: on one machine the second will not start`
      return [problem('warning', `${key}[${i}]`, message, process.placeOf(key, i))]
    })
  })
}

/** Are they on machines of their own, as far as `instance_map` knows? */
const areApart = (a: WorkerConfig, b: WorkerConfig): boolean => {
  const [here, there] = [a.instanceMap.get(a.instanceName), a.instanceMap.get(b.instanceName)]
  return here?.kind === 'tcp' && there?.kind === 'tcp' && here.host !== there.host
}

const media = ([main, ...workers]: readonly Process[]): readonly Problem[] => {
  const serves = ({ config }: Process) =>
    config.hasMediaRepo && config.listeners.some(({ resources }) => resources.includes('media'))
  return main!.config.hasMediaRepo || workers.some(serves)
    ? []
    : [
        problem(
          'warning',
          'enable_media_repo',
          'false, and no worker has a listener for media: they are answered 404',
          main!.placeOf('enable_media_repo'),
        ),
      ]
}
