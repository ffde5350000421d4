/** The suite built, and run in a network without an outside, where a stand-in for Docker starts homeservers as processes. */

import { spawn, spawnSync } from 'node:child_process'
import { createWriteStream, existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { findPostgres } from '../../fleet/postgres-programs.ts'
import { programPath } from '../servers.ts'
import { readResult, type TestResult } from './results.ts'

/** Answers the few requests to Docker that the suite makes. It is no part of this repository. */
const docklet = fileURLToPath(new URL('../../../shared/complement/docklet.py', import.meta.url))

const PROGRAMS = [
  ['go', 'the suite is written in Go'],
  ['unshare', 'util-linux: a namespace for the homeservers'],
  ['ip', 'iproute2: their network'],
  ['openssl', 'their certificates'],
  ['python3', 'the stand-in for Docker is written in Python'],
] as const

const goProgram = (): string | undefined =>
  programPath('go') ?? (existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : undefined)

/** What keeps the suite from running here, a sentence each. */
export const whatIsMissing = (suite: string, packageName: string): readonly string[] => {
  const missing: string[] = []
  const module = join(suite, 'go.mod')
  if (!existsSync(module) || !/^module \S*\/complement$/m.test(readFileSync(module, 'utf8')))
    missing.push(`${suite} is no checkout of the Complement suite`)
  else if (!existsSync(join(suite, 'tests', packageName))) missing.push(`the suite has no package tests/${packageName}`)
  for (const [program, why] of PROGRAMS)
    if ((program === 'go' ? goProgram() : programPath(program)) === undefined)
      missing.push(`${program} is not installed (${why})`)
  try {
    findPostgres(tmpdir())
  } catch (error) {
    missing.push((error as Error).message)
  }
  if (!existsSync(docklet)) missing.push(`the stand-in for Docker is not there: ${docklet}`)
  if (process.getuid?.() !== 0) missing.push('only root may make the namespaces that the homeservers run in')
  return missing
}

export interface BuiltSuite extends AsyncDisposable {
  /** The test program. */
  readonly program: string
  /** Where it has to be run. */
  readonly cwd: string
  /** Gone when it is disposed. */
  readonly scratch: string
}

/** Rejects with what the compiler said. */
export const buildSuite = async (suite: string, packageName: string): Promise<BuiltSuite> => {
  const scratch = await mkdtemp(join(tmpdir(), 'cmpl-'))
  const dispose = () => rm(scratch, { recursive: true, force: true, maxRetries: 3 })
  const program = join(scratch, 'suite.test')
  const built = spawnSync(goProgram()!, ['test', '-c', '-o', program, `./tests/${packageName}`], {
    cwd: suite,
    encoding: 'utf8',
  })
  if (built.status !== 0) {
    await dispose()
    throw new Error(`the suite cannot be built:\n${built.stderr}`)
  }
  return { program, cwd: join(suite, 'tests', packageName), scratch, [Symbol.asyncDispose]: dispose }
}

export interface RunOptions {
  /** The checkout whose fleet is tested. */
  readonly root: string
  /** As Go's `-run` and `-skip`. */
  readonly only?: string | undefined
  readonly skip?: string | undefined
  readonly workers: number
  /** A file for all that is said. */
  readonly log?: string | undefined
}

const TIMEOUT = '60m'
/** Starts the stand-in, waits for its socket, and runs the tests; all ends with it, as it is the first of its namespace. */
const SCRIPT = `
mount -t tmpfs -o size=4m none /run 2>/dev/null || true
python3 "$DOCKLET" --socket "$SCRATCH/docker.sock" --state "$SCRATCH/state" 2>"$SCRATCH/docklet.log" &
for _ in $(seq 100); do [ -S "$SCRATCH/docker.sock" ] && break; sleep 0.1; done
[ -S "$SCRATCH/docker.sock" ] || { cat "$SCRATCH/docklet.log" >&2; exit 1; }
"$@"
`

/** The results of all tests and their subtests, in the order of their ends. Says how each top-level test ended, as it does. */
export const runSuite = async (suite: BuiltSuite, options: RunOptions): Promise<readonly TestResult[]> => {
  const { scratch, program, cwd } = suite
  const { root, only, skip, workers, log } = options
  const flags = [
    // Its own lines are marked, so that nothing that is logged looks like them.
    ...['-test.v=test2json', '-test.count=1', `-test.timeout=${TIMEOUT}`],
    ...(only === undefined ? [] : [`-test.run=${only}`]),
    ...(skip === undefined ? [] : [`-test.skip=${skip}`]),
  ]
  const apart = ['-n', '-m', '-p', '-f', '--kill-child=SIGKILL', '--mount-proc']
  const child = spawn(programPath('unshare')!, [...apart, 'sh', '-c', SCRIPT, 'sh', program, ...flags], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      DOCKLET: docklet,
      SCRATCH: scratch,
      DOCKER_HOST: `unix://${scratch}/docker.sock`,
      COMPLEMENT_BASE_IMAGE: 'homeserver',
      COMPLEMENT_ENABLE_DIRTY_RUNS: '1',
      COMPLEMENT_SPAWN_HS_TIMEOUT_SECS: '60',
      ...(log !== undefined && { COMPLEMENT_ALWAYS_PRINT_SERVER_LOGS: '1' }),
      HS_CMD: `${process.execPath} ${join(root, 'tests/conformance/homeserver.ts')}`,
      HS_WORKERS: String(workers),
      PLEXUS_HANDED_OVER: '1',
    },
  })
  const output = log === undefined ? undefined : createWriteStream(log)
  const results: TestResult[] = []
  const end = new Promise<number | null>((settle) => child.once('close', settle))
  let lastSaid = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output?.write(text)
    lastSaid = (lastSaid + text).slice(-4_000)
  })
  for await (const line of createInterface({ input: child.stdout })) {
    output?.write(`${line}\n`)
    const result = readResult(line)
    if (result === undefined) continue
    results.push(result)
    if (!result.name.includes('/')) console.log(`${result.outcome} ${result.name} (${result.seconds} s)`)
  }
  await end
  output?.end()
  if (results.length === 0) throw new Error(`no test ran:\n${lastSaid}`)
  return results
}
