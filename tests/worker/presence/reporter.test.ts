import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import { makePresenceReporter } from '../../../worker/presence/reporter.ts'
import type { Command } from '../../../worker/replication/commands.ts'

const alice = '@alice:s' as UserId
const times = { lastActiveGranularityMs: 60_000, syncOnlineTimeoutMs: 30_000, idleTimeoutMs: 300_000 }

function make(t: { after(fn: () => void): void }, { isTracked = true, isAway = false } = {}) {
  let time = 1_000_000
  const said: string[] = []
  const problems: string[] = []
  const state = { isAway, isConnected: true }
  const reporter = makePresenceReporter({
    streams: { writersOf: () => ['presence1'] },
    writer: undefined,
    client: {
      async call(name, { instance, body }) {
        const { state: asked } = body as { state?: { presence: string } }
        said.push(`${instance} ${name} ${asked?.presence ?? ''}`.trim())
        if (state.isAway) throw new Error('away')
        return {}
      },
    },
    send(command: Command) {
      if (state.isConnected)
        said.push(command.name === 'USER_SYNC' ? `USER_SYNC ${command.isSyncing ? 'start' : 'end'}` : command.name)
      return state.isConnected
    },
    times,
    isTracked,
    onProblem: (problem) => void problems.push(problem),
    now: () => time,
    lingerMs: 20,
  })
  t.after(reporter.close)
  return {
    reporter,
    problems,
    state,
    pass: (ms: number) => {
      time += ms
    },
    take: () => said.splice(0),
  }
}

const soon = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms))

test('of many syncs the writer hears of the first and the last, and what they say now and then', async (t) => {
  const { reporter, pass, take } = make(t)
  for (let i = 0; i < 10; i++) {
    const end = reporter.syncing(alice, 'PHONE', 'online')
    const other = reporter.syncing(alice, 'PHONE', 'online')
    end()
    end()
    other()
    await soon()
  }
  assert.deepEqual(take(), ['presence1 presence_set_state online', 'USER_SYNC start'])
  pass(25_000)
  const last = reporter.syncing(alice, 'PHONE', 'online')
  assert.deepEqual(take(), ['presence1 presence_set_state online'])
  await soon()
  reporter.syncing(alice, 'PHONE', 'unavailable')()
  assert.deepEqual(take(), ['presence1 presence_set_state unavailable'])
  last()
  await soon()
  pass(21)
  await soon(30)
  assert.deepEqual(take(), ['USER_SYNC end'])
  // Whoever comes back after that is told anew.
  reporter.syncing(alice, 'PHONE', 'unavailable')()
  assert.deepEqual(take(), ['presence1 presence_set_state unavailable', 'USER_SYNC start'])
})

test('who is very active is told of once in a while', async (t) => {
  const { reporter, pass, take } = make(t)
  for (let i = 0; i < 100; i++) {
    reporter.active(alice, 'PHONE')
    await soon()
  }
  assert.deepEqual(take(), ['presence1 bump_presence_active_time'])
  pass(25_000)
  reporter.active(alice, 'PHONE')
  assert.deepEqual(take(), ['presence1 bump_presence_active_time'])
})

test('while the writer is away nobody waits, and questions do not become more', async (t) => {
  const { reporter, problems, state, take } = make(t, { isAway: true })
  for (let i = 0; i < 5; i++) {
    reporter.syncing(alice, 'PHONE', 'online')()
    await soon(1)
  }
  assert.equal(problems.length, 1)
  state.isAway = false
  await soon(1)
  take()
  reporter.syncing(alice, 'PHONE', 'online')()
  assert.deepEqual(take(), ['presence1 presence_set_state online'])
  await assert.doesNotReject(reporter.set(alice, 'PHONE', 'online', 'x'))
})

test('what is a change while a question runs is asked after it', async (t) => {
  const { reporter, take } = make(t)
  for (const state of ['online', 'unavailable', 'online', 'unavailable'] as const)
    reporter.syncing(alice, 'PHONE', state)()
  assert.deepEqual(take(), ['presence1 presence_set_state online', 'USER_SYNC start'])
  await soon(1)
  assert.deepEqual(take(), ['presence1 presence_set_state unavailable'])
})

test('a bus that was away is told again; a device that is no word on it is left out', async (t) => {
  const { reporter, state, take } = make(t)
  state.isConnected = false
  const end = reporter.syncing(alice, 'PHONE', undefined)
  reporter.syncing(alice, 'two words', undefined)
  assert.deepEqual(take(), [])
  state.isConnected = true
  reporter.connected()
  assert.deepEqual(take(), ['USER_SYNC start'])
  end()
  reporter.close()
  assert.deepEqual(take(), ['CLEAR_USER_SYNC'])
})

test('without tracking nothing is said', async (t) => {
  const { reporter, take } = make(t, { isTracked: false })
  reporter.syncing(alice, 'PHONE', 'online')()
  reporter.active(alice, 'PHONE')
  await reporter.set(alice, 'PHONE', 'online', undefined)
  assert.deepEqual(take(), [])
})
