import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { buildEvent } from '../../../../shared/matrix/events/build.ts'
import type { EventId, RoomId } from '../../../../shared/matrix/ids.ts'
import { JsonFloat } from '../../../../shared/matrix/json/value.ts'
import { type RoomVersionId, roomVersions } from '../../../../shared/matrix/room-version.ts'
import type { NewRoomEvent, PersistRequest } from '../../../../worker/rooms/persist/request.ts'
import { printPersisted, printRequest, readPersisted, readRequest } from '../../../../worker/rooms/persist/wire.ts'
import { pythonWith } from '../../../harness/python.ts'
import { serverName, signingKey, user } from '../../../harness/room-process.ts'

const alice = user('alice')
const roomId = '!room:example.com' as RoomId
const requester = { userId: alice, deviceId: 'PHONE', accessTokenId: 15 }

function request(versionId: RoomVersionId, content: object = { n: 1 }): PersistRequest {
  const version = roomVersions[versionId]
  const author = { server: serverName, key: signingKey, newEventId: '$opaque:example.com' as EventId }
  const prev = { eventId: '$prev:example.com' as EventId, depth: 4, json: {} }
  const event = (type: string, stateKey: string | undefined) => {
    const template = { roomId, type, stateKey, sender: alice, content: content as never, unsigned: { age_ts: 1 } }
    const built = buildEvent(version, template, { prevEvents: [prev], authEvents: [], originServerTs: 1e12 }, author)
    if (!built.ok) throw new Error(built.reason)
    return built.value
  }
  const state = event('org.example.kind', 'key')
  const common = { version, isOutlier: false, rejectedReason: null } as const
  const entries = [{ type: state.type, stateKey: 'key', eventId: state.eventId }]
  const events: NewRoomEvent[] = [
    {
      ...common,
      event: state,
      internal: { device_id: 'PHONE' },
      stateGroup: 44,
      stateGroupBefore: 43,
      deltas: [{ from: 43, to: 44, entries }],
    },
    {
      ...common,
      event: event('m.room.message', undefined),
      internal: { device_id: 'PHONE', txn_id: 'm1' },
      stateGroup: 44,
      stateGroupBefore: 44,
      deltas: [],
    },
  ]
  return { roomId, events, isPublic: false }
}
const overTheWire = (json: unknown) => JSON.parse(JSON.stringify(json)) as Record<string, unknown>

for (const version of ['1', '3', '5', '12'] as const)
  test(`rooms/v${version}: what is sent is what is read`, () => {
    const sent = request(version)
    assert.deepEqual(readRequest(overTheWire(printRequest(sent, requester))), sent)
  })

test('numbers that JavaScript does not have arrive as they were', () => {
  const sent = request('5', { large: 2n ** 60n, float: new JsonFloat('1.0'), text: 'has 1.0 in it' })
  assert.deepEqual(readRequest(overTheWire(printRequest(sent, requester))), sent)
  assert.match(
    JSON.stringify(printRequest(sent, requester)),
    /"event":\{[^}]*"content":\{"float":1\.0,"large":1152921504606846976/,
  )
})

test('answers, ours and those of a Synapse', () => {
  const sent = request('11')
  const [first, last] = sent.events.map(({ event: { eventId } }) => eventId) as [EventId, EventId]
  const stored = {
    kind: 'stored',
    events: [
      { eventId: first, streamOrdering: 52 },
      { eventId: last, streamOrdering: 53 },
    ],
  } as const
  const known = { kind: 'known', events: new Map([[1, { eventId: '$winner' as EventId, streamOrdering: 7 }]]) } as const
  const printed = overTheWire(printPersisted(stored, sent, 60))
  assert.deepEqual([printed.stream_id, printed.event_id, printed.max_stream_id], [53, last, 60])
  assert.deepEqual(readPersisted(printed, sent), stored)
  assert.deepEqual(readPersisted(overTheWire(printPersisted(known, sent, 60)), sent), known)
  const anew = { kind: 'known', events: new Map() } as const
  assert.deepEqual(readPersisted(overTheWire(printPersisted(anew, sent, 60)), sent), anew)
  assert.deepEqual(readPersisted({ stream_id: 53, event_id: last }, sent), stored)
  assert.deepEqual(readPersisted({ stream_id: 7, event_id: '$winner' }, sent), known)
})

/** One that was caught between two processes of a Synapse: the line after its head. */
const samples = new URL('../../../../../shared/synapse/http-replication-samples.txt', import.meta.url)
test('a request of a Synapse is read', (t) => {
  let text: string
  try {
    text = readFileSync(samples, 'utf8')
  } catch {
    return t.skip('no samples beside the project')
  }
  const line = text.split('\n').find((line) => line.startsWith('{"_INT_STREAM_POS"') && line.includes('"events":['))
  const { roomId, events } = readRequest(JSON.parse(line!) as Record<string, unknown>)
  const [{ event, stateGroup, stateGroupBefore, deltas, internal }] = events as [NewRoomEvent]
  assert.equal(event.eventId.slice(1), roomId.slice(1))
  assert.equal(event.type, 'm.room.create')
  assert.deepEqual([stateGroupBefore, stateGroup], [43, 44])
  assert.deepEqual(deltas[0]?.entries, [{ type: 'm.room.create', stateKey: '', eventId: event.eventId }])
  assert.deepEqual(internal, { device_id: 'CKKZWGSUJV' })
})

const READ = `
import json, sys
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.events import make_event_from_dict
from synapse.events.snapshot import EventContext
from synapse.types import Requester
for entry in json.load(sys.stdin)["events"]:
    event = make_event_from_dict(entry["event"], KNOWN_ROOM_VERSIONS[entry["room_version"]],
        entry["internal_metadata"], entry["rejected_reason"])
    event.internal_metadata.outlier = entry["outlier"]
    class Store:
        main = None
    context = EventContext.deserialize(Store(), entry["context"])
    requester = Requester.deserialize(entry["requester"])
    print(json.dumps([event.event_id, event.format_version == entry["event_format_version"],
        requester.user.to_string(), requester.device_id, event.internal_metadata.device_id, getattr(event.internal_metadata, "txn_id", None),
        context.state_group, context.state_group_before_event, context.partial_state,
        [[list(k), [[*key, value] for key, value in delta.items()]] for k, delta in context.state_group_deltas.items()]]))
`
const found = pythonWith('synapse')
test('a Synapse reads our requests', { skip: 'missing' in found && found.missing }, () => {
  assert.ok('python' in found)
  const requests = (['1', '3', '5', '11'] as const).map((version) => request(version))
  const printed = requests.map((sent) => printRequest(sent, requester).events as readonly object[])
  const input = JSON.stringify({ events: printed.flat() })
  const { stdout, stderr, status } = spawnSync(found.python, ['-c', READ], { input, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const read = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  assert.deepEqual(
    read,
    requests.flatMap(({ events }) => {
      const [state, message] = events.map(({ event: { eventId } }) => eventId)
      return [
        [state, true, alice, 'PHONE', 'PHONE', null, 44, 43, false, [[[43, 44], [['org.example.kind', 'key', state]]]]],
        [message, true, alice, 'PHONE', 'PHONE', 'm1', 44, 44, false, []],
      ]
    }),
  )
})
