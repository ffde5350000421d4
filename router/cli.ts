/** The commands of `router` and their flags. What they do is handed in by `main.ts`; nothing here listens or connects. */

import { writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { didYouMean } from '../shared/config/did-you-mean.ts'
import { formatProblem, type Problem } from '../shared/config/problem.ts'
import { readConfigFiles, readWorkerFiles } from '../shared/synapse-config/sources.ts'
import { checkConfig } from './config/check.ts'
import { importSynapse } from './config/import.ts'
import { loadConfig } from './config/load.ts'
import { effectiveRules, type RoutingTables } from './config/tables.ts'
import type { RouterConfig } from './config/types.ts'
import { parseSynapseVersion } from './config/values.ts'
import { type Decide, explanation, parseHeader, parseRequestLine, printExplanation } from './explain.ts'
import { printTable, tableAsData } from './routes-table.ts'

export interface RunOptions {
  /** The path of `routes.yaml`. */
  readonly routes: string
}

export interface CliDeps {
  readonly version: string
  readonly tables: RoutingTables
  readonly decide: Decide
  /** Runs the router until it is told to stop; resolves to the exit status. */
  readonly run: (options: RunOptions) => Promise<number>
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** May this process listen on ports below 1024? */
  readonly privileged: boolean
}

const COMMANDS = ['check', 'explain', 'table', 'import', 'help'] as const

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

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value]
const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`
const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`

const listener = (text: string): number => {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('Expected the position in listen, from 0.')
  return Number(text)
}
const clientAddress = (text: string): string => {
  if (isIP(text) === 0) throw new InvalidArgumentError('Expected an IPv4 or IPv6 address.')
  return text
}
const version = (text: string): RouterConfig['synapse'] => {
  const parsed = parseSynapseVersion(text)
  if ('value' in parsed) return parsed.value
  throw new InvalidArgumentError("Expected a Synapse release such as '1.163', or auto.")
}

