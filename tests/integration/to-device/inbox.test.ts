/**
 * Messages from device to device, over several processes: each is delivered once to a client that confirms, in the order of
 * its sender, whatever is sent twice, answered to nobody, or asked of another process.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { insertDevice } from '../../../worker/storage/devices.ts'
import type { ToDeviceMessages } from '../../../worker/to-device/inbox.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { makeRandom } from '../../harness/random.ts'
import { user } from '../../harness/room-process.ts'
import { type SyncProcess, startSyncProcesses } from '../../harness/sync-process.ts'

const postgres = await startPostgres()
const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')]

const to = (userId: UserId, devices: Readonly<Record<string, JsonObject>>): ToDeviceMessages =>
  new Map([[userId, new Map(Object.entries(devices))]])

async function world(t: TestContext, options: Parameters<typeof startSyncProcesses>[2] = {}) {
  const db = await postgres.db(t)
  const processes = await startSyncProcesses(t, db, { names: ['master', 'sync1', 'sync2'], ...options })
  for (const [userId, device] of [
    [alice, 'PHONE'],
    [bob, 'PHONE'],
    [bob, 'LAPTOP'],
    [carol, 'PHONE'],
  ] as const)
    await insertDevice(db, userId, device, null)
  return { db, processes: processes as readonly [SyncProcess, SyncProcess, SyncProcess] }
}

const waiting = async (db: Db) =>
  (await db.rows<{ who: string }>(`select user_id || ' ' || device_id as who from device_inbox order by 1`)).map(
    ({ who }) => who,
  )

test('to a device, to all of a user, to nobody that there is', async (t) => {
  const { db, processes } = await world(t)
  const [master, sync1] = processes
  await sync1.inbox.send(alice, 'm.one', to(bob, { PHONE: { n: 1 }, WATCH: { n: 2 } }))
  await master.inbox.send(alice, 'm.every', to(bob, { '*': { n: 3 } }))
  // Beside others it is a name that no device has.
  await master.inbox.send(alice, 'm.none', to(bob, { '*': { n: 4 }, WATCH: { n: 5 } }))
  await master.inbox.send(alice, 'm.nul', to(bob, { 'W\0': { n: 6 } }))
  await db.run(`insert into devices (user_id, device_id, hidden) values ($1, 'a key', true)`, [bob])
  await master.inbox.send(alice, 'm.every', to(bob, { '*': { n: 7 }, 'a key': {} }))
  assert.deepEqual(await waiting(db), [`${bob} LAPTOP`, `${bob} PHONE`, `${bob} PHONE`])
  await until(sync1, master)
  const { to_device: phone } = await sync1.ask(bob, { deviceId: 'PHONE' })
  assert.deepEqual(phone?.events, [
    { content: { n: 1 }, type: 'm.one', sender: alice },
    { content: { n: 3 }, type: 'm.every', sender: alice },
  ])
  assert.equal((await sync1.ask(bob, { deviceId: 'LAPTOP' })).to_device?.events.length, 1)
  assert.equal((await sync1.ask(alice)).to_device, undefined)
})

const until = (reader: SyncProcess, writer: SyncProcess) => reader.streams.reach(writer.streams.now(), 5_000)

test('numbers go through another process as they were written', async (t) => {
  const { db, processes } = await world(t)
  await processes[1].inbox.send(alice, 'm.big', to(bob, { PHONE: { n: 12345678901234567890n } }))
  const [row] = await db.rows<{ message: string }>('select message_json as message from device_inbox')
  assert.match(row!.message, /"n":12345678901234567890\b/)
})

test('a long poll hears of a message, another device of the same user sleeps on', async (t) => {
  const { processes } = await world(t)
  const [master, sync1] = processes
  const [phone, laptop] = await Promise.all(
    ['PHONE', 'LAPTOP'].map((deviceId) => sync1.ask(bob, { deviceId }).then(({ next_batch }) => next_batch)),
  )
  const polls = [
    sync1.ask(bob, { deviceId: 'PHONE', since: phone!, timeoutMs: 10_000 }),
    sync1.ask(bob, { deviceId: 'LAPTOP', since: laptop!, timeoutMs: 400 }),
  ]
  await new Promise((resolve) => setTimeout(resolve, 50))
  await master.inbox.send(alice, 'm.x', to(bob, { PHONE: {} }))
  assert.equal((await polls[0])!.to_device?.events.length, 1)
  assert.equal((await polls[1])!.to_device, undefined)
})

test('a hundred at once, the rest at once after them; what was fetched is gone', async (t) => {
  const { db, processes } = await world(t)
  const [master, sync1, sync2] = processes
  const { next_batch: start } = await sync1.ask(bob)
  for (let n = 0; n < 230; n++) await master.inbox.send(alice, 'm.x', to(bob, { PHONE: { n } }))
  await Promise.all([until(sync1, master), until(sync2, master)])
  const got: unknown[] = []
  let since = start
  for (const [process, expected] of [
    [sync1, 100],
    [sync2, 100],
    [sync1, 30],
    [sync2, 0],
  ] as const) {
    const answer = await process.ask(bob, { since, timeoutMs: expected === 0 ? 0 : 10_000 })
    assert.equal(answer.to_device?.events.length ?? 0, expected)
    got.push(...(answer.to_device?.events ?? []).map(({ content }) => content.n))
    since = answer.next_batch
  }
  assert.deepEqual(
    got,
    Array.from({ length: 230 }, (_, n) => n),
  )
  assert.deepEqual(await waiting(db), [])
})

test('users of other servers: written down for whoever sends to servers', async (t) => {
  const { db, processes } = await world(t)
  const there = (name: string) => `@${name}:there.test` as UserId
  const messages = new Map([
    ...to(there('dan'), { A: { n: 1 }, B: { n: 2 } }),
    ...to(there('eve'), { '*': { n: 3 } }),
    ...to(bob, { PHONE: { n: 4 } }),
  ])
  const heard: string[] = []
  processes[2].streams.follow('to_device', (rows) => heard.push(...rows.map(({ entity }) => entity)))
  await processes[1].inbox.send(alice, 'm.x', messages, 'txn')
  await processes[2].inbox.send(alice, 'm.x', messages, 'txn')
  const rows = await db.rows<{ destination: string; content: string; instance: string }>(
    `select destination, messages_json as content, instance_name as instance from device_federation_outbox`,
  )
  assert.equal(rows.length, 1)
  assert.equal(rows[0]!.destination, 'there.test')
  assert.equal(rows[0]!.instance, 'master')
  const { message_id: id, ...rest } = JSON.parse(rows[0]!.content) as Record<string, unknown>
  assert.match(id as string, /^[\w-]{16}$/)
  assert.deepEqual(rest, {
    sender: alice,
    type: 'm.x',
    messages: { [there('dan')]: { A: { n: 1 }, B: { n: 2 } }, [there('eve')]: { '*': { n: 3 } } },
    'org.matrix.opentracing_context': '{}',
  })
  await until(processes[2], processes[0])
  assert.deepEqual(heard, [bob, 'there.test'])
})

test('what could not be forgotten is told again to a client that begins anew', async (t) => {
  const { processes } = await world(t)
  const [master] = processes
  await master.inbox.send(alice, 'm.x', to(bob, { PHONE: { n: 1 } }))
  const end = master.streams.current('to_device').stream
  const { upTo } = await master.inbox.messages(bob, 'PHONE', 0, end, 100)
  // It comes back with that, and what it has is not deleted, as Postgres is away.
  await master.inbox.send(alice, 'm.x', to(carol, { PHONE: {} }))
  const later = master.streams.current('to_device').stream
  assert.equal((await master.inbox.messages(bob, 'PHONE', upTo, later, 100)).messages.length, 0)
  assert.equal((await master.inbox.messages(bob, 'PHONE', 0, later, 100)).messages.length, 1)
})

test('a request that came twice at once, on two processes, is done once', async (t) => {
  const { db, processes } = await world(t)
  for (let i = 0; i < 20; i++)
    await Promise.all(
      processes.map((process) => process.inbox.send(alice, 'm.x', to(bob, { PHONE: { i } }), `transaction ${i}`)),
    )
  assert.equal((await waiting(db)).length, 20)
})

/** What a client has: it goes back to what it last asked with when it loses an answer, or its token. */
interface Device {
  readonly userId: UserId
  readonly deviceId: string
  readonly got: string[]
  since: string | undefined
  /** Of `got`, what came before the token that was used last. */
  confirmed: number
}

