/** What must hold of rooms in the tables, whoever wrote them: recomputed from the events alone. */

import assert from 'node:assert/strict'
import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import { resolveState } from '../../shared/matrix/state-resolution/resolve.ts'
import { readStored } from '../../worker/rooms/events/read-stored.ts'
import { entriesOf, stateOf, withEntries } from '../../worker/rooms/state-maps.ts'
import { selectCurrentState } from '../../worker/storage/current-state.ts'
import type { Db } from '../../worker/storage/db.ts'
import { selectEvents } from '../../worker/storage/events.ts'
import { selectForwardExtremities } from '../../worker/storage/extremities.ts'
import { selectStateOfGroups } from '../../worker/storage/state-groups.ts'
import { serverName } from './room-process.ts'

const sorted = (state: StateMap): string[] =>
  entriesOf(state)
    .map(({ type, stateKey, eventId }) => JSON.stringify([type, stateKey, eventId]))
    .sort()

export interface CheckedRoom {
  readonly eventIds: readonly EventId[]
  readonly forks: number
  readonly state: StateMap
}

/** Throws where the tables of that room, of local events alone, contradict each other. */
export async function checkRoom(db: Db, roomId: RoomId): Promise<CheckedRoom> {
  const ids = await db.rows<{ id: EventId }>(
    'select event_id as id from events where room_id = $1 order by stream_ordering',
    [roomId],
  )
  const eventIds = ids.map(({ id }) => id)
  const rows = await selectEvents(db, eventIds)
  assert.equal(rows.length, eventIds.length)
  const known = new Map(rows.map((row) => [row.eventId, readStored(row)!.known]))
  const groups = [...new Set([...known.values()].map(({ stateGroup }) => stateGroup!))]
  const stored = Map.groupBy(await selectStateOfGroups(db, groups), ({ group }) => group)
  const version = [...known.values()][0]!.version

  const after = new Map<EventId, StateMap>()
  const ends = new Set<EventId>()
  let forks = 0
  const resolve = (states: readonly StateMap[]): StateMap => {
    const answer = resolveState(version, states, (id) => known.get(id)?.event ?? null)
    assert.ok('state' in answer)
    return answer.state
  }
  for (const id of eventIds) {
    const { event, stateGroup, topologicalOrdering } = known.get(id)!
    assert.equal(event.depth, topologicalOrdering)
    assert.equal(event.depth, Math.max(0, ...event.prevEvents.map((prev) => known.get(prev)!.event.depth)) + 1)
    for (const prev of event.prevEvents) {
      assert.ok(after.has(prev), `${id} follows ${prev}, which comes later`)
      ends.delete(prev)
    }
    if (event.prevEvents.length > 1) forks++
    ends.add(id)
    const before = resolve(event.prevEvents.map((prev) => after.get(prev)!))
    const { type, stateKey } = event
    const own = stateKey === undefined ? before : withEntries(before, [{ type, stateKey, eventId: id }])
    after.set(id, own)
    assert.deepEqual(
      sorted(stateOf(stored.get(stateGroup!) ?? [])),
      sorted(own),
      `state group ${stateGroup} after ${id}`,
    )
  }

  const extremities = await selectForwardExtremities(db, [roomId])
  assert.deepEqual(extremities.map(({ eventId }) => eventId).sort(), [...ends].sort(), 'forward extremities')
  const state = resolve([...ends].map((id) => after.get(id)!))
  assert.deepEqual(sorted(stateOf(await selectCurrentState(db, [roomId]))), sorted(state), 'current state')
  await checkDeltas(db, roomId, state)
  await checkMemberships(db, roomId, state, known)
  await checkLists(db, roomId)
  return { eventIds, forks, state }
}

/** The changes of the current state, one after the other, come to it; each says what was before it. */
async function checkDeltas(db: Db, roomId: RoomId, state: StateMap): Promise<void> {
  const deltas = await db.rows<{ type: string; stateKey: string; eventId: EventId | null; prev: EventId | null }>(
    `select type, state_key as "stateKey", event_id as "eventId", prev_event_id as prev
     from current_state_delta_stream where room_id = $1 order by stream_id`,
    [roomId],
  )
  let followed: StateMap = new Map()
  for (const { type, stateKey, eventId, prev } of deltas) {
    assert.equal(followed.get(type)?.get(stateKey) ?? null, prev, `what ${eventId} replaced`)
    followed = withEntries(followed, [{ type, stateKey, eventId }])
  }
  assert.deepEqual(sorted(followed), sorted(state), 'deltas')
}

async function checkMemberships(
  db: Db,
  roomId: RoomId,
  state: StateMap,
  known: ReadonlyMap<EventId, { readonly event: { readonly content: object }; readonly streamOrdering: number }>,
): Promise<void> {
  const rows = await db.rows<{ userId: string; eventId: EventId; membership: string; at: number }>(
    `select user_id as "userId", event_id as "eventId", membership, event_stream_ordering as at
     from local_current_membership where room_id = $1 order by user_id`,
    [roomId],
  )
  const expected = [...(state.get('m.room.member') ?? [])]
    .filter(([userId]) => userId.endsWith(`:${serverName}`))
    .map(([userId, eventId]) => {
      const { event, streamOrdering } = known.get(eventId)!
      return { userId, eventId, membership: (event.content as { membership: string }).membership, at: streamOrdering }
    })
    .sort((a, b) => (a.userId < b.userId ? -1 : 1))
  assert.deepEqual(rows, expected, 'local_current_membership')
  const [{ count }] = (await db.rows<{ count: number }>(
    `select count(*) as count from current_state_events c left join room_memberships m using (event_id)
     where c.room_id = $1 and c.type = 'm.room.member' and m.membership is distinct from c.membership`,
    [roomId],
  )) as [{ count: number }]
  assert.equal(count, 0, 'memberships')
}

/** The rows that lists of rooms are made of say what the other tables say. */
async function checkLists(db: Db, roomId: RoomId): Promise<void> {
  const [row] = await db.rows<Record<string, unknown>>(
    `select event_stream_ordering as last, bump_stamp as bump, room_name as name, is_encrypted as encrypted
     from sliding_sync_joined_rooms where room_id = $1`,
    [roomId],
  )
  const [expected] = await db.rows<Record<string, unknown>>(
    `select max(stream_ordering) as last, max(stream_ordering) filter (where type in ('m.room.create', 'm.room.message')) as bump,
       (select json::jsonb -> 'content' ->> 'name' from event_json j join current_state_events c using (event_id)
        where c.room_id = $1 and c.type = 'm.room.name' and c.state_key = '') as name,
       exists (select from current_state_events c where c.room_id = $1 and c.type = 'm.room.encryption') as encrypted
     from events where room_id = $1`,
    [roomId],
  )
  assert.deepEqual(row, expected, 'sliding_sync_joined_rooms')
  const snapshots = await db.rows(
    `select user_id, membership_event_id as event_id, membership, event_stream_ordering
     from sliding_sync_membership_snapshots where room_id = $1 and has_known_state order by user_id`,
    [roomId],
  )
  const memberships = await db.rows(
    `select user_id, event_id, membership, event_stream_ordering
     from local_current_membership where room_id = $1 order by user_id`,
    [roomId],
  )
  assert.deepEqual(snapshots, memberships, 'sliding_sync_membership_snapshots')
}
