/** The commands of `worker` and their flags. */

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { didYouMean } from '../shared/config/did-you-mean.ts'
import { formatProblem, type Problem } from '../shared/config/problem.ts'
import { readConfigFiles, readWorkerFiles } from '../shared/synapse-config/sources.ts'
import { checkDeployment } from './config/check.ts'
import { readConfig, readSources, type Surroundings } from './config/read.ts'
import { describeRole, roleOf } from './config/role.ts'
import { tryListeners } from './config/try-listen.ts'

export interface CliDeps {
  readonly version: string
  readonly surroundings: Surroundings
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

const COMMANDS = ['check', 'replication-tail', 'help'] as const
const FORMATS = ['table', 'json', 'lines'] as const

/** Runs the command that `args` (without `node` and the script) name; resolves to the exit status. */
export const runCli = async (args: readonly string[], deps: CliDeps): Promise<number> => {
  let status = 0
  const program = makeProgram(deps, (code) => {
    status = code
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    throw error
  }
}

const count = (n: number, noun: string, nouns = `${noun}s`): string => `${n} ${n === 1 ? noun : nouns}`
const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`

/** Synapse's flags for its files: all three mean the same, and their order counts. */
const configOptions = (command: Command): Command => {
  const paths: string[] = []
  const collect = (path: string) => {
    paths.push(path)
    return paths
  }
  return command
    .option(
      '-c, --config <path>',
      'a configuration file, or a folder of *.yaml; may be repeated, later files win by top-level key',
      collect,
    )
    .addOption(new Option('--config-path <path>', 'the same, as Synapse calls it').argParser(collect))
}
const pathsOf = (options: {
  readonly config?: readonly string[]
  readonly configPath?: readonly string[]
}): readonly string[] => options.config ?? options.configPath ?? []

const makeProgram = (deps: CliDeps, exit: (status: number) => void): Command => {
  const { out, err, surroundings } = deps
  const tell = (problems: readonly Problem[]) => {
    for (const problem of problems) err(`${formatProblem(problem)}\n`)
  }
  const sourcesOf = (command: Command, options: Parameters<typeof pathsOf>[0]) => {
    const paths = pathsOf(options)
    if (paths.length === 0) return command.error('error: no configuration: name homeserver.yaml with --config')
    const sources = readConfigFiles(paths)
    return typeof sources === 'string' ? command.error(`error: ${sources}`) : sources
  }

  const program = configOptions(new Command('worker'))
    .description("A process of a Matrix homeserver: what kind of process, Synapse's own configuration files say.")
    .version(deps.version, '-V, --version')
    .argument('[command]')
    .helpCommand('help [command]', 'the same help')
    .usage('--config homeserver.yaml [--config worker.yaml] | <command>')
    .configureHelp({ visibleArguments: () => [] })
    .addHelpText(
      'after',
      examples(
        'worker check --config homeserver.yaml --config workers/sync1.yaml',
        "worker check --config homeserver.yaml --workers 'workers/*.yaml'",
      ),
    )
    .action(async (unknown: string | undefined, options: Parameters<typeof pathsOf>[0], command: Command) => {
      if (unknown !== undefined) {
        const meant = didYouMean(unknown, COMMANDS)
        command.error(`error: unknown command '${unknown}'${meant ? `\n(Did you mean ${meant}?)` : ''}`)
      }
      sourcesOf(command, options)
      // Only here: what the other commands do needs neither the database nor a server.
      const { runWorker } = await import('./run.ts')
      exit(
        await runWorker({
          read: () => readConfig(pathsOf(options), surroundings),
          version: deps.version,
          err,
        }),
      )
    })

  configOptions(program.command('check'))
    .description(
      'Say before anything starts what is wrong in the configuration of a process or of a whole deployment, and what of it is not supported. Exit status 1 on errors.',
    )
    .option(
      '-w, --workers <pattern>',
      "the workers' own files, to judge the deployment: a folder or a quoted glob pattern; may be repeated",
      (pattern: string, before: readonly string[] | undefined) => [...(before ?? []), pattern],
    )
    .option('--strict', 'warnings fail too')
    .option('--listen', 'try whether the listeners can be opened: not while the processes run')
    .option('--roles', 'say what each process is for')
    .option('--json', 'what is wrong, as JSON on standard output')
    .addHelpText(
      'after',
      examples(
        'worker check -c /etc/matrix-synapse/homeserver.yaml -c /etc/matrix-synapse/conf.d',
        "worker check -c homeserver.yaml -w 'workers/*.yaml' --strict   # for CI",
      ),
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.opts<{
        config?: readonly string[]
        configPath?: readonly string[]
        workers?: readonly string[]
        strict?: true
        listen?: true
        roles?: true
        json?: true
      }>()
      // Before the command's name the flag is the program's.
      const shared = sourcesOf(command, pathsOf(options).length > 0 ? options : program.opts())
      const workers = readWorkerFiles(options.workers ?? [])
      if (typeof workers === 'string') return command.error(`error: ${workers}`)
      const { problems, processes } = checkDeployment(shared, workers, surroundings)
      const all = [...problems]
      if (options.listen) for (const process of processes) all.push(...(await tryListeners(process)))

      const errors = all.filter(({ severity }) => severity === 'error').length
      const warnings = all.filter(({ severity }) => severity === 'warning').length
      if (options.json) out(`${JSON.stringify(all.map(asData), null, 2)}\n`)
      else tell(all)
      if (options.roles) for (const { config } of processes) err(`${describeRole(config, roleOf(config))}\n`)
      const what = processes.length > 1 ? count(processes.length, 'process', 'processes') : shared.at(-1)!.file
      err(
        `${what}: ${errors + warnings === 0 ? 'nothing wrong' : `${count(errors, 'error')}, ${count(warnings, 'warning')}`}\n`,
      )
      exit(errors > 0 || (options.strict && warnings > 0) ? 1 : 0)
    })

  configOptions(program.command('replication-tail'))
    .description(
      "Follow the bus of a running server, Synapse's or Plexus', and print where each stream's writers are and how far one is behind. It asks for positions and changes nothing. Exit status 1 if it hears nothing.",
    )
    .option('--once', 'print once and end')
    .addOption(new Option('--format <format>', 'lines: what is said, as it comes').choices(FORMATS).default('table'))
    .option('--interval <seconds>', 'between tables', seconds, 5)
    .option('--stream <name...>', 'only these streams')
    .addHelpText(
      'after',
      examples(
        'worker replication-tail -c /etc/matrix-synapse/homeserver.yaml --once',
        'worker replication-tail -c homeserver.yaml --format lines --stream events',
      ),
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.opts<{
        config?: readonly string[]
        configPath?: readonly string[]
        once?: true
        format: (typeof FORMATS)[number]
        interval: number
        stream?: readonly string[]
      }>()
      const { config, problems } = readSources(
        sourcesOf(command, pathsOf(options).length > 0 ? options : program.opts()),
        surroundings,
      )
      if (config === undefined) {
        tell(problems)
        return exit(1)
      }
      const { redis, serverName } = config
      if (redis === undefined)
        return command.error('error: redis is not enabled in this configuration: there is no bus')
      const stop = new AbortController()
      const abort = () => stop.abort()
      process.once('SIGINT', abort)
      process.once('SIGTERM', abort)
      // Only here: what else the program does needs no Redis client.
      const [{ connectRedisBus }, { replicationTail }] = await Promise.all([
        import('./replication/redis-bus.ts'),
        import('./replication/tail.ts'),
      ])
      const heard = await replicationTail({
        connect: (handlers) => connectRedisBus({ redis, serverName }, handlers),
        print: (line) => out(`${line}\n`),
        problem: (line) => err(`${line}\n`),
        format: options.format,
        intervalMs: options.interval * 1000,
        ...(options.stream && { streams: options.stream }),
        once: options.once ?? false,
        signal: stop.signal,
      })
      process.removeListener('SIGINT', abort)
      process.removeListener('SIGTERM', abort)
      if (!heard) err('Nothing was heard on the bus. Do the processes run, and on this Redis?\n')
      exit(heard ? 0 : 1)
    })

  for (const command of [program, ...program.commands])
    command
      .exitOverride()
      .configureOutput({ writeOut: out, writeErr: err })
      .showHelpAfterError('(worker --help shows what there is)')
  return program
}

const seconds = (text: string): number => {
  const value = Number(text)
  if (!(value >= 0.1 && value <= 3600)) throw new InvalidArgumentError('Expected seconds, from 0.1 to 3600.')
  return value
}

const asData = ({ severity, path, message, place }: Problem) => ({
  severity,
  ...(place && { file: place.file, ...(place.line > 0 && { line: place.line, column: place.column }) }),
  key: path,
  message,
})