const makeProgram = (deps: CliDeps, exit: (status: number) => void): Command => {
  const { tables, out, err } = deps
  const tell = (problems: readonly Problem[]) => {
    for (const problem of problems) err(`${formatProblem(problem)}\n`)
  }

  /** The configuration, or undefined after its errors were told. */
  const load = (file: string): RouterConfig | undefined => {
    const { config, problems } = loadConfig(file, undefined, tables)
    if (config) return config
    const errors = problems.filter(({ severity }) => severity === 'error')
    tell(errors)
    err(`${count(errors.length, 'error')} in ${file}\n`)
    exit(1)
    return undefined
  }

  const program = new Command('router')
    .description('Routes Matrix requests to the processes of a homeserver, in the place of nginx.')
    .version(deps.version, '-V, --version')
    .option('-r, --routes <file>', 'the configuration', 'routes.yaml')
    .argument('[command]')
    .helpCommand('help [command]', 'the same help')
    .usage('[--routes FILE] [command]')
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })
    .configureHelp({ showGlobalOptions: true, visibleArguments: () => [] })
    .showHelpAfterError('(router --help shows what there is)')
    .addHelpText(
      'after',
      examples(
        'router --routes routes.yaml',
        'router check --strict',
        "router explain 'PUT /_matrix/client/v3/rooms/!a:example.org/send/m.room.message/1'",
        "router import --homeserver homeserver.yaml --workers 'workers/*.yaml' > routes.yaml",
      ),
    )
    .action(async (unknown: string | undefined, options: { readonly routes: string }, command: Command) => {
      if (unknown !== undefined) {
        const meant = didYouMean(unknown, COMMANDS)
        command.error(`error: unknown command '${unknown}'${meant ? `\n(Did you mean ${meant}?)` : ''}`)
      }
      exit(await deps.run(options))
    })

  program
    .command('check')
    .description('Say all that is wrong or doubtful in the configuration. Exit status 1 on errors.')
    .option('--strict', 'warnings fail too')
    .addHelpText('after', examples('router check --routes /etc/router/routes.yaml', 'router check --strict   # for CI'))
    .action((_: unknown, command: Command) => {
      const { routes, strict } = command.optsWithGlobals<{ routes: string; strict?: true }>()
      const { config, problems, placeOf } = loadConfig(routes, undefined, tables)
      const all = [...problems, ...(config ? checkConfig(config, tables, deps) : [])].map(
        (problem): Problem => ({ place: placeOf(problem.path), ...problem }),
      )
      tell(all)
      const errors = all.filter(({ severity }) => severity === 'error').length
      const warnings = all.length - errors
      err(
        `${routes}: ${all.length === 0 ? 'nothing wrong' : `${count(errors, 'error')}, ${count(warnings, 'warning')}`}\n`,
      )
      exit(errors > 0 || (strict && warnings > 0) ? 1 : 0)
    })

  program
    .command('explain')
    .description('Say where a request would go, and why. Tokens are not printed.')
    .argument('<request>', "method and path, as in 'GET /_matrix/client/v3/sync?since=s1'")
    .option('-H, --header <header>', 'a request header, as in curl; may be repeated', collect)
    .option('--listener <n>', 'the position in listen of the listener it arrives at', listener, 0)
    .option('--client <address>', 'the address that it comes from', clientAddress, '192.0.2.1')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples(
        "router explain 'PUT /_matrix/client/v3/rooms/!a:example.org/typing/@u:example.org'",
        "router explain -H 'Authorization: Bearer syt_YWxpY2U_x_y' 'GET /_matrix/client/v3/sync?since=s1'",
      ),
    )
    .action((line: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<{
        routes: string
        header?: readonly string[]
        listener: number
        client: string
        json?: true
      }>()
      const request = parseRequestLine(line)
      if (typeof request === 'string') return command.error(`error: ${request}`)
      const headers = (options.header ?? []).map((text) => {
        const header = parseHeader(text)
        return 'mistake' in header ? command.error(`error: ${header.mistake}`) : header
      })
      const config = load(options.routes)
      if (!config) return
      if (options.listener >= config.listen.length)
        return command.error(`error: --listener ${options.listener}: there are ${config.listen.length}, the first is 0`)
      const asked = { ...request, headers, listener: options.listener, clientIp: options.client }
      const told = explanation(config, asked, deps.decide(config, effectiveRules(config, tables), asked))
      out(options.json ? `${JSON.stringify(told, null, 2)}\n` : printExplanation(told))
    })

  program
    .command('table')
    .description('Print the routes in force, in the order in which they are tried.')
    .option('--json', 'as JSON')
    .addOption(new Option('--synapse <release>', 'as if the configuration said so').argParser(version))
    .option('--mas', 'as if the configuration said so')
    .addHelpText('after', examples('router table', 'router table --synapse 1.120 | grep receipt'))
    .action((_: unknown, command: Command) => {
      const options = command.optsWithGlobals<{
        routes: string
        json?: true
        synapse?: RouterConfig['synapse']
        mas?: true
      }>()
      const config = load(options.routes)
      if (!config) return
      const rules = effectiveRules(
        { ...config, synapse: options.synapse ?? config.synapse, mas: options.mas ?? config.mas },
        tables,
      )
      out(options.json ? `${JSON.stringify(tableAsData(rules), null, 2)}\n` : printTable(rules))
    })

  program
    .command('import')
    .description("Write a configuration from Synapse's own files.")
    .requiredOption(
      '-c, --homeserver <file>',
      'homeserver.yaml, or a folder of such files; may be repeated, later files win',
      collect,
    )
    .option(
      '-w, --workers <pattern>',
      "the workers' files: a folder or a quoted glob pattern; may be repeated",
      collect,
    )
    .option('-o, --output <file>', 'write here in place of standard output')
    .option('-f, --force', 'overwrite the output file')
    .addHelpText(
      'after',
      examples(
        "router import --homeserver homeserver.yaml --workers 'workers/*.yaml' > routes.yaml",
        "router import -c homeserver.yaml -c conf.d -w 'workers/*.yaml' -o routes.yaml",
      ),
    )
    .action(
      (
        options: { homeserver: readonly string[]; workers?: readonly string[]; output?: string; force?: true },
        command: Command,
      ) => {
        const workers = readWorkerFiles(options.workers ?? [])
        if (typeof workers === 'string') return command.error(`error: ${workers}`)
        const shared = readConfigFiles(options.homeserver)
        if (typeof shared === 'string') return command.error(`error: ${shared}`)
        const { text, problems } = importSynapse(shared, workers)
        tell(problems)
        if (text === undefined) return exit(1)
        if (options.output === undefined) return out(text)
        try {
          writeFileSync(options.output, text, { flag: options.force ? 'w' : 'wx' })
        } catch (error) {
          const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
          return command.error(
            `error: ${options.output}: ${exists ? 'is there already; --force overwrites it' : (error as Error).message}`,
          )
        }
        err(`${options.output} written; router check --routes ${options.output} says what to look at\n`)
      },
    )

  for (const command of program.commands)
    command.exitOverride().configureOutput({ writeOut: out, writeErr: err }).configureHelp({ showGlobalOptions: true })
  return program
}
