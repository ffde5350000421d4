/** A process that serves accounts and profiles alone, without rooms, on a database of its test. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { readConfig } from '../../worker/config/read.ts'
import type { WorkerConfig } from '../../worker/config/types.ts'
import { type Accounts, makeAccounts } from '../../worker/services/accounts.ts'
import { makeProfileServices } from '../../worker/services/profiles.ts'
import type { Db } from '../../worker/storage/db.ts'
import type { OpenStreams } from '../../worker/streams/make-live-streams.ts'
import { deviceChangesOf } from './device-changes.ts'
import { serveTest, type TestServer } from './http-worker.ts'
import { openStreams } from './live-streams.ts'

/** As `synapse.ts` has it for the other side of a comparison. */
const comparable = {
  server_name: 'hs.test',
  public_baseurl: 'https://hs.test/',
  macaroon_secret_key: 'm',
  form_secret: 'f',
  report_stats: false,
  trusted_key_servers: [],
  enable_registration: true,
  enable_registration_without_verification: true,
}

/** Of a homeserver.yaml that has these settings besides what every comparison has. */
export function configWith(t: TestContext, settings: object = {}): WorkerConfig {
  const folder = mkdtempSync(join(tmpdir(), 'config-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'homeserver.yaml')
  writeFileSync(
    file,
    JSON.stringify({
      ...comparable,
      database: { name: 'psycopg2', args: { database: 'not-used' } },
      signing_key_path: join(folder, 'signing.key'),
      ...settings,
    }),
  )
  const { config, problems } = readConfig([file])
  if (config === undefined) throw new Error(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
  return config
}

export interface AccountsServer extends TestServer {
  readonly accounts: Accounts
  readonly streams: OpenStreams
}

export async function serveAccounts(
  t: TestContext,
  db: Db,
  settings: object = {},
  { instance = 'master' }: { readonly instance?: string } = {},
): Promise<AccountsServer> {
  const config = configWith(t, settings)
  const streams = await openStreams(t, db, { instance })
  const { caches } = streams
  const onProblem = (problem: string, error?: unknown): never => {
    throw new Error(problem, { cause: error })
  }
  const accounts = makeAccounts({
    config,
    db,
    caches,
    devices: deviceChangesOf(db, streams),
    pushers: { removeOfDevices: async () => {} },
    tell: () => undefined,
    onProblem,
  })
  t.after(accounts.close)
  const profiles = makeProfileServices({
    config,
    db,
    appservices: accounts.appservices,
    caches,
    memberships: { ofUser: async () => new Map(), isJoined: async () => false },
    sender: { send: () => Promise.reject(new Error('there are no rooms')) },
    onProblem,
  })
  t.after(profiles.close)
  const server = await serveTest(t, [...accounts.operations, ...profiles.operations], {
    requesters: accounts.requesters,
    maxBodyBytes: 12_500_000,
  })
  return { ...server, accounts, streams }
}
