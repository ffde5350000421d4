/** Users whom the user directory could not take over, as Postgres was away. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerName } from '../../../shared/matrix/ids.ts'
import { makeUserDirectory, type UserDirectoryDeps } from '../../../worker/directory/user-directory.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { openStreams } from '../../harness/live-streams.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()

test('users who changed while Postgres was away are in the directory when it is back', async (t) => {
  const db = await postgres.db(t)
  const streams = await openStreams(t, db)
  let failures = 1
  const unsteady: Db = {
    ...db,
    transaction: (...args) => (failures-- > 0 ? Promise.reject(new Error('away')) : db.transaction(...args)),
  }
  const stale: ((keys: readonly string[] | null) => void)[] = []
  const problems: string[] = []
  const directory = makeUserDirectory({
    db: unsteady,
    streams,
    caches: { on: (_name: string, listener: (typeof stale)[number]) => void stale.push(listener) } as never,
    serverName: 's' as ServerName,
    events: { get: async () => new Map() } as unknown as UserDirectoryDeps['events'],
    isAppserviceUser: () => false,
    now: Date.now,
    onProblem: (problem) => void problems.push(problem),
  })
  t.after(directory.close)
  await db.run(`insert into users (name, creation_ts) values ('@alice:s', 0), ('@bob:s', 0)`)
  stale[0]!(['@alice:s'])
  await until(() => problems.length === 1)
  // Who comes meanwhile waits with her.
  stale[0]!(['@bob:s'])
  const found = async () => (await db.rows('select from user_directory')).length
  assert.equal(await found(), 0)
  await until(async () => (await found()) === 2)
  assert.equal(problems.length, 1)
})
