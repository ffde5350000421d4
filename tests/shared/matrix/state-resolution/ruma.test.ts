/** Ruma's scenarios (MIT, crate `ruma-state-res`): its fixtures, read where they are to be had, and its results. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomEvent } from '../../../../shared/matrix/events/event.ts'
import type { EventId, RoomId, UserId } from '../../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../../shared/matrix/json/value.ts'
import { type RoomVersion, roomVersion } from '../../../../shared/matrix/room-version.ts'
import type { StateMap } from '../../../../shared/matrix/state-map.ts'
import { resolveState } from '../../../../shared/matrix/state-resolution/resolve.ts'
import { readRumaCrate } from './ruma-crate.ts'
import { emptyState, flat, withEvent } from './test-room.ts'

interface Pdu {
  readonly event_id: EventId
  readonly room_id?: RoomId
  readonly sender: UserId
  readonly type: string
  readonly content: JsonObject
  readonly state_key: string
  readonly origin_server_ts: number
  readonly prev_events: readonly EventId[]
  readonly auth_events: readonly EventId[]
}

const folder = 'tests/it/resolve'
const crate = readRumaCrate()
const skip = crate === undefined && 'the crate ruma-state-res is not in cargo’s cache and cannot be fetched'
const read = (path: string): string => crate?.get(`${folder}/${path}`) ?? assert.fail(`${path} is not in the crate`)
const follows = ['synapse', 'specification'] as const

/** Name of the snapshot → the batches of events, in the order in which they came. */
const batches = {
  minimal_private_chat: ['bootstrap-private-chat'],
  minimal_public_chat: ['bootstrap-public-chat'],
  origin_server_ts_tiebreak: ['bootstrap-private-chat', 'origin-server-ts-tiebreak'],
  ban_vs_power_levels: ['bootstrap-public-chat', 'ban-vs-power-levels-alice', 'ban-vs-power-levels-bob'],
  topic_vs_power_levels: ['bootstrap-public-chat', 'topic-vs-power-levels-alice', 'topic-vs-power-levels-bob'],
  power_levels_admin_vs_mod: [
    'bootstrap-public-chat',
    'power-levels-admin-vs-mod-alice',
    'power-levels-admin-vs-mod-bob',
  ],
  topic_vs_ban: ['bootstrap-public-chat', 'topic-vs-ban-common', 'topic-vs-ban-alice', 'topic-vs-ban-bob'],
  join_rules_vs_join: [
    'bootstrap-public-chat',
    'join-rules-vs-join-common',
    'join-rules-vs-join-alice',
    'join-rules-vs-join-ella',
  ],
  concurrent_joins: ['bootstrap-public-chat', 'concurrent-joins-charlie', 'concurrent-joins-ella'],
}

/** Name of the snapshot → the events, and the states to resolve. */
const problems = {
  msc4297_problem_a_state_res_v2_0: ['MSC4297-problem-A', 'pdus-v11', 'state-bob', 'state-charlie'],
  msc4297_problem_a_state_res_v2_1: ['MSC4297-problem-A', 'pdus-v12', 'state-bob', 'state-charlie'],
  msc4297_problem_b_state_res_v2_0: ['MSC4297-problem-B', 'pdus-v11', 'state-eve', 'state-zara'],
  msc4297_problem_b_state_res_v2_1: ['MSC4297-problem-B', 'pdus-v12', 'state-eve', 'state-zara'],
} as const

