import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeFilter } from '../../../worker/replication/filter.ts'

const isWanted = makeFilter({
  instance: 'sync1',
  streams: new Set(['events', 'caches']),
  commands: new Set(['LOCK_RELEASED']),
})

test('only streams and commands of interest are read, and nothing that was said here', () => {
  for (const line of [
    'RDATA events persister1 5 []',
    'RDATA events persister1 batch []',
    'POSITION caches sync2 5 6',
    'RDATA caches sync10 5 []',
    'REPLICATE ',
    'REPLICATE',
    'LOCK_RELEASED ["a","b","c"]',
  ])
    assert.equal(isWanted(line), true, line)
  for (const line of [
    'RDATA presence presence1 5 []',
    'RDATA caches sync1 5 []',
    'POSITION caches sync1 5 6',
    'RDATA event x 5 []',
    'RDATA events_x x 5 []',
    'RDATA events',
    'USER_SYNC a b c start 1',
    '',
    'RDATA',
  ])
    assert.equal(isWanted(line), false, line)
})
