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
}

export interface Homeserver extends RunningDeployment {
  readonly redis: RedisServer | undefined
  /** Users of these names, in this order. */
  readonly register: <const T extends readonly string[]>(...names: T) => Promise<{ [K in keyof T]: User }>
}

/** Started, and ended with the test. */
export const homeserver = async (
  t: TestContext,
  postgres: TestPostgres,
  { workers = [], flavour = 'plexus', redis = flavour === 'synapse', settings }: HomeserverOptions = {},
): Promise<Homeserver> => {
  const folder = await mkdtemp(join(tmpdir(), 'hs-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const server = redis ? await startRedis(t) : undefined
  const storage = flavour === 'plexus' ? await postgres.database() : await postgres.emptyDatabase()
  const deployment = await startDeployment({
    folder,
    flavour,
    roles: workers,
    database: { user: storage.user, dbname: storage.database, host: postgres.socketFolder, port: postgres.port },
    redis: server && { host: '127.0.0.1', port: server.port },
    ...(settings && { settings }),
    ...(flavour === 'synapse' && { python: await synapsePython() }),
    atEnd: (work) => t.after(work),
  })
  return {
    ...deployment,
    redis: server,
    async register(...names) {
      const users: User[] = []
      for (const name of names) users.push(await register(deployment.url, name))
      return users as never
    },
  }
}
