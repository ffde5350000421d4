import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  makeStateFollower,
  type StateChange,
  type StateFollowerDeps,
} from '../../../worker/directory/state-follower.ts'
import type { StateDelta } from '../../../worker/storage/state-deltas.ts'
import type { RowsListener } from '../../../worker/streams/live-streams.ts'
import { until } from '../../harness/until.ts'

/** A stream with the changes of a table, and a follower of it that notes what it is given. */
function world(
  t: TestContext,
  { position = 0, more = {} }: { position?: number; more?: Partial<StateFollowerDeps> } = {},
) {
  const deltas: StateDelta[] = []
  const seen: StateChange[] = []
  const saved: number[] = []
  const problems: string[] = []
  let current = 0
  let listener: RowsListener<'events'> | undefined
  const deps: StateFollowerDeps = {
    db: {
      rows: async <Row>(_: string, params: readonly unknown[] = []) => {
        const [from, to, limit] = params as [number, number, number]
        const found = deltas.filter(({ streamId }) => streamId > from && streamId <= to)
        const last = found[limit - 1]?.streamId ?? Number.POSITIVE_INFINITY
        return found.filter(({ streamId }) => streamId <= last) as Row[]
      },
      one: async () => undefined,
      run: async () => 0,
    },
    streams: {
      follow: (_, given) => {
        listener = given as unknown as RowsListener<'events'>
      },
      current: () => ({ stream: current, ahead: new Map() }),
    },
    loadPosition: async () => saved.at(-1) ?? position,
    savePosition: async (reached) => saved.push(reached),
    prepare: async () => undefined,
    handle: async (changes) => void seen.push(...changes),
    onProblem: (problem) => problems.push(problem),
    what: 'the test',
    ...more,
  }
  const follower = makeStateFollower(deps)
  t.after(() => follower.close())
  return {
    follower,
    seen,
    saved,
    problems,
    /** Stored, as by another process that this one has not heard. */
    store: (streamId: number, roomId: string) =>
      void deltas.push({ streamId, roomId, type: 'm.room.name', stateKey: '' } as StateDelta),
    hear: (streamId: number, roomId: string) =>
      listener!([{ kind: 'state', roomId, type: 'm.room.name', stateKey: '', eventId: '$' }], streamId, 'writer'),
    advance: (to: number) => {
      current = to
    },
  }
}
const rooms = (changes: readonly StateChange[]) => changes.map(({ roomId }) => roomId)

test('what was stored since the saved position is handled, once, and the position is saved', async (t) => {
  const { follower, seen, saved, store, advance } = world(t, { position: 2 })
  for (let i = 1; i <= 5; i++) store(i, `!${i}`)
  advance(4)
  follower.start()
  await until(() => saved.length === 1)
  assert.deepEqual(rooms(seen), ['!3', '!4'])
  assert.deepEqual(saved, [4])
})

test('many changes come in batches, those of one position together, and the position is saved after each', async (t) => {
  const { follower, seen, saved, store, advance } = world(t)
  for (let i = 0; i < 1_300; i++) store(Math.floor(i / 3), `!${i}`)
  advance(1_000)
  follower.start()
  await until(() => saved.at(-1) === 1_000)
  // Three of them are at 0, which is behind.
  assert.equal(new Set(rooms(seen)).size, 1_297)
  assert.equal(seen.length, 1_297)
  assert.ok(saved.length >= 3)
})

test('what is heard ahead of the position is handled at once, but its position is not saved', async (t) => {
  const { follower, seen, saved, store, hear, advance } = world(t)
  advance(1)
  follower.start()
  await until(() => saved.length === 1)
  // A writer with a lower ID is not done yet.
  store(5, '!ahead')
  hear(5, '!ahead')
  await until(() => seen.length === 1)
  assert.deepEqual([rooms(seen), saved], [['!ahead'], [1]])
  store(4, '!late')
  advance(5)
  hear(4, '!late')
  await until(() => saved.at(-1) === 5)
  assert.deepEqual(rooms(seen).toSorted(), ['!ahead', '!ahead', '!late'])
})

test('what failed is tried again, with what was heard meanwhile', async (t) => {
  let failures = 1
  const handled: string[] = []
  const { follower, problems, saved, store, hear, advance } = world(t, {
    more: {
      handle: async (changes) => {
        if (failures-- > 0) throw new Error('the database is away')
        handled.push(...rooms(changes))
      },
    },
  })
  store(1, '!stored')
  advance(1)
  follower.start()
  await until(() => problems.length === 1)
  assert.deepEqual(saved, [])
  hear(2, '!heard')
  await until(() => saved.length === 1, 5_000)
  assert.deepEqual(handled, ['!stored', '!heard'])
})

test('a position ahead of the stream, as of a database that was set back, is set back too', async (t) => {
  const { follower, seen, saved, store, hear, advance } = world(t, { position: 100 })
  advance(3)
  follower.start()
  await until(() => follower.position() === 3)
  store(4, '!new')
  advance(4)
  hear(4, '!new')
  await until(() => saved.at(-1) === 4)
  assert.deepEqual(rooms(seen), ['!new'])
})

test('closed, it finishes what is under way and does nothing more', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let calls = 0
  const { follower, saved, store, hear, advance } = world(t, {
    more: {
      handle: async () => {
        calls++
        await promise
      },
    },
  })
  store(1, '!a')
  advance(1)
  follower.start()
  await until(() => calls === 1)
  const closing = follower.close()
  resolve()
  await closing
  assert.deepEqual(saved, [1])
  hear(2, '!b')
  await new Promise((done) => setTimeout(done, 150))
  assert.equal(calls, 1)
})
