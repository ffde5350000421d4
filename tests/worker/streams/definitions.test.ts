import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  isStreamName,
  MAIN,
  type StreamName,
  streamNames,
  streams,
  writersOf,
} from '../../../worker/streams/definitions.ts'
import { shardOf } from '../../../worker/streams/shard.ts'

/** Rows as they were seen on the bus of a Synapse 1.163.2. */
const seen: readonly (readonly [StreamName, string])[] = [
  ['account_data', '["@a:x","!r","m.fully_read"]'],
  ['account_data', '["@a:x",null,"org.rig"]'],
  ['caches', '["get_user_by_id",["@a:x"],1795469099011]'],
  ['caches', '["get_user_by_id",null,1795469099011]'],
  ['device_lists', '["@a:x",false,false]'],
  ['events', '["ev",["$e","!r","m.room.create","",null,null,null,false,false]]'],
  ['events', '["state",["!r","m.room.create","","$e"]]'],
  ['events', '["state-all",["!r"]]'],
  ['presence', '["@a:x","unavailable",1795469101021,1795469101566,1795469100959,"away",true]'],
  ['push_rules', '["@a:x"]'],
  ['pushers', '["@a:x","org.rig","pk9f9831",false]'],
  ['quarantined_media', '[null,"KiWhOGEjiGimFRwnmgUSeRqW",true]'],
  ['quarantined_media', '["example.org","GCmhgzMPRiWCpODjvNyKzXYZ",false]'],
  ['receipts', '["!r","m.read","@b:x","$e",null,{"ts":1795469101060}]'],
  ['to_device', '["@a:x"]'],
  ['typing', '["!r",["@a:x"]]'],
]

test('rows are read and written as Synapse writes them', () => {
  for (const [name, json] of seen) {
    const row = streams[name].row.decode(JSON.parse(json))
    assert.ok(row.ok, `${name} ${json}`)
    assert.equal(JSON.stringify(streams[name].row.encode(row.value as never)), json)
  }
})

test('an event row has its fields by name', () => {
  assert.deepEqual(
    streams.events.row.decode(['ev', ['$e', '!r', 'm.room.member', '@a:x', null, null, 'join', false, true]]),
    {
      ok: true,
      value: {
        kind: 'ev',
        eventId: '$e',
        roomId: '!r',
        type: 'm.room.member',
        stateKey: '@a:x',
        redacts: null,
        relatesTo: null,
        membership: 'join',
        rejected: false,
        outlier: true,
      },
    },
  )
})

test('rows of the wrong shape are refused with a reason, longer ones are read', () => {
  assert.deepEqual(streams.typing.row.decode(['!r', ['@a:x', 3]]), {
    ok: false,
    reason: "a row's userIds is not an array of strings",
  })
  assert.deepEqual(streams.typing.row.decode(['!r']), {
    ok: false,
    reason: "a row's userIds is not an array of strings",
  })
  for (const row of [null, 3, {}, ['ev'], ['nothing', []], ['__proto__', []]])
    assert.equal(streams.events.row.decode(row).ok, false, JSON.stringify(row))
  assert.deepEqual(streams.to_device.row.decode(['@a:x', 'new in some later version']), {
    ok: true,
    value: { entity: '@a:x' },
  })
})

test('writers come from stream_writers, and are the main process without it', () => {
  const streamWriters = { events: ['p1', 'p2'], presence: ['pr'] }
  assert.deepEqual(writersOf(streams.events, streamWriters), ['p1', 'p2'])
  assert.deepEqual(writersOf(streams.backfill, streamWriters), ['p1', 'p2'])
  assert.deepEqual(writersOf(streams.presence_federation, streamWriters), ['pr'])
  assert.deepEqual(writersOf(streams.typing, streamWriters), [MAIN])
  assert.deepEqual(writersOf(streams.pushers, streamWriters), [MAIN])
  assert.deepEqual(writersOf(streams.caches, streamWriters), [])
})

test('names that every object has are no streams', () => {
  assert.equal(isStreamName('events'), true)
  assert.equal(isStreamName('toString'), false)
})

test('rooms belong to the persister that Synapse gives them to', () => {
  // int.from_bytes(sha256(key), 'little') % n, computed by Python.
  for (const [key, count, shard] of SHARDS) assert.equal(shardOf(key, count), shard, `${key} of ${count}`)
})
const SHARDS: readonly (readonly [string, number, number])[] = [
  ['!QNcAv6QG1n41v2yJAk6ffnOMjfax33ToRSgfyXvEN4I', 1, 0],
  ['!QNcAv6QG1n41v2yJAk6ffnOMjfax33ToRSgfyXvEN4I', 2, 0],
  ['!QNcAv6QG1n41v2yJAk6ffnOMjfax33ToRSgfyXvEN4I', 3, 1],
  ['!QNcAv6QG1n41v2yJAk6ffnOMjfax33ToRSgfyXvEN4I', 7, 5],
  ['!QNcAv6QG1n41v2yJAk6ffnOMjfax33ToRSgfyXvEN4I', 20, 14],
  ['!room:example.org', 1, 0],
  ['!room:example.org', 2, 1],
  ['!room:example.org', 3, 0],
  ['!room:example.org', 7, 0],
  ['!room:example.org', 20, 15],
  ['matrix.org', 1, 0],
  ['matrix.org', 2, 1],
  ['matrix.org', 3, 2],
  ['matrix.org', 7, 6],
  ['matrix.org', 20, 19],
  ['@user:example.org', 1, 0],
  ['@user:example.org', 2, 1],
  ['@user:example.org', 3, 2],
  ['@user:example.org', 7, 5],
  ['@user:example.org', 20, 17],
  ['!ümläut:x', 1, 0],
  ['!ümläut:x', 2, 1],
  ['!ümläut:x', 3, 1],
  ['!ümläut:x', 7, 4],
  ['!ümläut:x', 20, 7],
]

const shared = join(import.meta.dirname, '../../../../shared/synapse')

test("tables, columns and sequences are in Synapse's schema, and all streams of its bus are here", (t) => {
  if (!existsSync(shared)) return t.skip('../shared is not here')
  const read = (name: string) => readFileSync(join(shared, name), 'utf8')
  const columns = new Set(
    read('schema.tsv')
      .split('\n')
      .map((line) => line.split('\t'))
      .flatMap(([table, , column]) => [`${table}.${column}`]),
  )
  const sequences = new Set(
    read('sequences.tsv')
      .split('\n')
      .map((line) => line.split('\t')[0]),
  )
  for (const name of streamNames) {
    const { ids } = streams[name]
    if (ids === undefined) continue
    assert.ok(sequences.has(ids.sequence), ids.sequence)
    for (const { table, id, instance } of ids.columns)
      for (const column of [id, instance]) assert.ok(columns.has(`${table}.${column}`), `${table}.${column}`)
  }
  const onTheBus = new Set(
    [...read('redis-traffic.txt').matchAll(/(?:POSITION|RDATA) (\w+) \w+ (?:\d+|batch) /g)].map(([, name]) => name),
  )
  assert.deepEqual([...onTheBus].sort(), [...streamNames].sort())
})