function readEvents(files: readonly string[]): [ReadonlyMap<EventId, RoomEvent>, RoomVersion] {
  const pdus = files.flatMap((file) => JSON.parse(read(`fixtures/${file}.json`)) as Pdu[])
  const version =
    roomVersion(String(pdus[0]!.content.room_version)) ?? assert.fail('the first event is no create event')
  const events = pdus.map((pdu, at): RoomEvent => {
    return {
      eventId: pdu.event_id,
      roomId: pdu.room_id ?? (`!${pdus[0]!.event_id.slice(1)}` as RoomId),
      type: pdu.type,
      stateKey: pdu.state_key,
      sender: pdu.sender,
      content: pdu.content,
      originServerTs: pdu.origin_server_ts,
      depth: at,
      prevEvents: pdu.prev_events,
      authEvents: pdu.auth_events,
      redacts: undefined,
      json: {},
    }
  })
  return [new Map(events.map((event) => [event.eventId, event])), version]
}

/** A state for each event, as nobody says which belong together. */
const alone = (event: RoomEvent): StateMap => withEvent(emptyState, event)

function readSnapshot(name: string): Record<string, string> {
  const json = read(`snapshots/${name}@resolved_state.snap`).replace(/^---\n.*?\n---\n/s, '')
  const events = JSON.parse(json) as Pick<Pdu, 'type' | 'state_key' | 'event_id'>[]
  return Object.fromEntries(events.map((event) => [`${event.type}|${event.state_key}`, event.event_id] as const).sort())
}

for (const follow of follows) {
  for (const [name, files] of Object.entries(batches)) {
    test(`ruma's ${name}, as ${follow} has it`, { skip }, () => {
      const [events, version] = readEvents(files)
      const resolve = (sets: readonly StateMap[]): StateMap => {
        const result = resolveState(version, sets, (id) => events.get(id), { follow })
        return 'state' in result ? result.state : assert.fail(`missing: ${result.missing.join(' ')}`)
      }
      // All at once, batch by batch, and along the graph of prev_events.
      const atOnce = resolve([...events.values()].map(alone))
      assert.deepEqual(flat(atOnce), readSnapshot(name))
      let state: StateMap | undefined
      for (const batch of batchesOf(events, files)) {
        state = resolve([...(state === undefined ? [] : [state]), ...batch.map(alone)])
      }
      assert.deepEqual(flat(state!), readSnapshot(name))
      assert.deepEqual(flat(resolve(statesOfHeads(events, resolve))), readSnapshot(name))
    })
  }

  for (const [name, [problem, pdus, ...states]] of Object.entries(problems)) {
    test(`ruma's ${name}, as ${follow} has it`, { skip }, () => {
      const [events, version] = readEvents([`${problem}/${pdus}`])
      const sets = states.map((state) =>
        (JSON.parse(read(`fixtures/${problem}/${state}.json`)) as EventId[]).reduce(
          (on, id) => withEvent(on, events.get(id)!),
          emptyState,
        ),
      )
      const result = resolveState(version, sets, (id) => events.get(id), { follow })
      assert.deepEqual('state' in result && flat(result.state), readSnapshot(name))
    })
  }
}

/** The events file by file. */
const batchesOf = (events: ReadonlyMap<EventId, RoomEvent>, files: readonly string[]): RoomEvent[][] =>
  files.map((file) => (JSON.parse(read(`fixtures/${file}.json`)) as Pdu[]).map((pdu) => events.get(pdu.event_id)!))

/** The states after the events that no other follows. */
function statesOfHeads(
  events: ReadonlyMap<EventId, RoomEvent>,
  resolve: (sets: readonly StateMap[]) => StateMap,
): StateMap[] {
  const after = new Map<EventId, StateMap>()
  const stateAfter = (event: RoomEvent): StateMap => {
    const known = after.get(event.eventId)
    if (known !== undefined) return known
    const before = resolve(event.prevEvents.map((id) => stateAfter(events.get(id)!)))
    // What is not allowed on the state before it does not change it: the event is judged by resolving both.
    const state = resolve([before, withEvent(before, event)])
    after.set(event.eventId, state)
    return state
  }
  const followed = new Set([...events.values()].flatMap(({ prevEvents }) => prevEvents))
  return [...events.values()].filter(({ eventId }) => !followed.has(eventId)).map(stateAfter)
}
