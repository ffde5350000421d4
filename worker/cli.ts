/** The commands of `worker` and their flags. */

import { Command, CommanderError, Option } from 'commander'
import { didYouMean } from '../shared/config/did-you-mean.ts'
import { formatProblem, type Problem } from '../shared/config/problem.ts'
import { readConfigFiles, readWorkerFiles } from '../shared/synapse-config/sources.ts'
import { checkDeployment } from './config/check.ts'
import { readSources, type Surroundings } from './config/read.ts'
import { describeRole, roleOf } from './config/role.ts'
import { tryListeners } from './config/try-listen.ts'

export interface CliDeps {
  readonly version: string
  readonly surroundings: Surroundings
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

const COMMANDS = ['check', 'help'] as const

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
    .action((unknown: string | undefined, options: Parameters<typeof pathsOf>[0], command: Command) => {
      if (unknown !== undefined) {
        const meant = didYouMean(unknown, COMMANDS)
        command.error(`error: unknown command '${unknown}'${meant ? `\n(Did you mean ${meant}?)` : ''}`)
      }
      const { config, problems } = readSources(sourcesOf(command, options), surroundings)
      tell(problems)
      if (config) err(`${config.instanceName} cannot be started yet: it serves nothing so far. worker check works.\n`)
      exit(1)
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

  for (const command of [program, ...program.commands])
    command
      .exitOverride()
      .configureOutput({ writeOut: out, writeErr: err })
      .showHelpAfterError('(worker --help shows what there is)')
  return program
}

const asData = ({ severity, path, message, place }: Problem) => ({
  severity,
  ...(place && { file: place.file, ...(place.line > 0 && { line: place.line, column: place.column }) }),
  key: path,
  message,
})
