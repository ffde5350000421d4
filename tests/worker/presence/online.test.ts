import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { makeOnline, type OnlineDeps } from '../../../worker/presence/online.ts'
import { until } from '../../harness/until.ts'

const alice = '@alice:s' as UserId
const room = '!r:s' as RoomId

test('who comes to a room while their rooms are read is known to be there', async () => {
  const listeners = new Map<string, (rows: readonly object[], position: number, writer: string) => void>()
  const answers: ((rows: readonly object[]) => void)[] = []
  const online = makeOnline({
    db: {
      rows: (_sql: string, [of]: readonly unknown[] = []) =>
        Array.isArray(of) ? new Promise((resolve) => answers.push(resolve)) : Promise.resolve([]),
    },
    streams: {
      follow: (name: string, listener: never) => void listeners.set(name, listener),
      current: () => ({ stream: 1, ahead: new Map() }),
    },
    times: { lastActiveGranularityMs: 1, syncOnlineTimeoutMs: 1, idleTimeoutMs: 1 },
    excludedRooms: new Set(),
    isEnabled: true,
    onProblem(problem: string, error: unknown) {
      throw new Error(problem, { cause: error })
    },
  } as unknown as OnlineDeps)
  await online.ready()
  listeners.get('presence')!([{ userId: alice, state: 'online', lastActiveTs: 1 }], 2, 'master')
  assert.equal(answers.length, 1)
  listeners.get('events')!(
    [
      { kind: 'ev', eventId: '$e', roomId: room, type: 'm.room.member', stateKey: alice, membership: 'join' },
      { kind: 'state', eventId: '$e', roomId: room, type: 'm.room.member', stateKey: alice },
    ],
    1,
    'master',
  )
  // It was read before she came.
  answers[0]!([])
  await until(() => answers.length === 2)
  answers[1]!([{ userId: alice, roomId: room }])
  await until(() => [...online.inRooms([room])].includes(alice))
})
