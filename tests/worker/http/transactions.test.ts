import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeTransactions } from '../../../worker/http/transactions.ts'
import { requesterOf } from '../../harness/http-worker.ts'

const alice = requesterOf('alice')

test('a transaction runs once, for all who ask at the same time and later', async () => {
  const transactions = makeTransactions(() => 0)
  let runs = 0
  let finish = (): void => {}
  const work = async (): Promise<number> => {
    runs++
    await new Promise<void>((resolve) => {
      finish = resolve
    })
    return runs
  }
  const both = [transactions.once('/send/1', alice, work), transactions.once('/send/1', alice, work)]
  await Promise.resolve()
  await Promise.resolve()
  finish()
  assert.deepEqual(await Promise.all(both), [1, 1])
  assert.equal(await transactions.once('/send/1', alice, work), 1)
  assert.equal(runs, 1)
})

test('another path, device, user or appservice is another transaction', async () => {
  const transactions = makeTransactions(() => 0)
  let runs = 0
  const work = async () => ++runs
  for (const requester of [
    alice,
    requesterOf('alice', { deviceId: 'OTHER' }),
    requesterOf('bob'),
    requesterOf('alice', { isGuest: true }),
    requesterOf('alice', { appserviceId: 'irc' }),
    requesterOf('alice', { deviceId: undefined, accessTokenId: 5 }),
  ])
    await transactions.once('/send/1', requester, work)
  await transactions.once('/send/2', alice, work)
  assert.equal(runs, 7)
  await transactions.once('/send/1', requesterOf('ghost', { appserviceId: 'irc' }), work)
  assert.equal(runs, 7, 'users of an appservice share their IDs')
})

test('what failed, also by throwing at once, runs anew', async () => {
  const transactions = makeTransactions(() => 0)
  let runs = 0
  const failing = (): Promise<number> => {
    runs++
    throw new Error('no')
  }
  await assert.rejects(transactions.once('/send/1', alice, failing), /no/)
  await assert.rejects(transactions.once('/send/1', alice, failing), /no/)
  assert.equal(runs, 2)
  assert.equal(transactions.size, 0)
})

test('results are forgotten after half an hour', async () => {
  const clock = { ms: 0 }
  const transactions = makeTransactions(() => clock.ms)
  let runs = 0
  const work = async () => ++runs
  await transactions.once('/send/1', alice, work)
  clock.ms = 30 * 60_000 - 1
  assert.equal(await transactions.once('/send/1', alice, work), 1)
  clock.ms++
  assert.equal(await transactions.once('/send/1', alice, work), 2)
  assert.equal(transactions.size, 1)
})
