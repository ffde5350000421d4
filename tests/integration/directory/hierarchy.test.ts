/** Spaces at random, with circles and rooms that not everybody may see: pages are what a plain walk gives, for few statements. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '../../../shared/matrix/ids.ts'
import { makeHierarchy } from '../../../worker/directory/hierarchy.ts'
import { makeRoomEntries } from '../../../worker/directory/room-entries.ts'
import { makeSummariseRoom } from '../../../worker/directory/room-summary.ts'
import { makeMemberships } from '../../../worker/rooms/memberships.ts'
import type { Observer } from '../../../worker/storage/observer.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { makeRandom } from '../../harness/random.ts'
import { serverName, user } from '../../harness/room-process.ts'
import { roomRequests } from '../../harness/room-requests.ts'

const postgres = await startPostgres()
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 1e6))
const ROOMS = 40

interface Room {
  readonly id: RoomId
  readonly isSpace: boolean
  readonly joinRule: string
  /** Of a restricted one. */
  readonly allowed: RoomId | undefined
  /** Bob's. */
  readonly membership: 'join' | 'invite' | 'none'
  readonly children: { readonly id: RoomId; readonly order: string; readonly suggested: boolean }[]
}
type Page = { rooms: readonly { room_id: RoomId; children_state: readonly unknown[] }[]; next_batch?: string }

test(`a hierarchy is what a plain walk finds, in pages of any size (TEST_SEED=${seed})`, async (t) => {
  const random = makeRandom(seed)
  let statements: string[] = []
  const observer: Observer = {
    statement: ({ description }) => void (description !== 'insert stream_positions' && statements.push(description)),
    transaction: () => undefined,
    scheduled: () => undefined,
  }
  const { send, db, streams, events } = await roomRequests(t, {
    ...postgres,
    db: (given) => postgres.db(given, {}, [observer]),
  })
  const rooms: Room[] = []
  for (let i = 0; i < ROOMS; i++) {
    const isSpace = i === 0 || random.oneIn(2)
    const joinRule = i === 0 ? 'public' : random.pick(['public', 'invite', 'knock', 'restricted'])
    const allowed = i === 0 ? undefined : random.pick(rooms).id
    const allow = [{ type: 'm.room_membership', room_id: allowed }]
    const { room_id: id } = await send('alice', 'POST', '/createRoom', {
      name: `room ${i}`,
      creation_content: isSpace ? { type: 'm.space' } : {},
      initial_state: [
        {
          type: 'm.room.join_rules',
          content: joinRule === 'restricted' ? { join_rule: joinRule, allow } : { join_rule: joinRule },
        },
      ],
    })
    const membership = random.pick(['none', 'none', 'invite', 'join'] as const)
    if (membership !== 'none') await send('alice', 'POST', `/rooms/${id}/invite`, { user_id: user('bob') })
    if (membership === 'join') await send('bob', 'POST', `/rooms/${id}/join`, {})
    rooms.push({ id: id as RoomId, isSpace, joinRule, allowed, membership, children: [] })
  }
  const byId = new Map(rooms.map((room) => [room.id, room]))
  for (const room of rooms)
    for (let i = random.int(6); i > 0; i--) {
      const id = random.pick(rooms).id
      if (room.children.some((child) => child.id === id)) continue
      const child = { id, order: `${i}${random.int(10)}`, suggested: random.oneIn(2) }
      room.children.push(child)
      const content = { via: ['x'], order: child.order, suggested: child.suggested }
      await send('alice', 'PUT', `/rooms/${room.id}/state/m.space.child/${encodeURIComponent(id)}`, content)
    }
  for (const { children } of rooms) children.sort((a, b) => (a.order < b.order ? -1 : 1))

  const memberships = makeMemberships({ db, streams, caches: streams.caches, serverName })
  const entries = makeRoomEntries({ db, events, memberships })
  const hierarchy = makeHierarchy({ db, entries, now: Date.now })
  const isSeen = ({ joinRule, allowed, membership }: Room): boolean =>
    joinRule === 'public' ||
    joinRule === 'knock' ||
    membership !== 'none' ||
    (joinRule === 'restricted' && byId.get(allowed!)?.membership === 'join')

  const walk = (suggestedOnly: boolean, maxDepth: number): readonly RoomId[] => {
    const found: RoomId[] = []
    const done = new Set<RoomId>()
    const visit = (id: RoomId, depth: number): void => {
      if (done.has(id)) return
      done.add(id)
      const room = byId.get(id)!
      if (!isSeen(room)) return
      found.push(id)
      if (!room.isSpace || depth >= maxDepth) return
      for (const child of room.children) if (!suggestedOnly || child.suggested) visit(child.id, depth + 1)
    }
    visit(rooms[0]!.id, 0)
    return found
  }

  for (const suggestedOnly of [false, true])
    for (const maxDepth of [undefined, 0, 1, 3])
      for (const limit of [1, 3, 50]) {
        const found: RoomId[] = []
        let from: string | undefined
        do {
          const request = { roomId: rooms[0]!.id, suggestedOnly, maxDepth, limit, from }
          const page = (await hierarchy(user('bob'), request)) as unknown as Page
          assert.ok(page.rooms.length <= limit)
          found.push(...page.rooms.map(({ room_id: id }) => id))
          for (const { room_id: id, children_state: children } of page.rooms) {
            const { isSpace, children: all } = byId.get(id)!
            const shown = isSpace ? all.filter(({ suggested }) => !suggestedOnly || suggested) : []
            assert.equal(children.length, shown.length)
          }
          from = page.next_batch
        } while (from !== undefined)
        assert.deepEqual(
          found,
          walk(suggestedOnly, maxDepth ?? 1_000),
          JSON.stringify({ suggestedOnly, maxDepth, limit }),
        )
      }

  // Whoever is told of a room in a space is told of it by itself too, and of no others.
  const summarise = makeSummariseRoom({ entries, memberships })
  for (const room of rooms) {
    const told = await summarise(user('bob'), room.id, true).then(
      () => true,
      () => false,
    )
    assert.equal(told, isSeen(room))
  }

  const request = { roomId: rooms[0]!.id, suggestedOnly: false, maxDepth: undefined, limit: 50, from: undefined }
  statements = []
  const { rooms: all } = (await hierarchy(user('bob'), request)) as unknown as Page
  // The events are in memory: heads and states, of the root alone, and of rooms where those that come next were not read.
  const spaces = all.filter(({ room_id: id }) => byId.get(id)!.isSpace).length
  assert.ok(
    statements.length <= 2 + 2 * (spaces + 1),
    `${statements.length} for ${all.length} rooms, ${spaces} of them spaces`,
  )
  statements = []
  await summarise(user('bob'), rooms[0]!.id, true)
  assert.equal(statements.length, 2)
})