for (const seed of [1, 2, 3])
  test(`never lost, never twice, in order: seed ${seed}`, async (t) => {
    const random = makeRandom(seed)
    // So few rows in memory that most questions go to the tables.
    const { processes, db } = await world(t, { recentRows: (name) => (name === 'sync2' ? 3 : undefined) })
    const any = () => processes[random.int(processes.length)]!
    const devices: Device[] = (
      [
        [bob, 'PHONE'],
        [bob, 'LAPTOP'],
        [carol, 'PHONE'],
      ] as const
    ).map(([userId, deviceId]) => ({ userId, deviceId, got: [], since: undefined, confirmed: 0 }))
    const sent = new Map<string, string[]>()
    let isOver = false

    const sending = async (sender: UserId) => {
      for (let n = 0; n < 60; n++) {
        const device = devices[random.int(devices.length)]!
        const isEvery = random.int(4) === 0
        const name = `${sender} ${n}`
        const messages = to(device.userId, { [isEvery ? '*' : device.deviceId]: { name } })
        for (const other of devices)
          if (isEvery ? other.userId === device.userId : other === device) {
            const key = `${other.userId} ${other.deviceId}`
            sent.set(key, [...(sent.get(key) ?? []), name])
          }
        const again = random.int(3)
        await any().inbox.send(sender, 'm.x', messages, name)
        for (let i = 0; i < again; i++) await any().inbox.send(sender, 'm.x', messages, name)
      }
    }
    const fetching = async (device: Device) => {
      const { userId, deviceId, got } = device
      let quiet = 0
      while (!isOver || quiet < 3) {
        const timeoutMs = random.int(2) * 20
        const { since } = device
        const answer = await any().ask(userId, { deviceId, timeoutMs, ...(since !== undefined && { since }) })
        // The server has been told that these were had.
        if (since !== undefined) device.confirmed = got.length
        const events = answer.to_device?.events ?? []
        quiet = isOver && events.length === 0 ? quiet + 1 : 0
        const luck = random.int(10)
        if (luck === 0) continue
        got.push(...events.map(({ content }) => content.name as string))
        device.since = answer.next_batch
        if (luck !== 1) continue
        // The token is lost, and with it what was had since it was last used.
        device.since = undefined
        got.length = device.confirmed
      }
    }
    const fetched = Promise.all(devices.map(fetching))
    await Promise.all([alice, bob, carol].map(sending))
    const [master] = processes
    for (const process of processes) assert.ok(await until(process, master))
    isOver = true
    await fetched

    for (const { userId, deviceId, got } of devices) {
      const expected = sent.get(`${userId} ${deviceId}`)!
      assert.deepEqual([...got].sort(), [...expected].sort())
      for (const sender of [alice, bob, carol]) {
        const of = (names: readonly string[]) => names.filter((name) => name.startsWith(`${sender} `))
        assert.deepEqual(of(got), of(expected))
      }
    }
    for (const { userId, deviceId, since } of devices)
      await master.ask(userId, { deviceId, ...(since !== undefined && { since }) })
    assert.deepEqual(await waiting(db), [])
  })
