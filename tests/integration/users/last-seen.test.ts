import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import type { UserIp } from '../../../worker/replication/commands.ts'
import { insertDevice, selectDevice } from '../../../worker/storage/devices.ts'
import { makeLastSeen } from '../../../worker/users/last-seen.ts'
import { inReverse } from '../../harness/in-reverse.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const alice = '@alice:hs.test' as UserId

test('what a process saw is written by the one that writes it, the latest of a device', async (test) => {
  const t = inReverse(test)
  const db = await postgres.db(t)
  await insertDevice(db, alice, 'PHONE', null)
  let now = 1_000_000
  const commands: UserIp[] = []
  const onProblem = (problem: string, cause: unknown) => assert.fail(new Error(problem, { cause }))
  const writer = makeLastSeen({ db, tell: () => assert.fail('it writes itself'), onProblem, now: () => now })
  const other = makeLastSeen({
    db: undefined,
    tell: (command) => void commands.push(command),
    onProblem,
    now: () => now,
  })

  const from = (ip: string) => ({ token: 'syt_x', ip, userAgent: 'agent' })
  other.seen(alice, 'PHONE', from('10.0.0.1'))
  now += 1
  other.seen(alice, 'PHONE', from('10.0.0.1'))
  other.seen(alice, 'PHONE', from('10.0.0.2'))
  assert.equal(commands.length, 2)
  now += 120_000
  other.seen(alice, 'PHONE', from('10.0.0.1'))
  assert.equal(commands.length, 3)

  for (const command of commands) writer.heard(command)
  writer.seen('@nodevice:hs.test' as UserId, undefined, { token: 'syt_y', ip: '::1', userAgent: '' })
  await writer.close()
  const device = await selectDevice(db, alice, 'PHONE')
  assert.deepEqual([device?.lastSeenMs, device?.lastSeenIp, device?.lastSeenUserAgent], [now, '10.0.0.1', 'agent'])
  assert.deepEqual(await db.rows('select user_id, ip, last_seen from user_ips order by ip'), [
    { user_id: alice, ip: '10.0.0.1', last_seen: now },
    { user_id: alice, ip: '10.0.0.2', last_seen: 1_000_001 },
    { user_id: '@nodevice:hs.test', ip: '::1', last_seen: now },
  ])
})
