/**
 * A homeserver for one test: real processes behind the real router, on a real Postgres.
 *
 *     const postgres = await startPostgres()
 *     test('…', async (t) => {
 *       const hs = await homeserver(t, postgres, { workers: ['client', 'sync', 'sync', 'typing'] })
 *       const [alice, bob] = await hs.register('alice', 'bob')
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { synapsePython } from '../synapse/install.ts'
import { type CheckedAnswers, type CheckOptions, checkAnswers } from './checked-answers.ts'
import { type Flavour, type RunningDeployment, startDeployment } from './fleet-processes.ts'
import { register, type User } from './matrix-client.ts'
import type { TestPostgres } from './postgres.ts'
import { type RedisServer, startRedis } from './redis-server.ts'

export interface HomeserverOptions {
  /** Roles beside main, as `planOf` takes them; a router knows from the names what to send whom. */
  readonly workers?: readonly string[]
  /** The bus. Synapse has no other. */
  readonly redis?: boolean
  readonly flavour?: Flavour
  /** Further keys of homeserver.yaml. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** Of {@link checkAnswers}. */
  readonly onProblems?: CheckOptions['onProblems']
}

export interface Homeserver extends RunningDeployment {
  readonly redis: RedisServer | undefined
  /** What was asked of it so far, as the specification names it. */
  readonly called: CheckedAnswers['called']
  /** Users of these names, in this order. */
  readonly register: <const T extends readonly string[]>(...names: T) => Promise<{ [K in keyof T]: User }>
}

const SHOWN = 5
/** The first lines of a log that tell of an error: pino's, Python's. */
const problemsIn = (log: string): readonly string[] =>
  log
    .split('\n')
    .filter((line) => /"level":[56]0|- ERROR -/.test(line))
    .slice(0, SHOWN)
    .map((line) => line.slice(0, 1_500))

const tell = (deployment: RunningDeployment | undefined): void => {
  for (const [name, { log }] of deployment?.processes ?? [])
    for (const line of problemsIn(log())) console.error(`${name}: ${line}`)
}

/** Started, and ended with the test; of one that failed the processes' errors are shown. */
export const homeserver = async (
  t: TestContext,
  postgres: TestPostgres,
  { workers = [], flavour = 'plexus', redis = flavour === 'synapse', settings, onProblems }: HomeserverOptions = {},
): Promise<Homeserver> => {
  const folder = await mkdtemp(join(tmpdir(), 'hs-'))
  const stops: (() => Promise<void>)[] = []
  let deployment: RunningDeployment | undefined
  t.after(async () => {
    if (t.error !== undefined && t.error !== null) tell(deployment)
    for (const stop of stops) await stop()
    if (process.env.TEST_KEEP === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  const server = redis ? await startRedis(t) : undefined
  const storage = flavour === 'plexus' ? await postgres.database() : await postgres.emptyDatabase()
  deployment = await startDeployment({
    folder,
    flavour,
    roles: workers,
    database: { user: storage.user, dbname: storage.database, host: postgres.socketFolder, port: postgres.port },
    redis: server && { host: '127.0.0.1', port: server.port },
    ...(settings && { settings }),
    ...(flavour === 'synapse' && { python: await synapsePython() }),
    atEnd: (work) => stops.push(work),
  })
  const { url } = deployment
  const { called, end } = checkAnswers(
    url,
    flavour === 'synapse' ? { onProblems: () => {} } : onProblems && { onProblems },
  )
  stops.push(async () => end())
  return {
    ...deployment,
    called,
    redis: server,
    async register(...names) {
      const users: User[] = []
      for (const name of names) users.push(await register(url, name))
      return users as never
    },
  }
}
