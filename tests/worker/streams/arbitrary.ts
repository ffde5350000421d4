/** Random tokens. */

import fc from 'fast-check'
import type { HistoricToken, InstanceIds, StreamToken } from '../../../worker/streams/tokens.ts'
import { type MultiWriterToken, tokenOf } from '../../../worker/streams/vector-clock.ts'

/** Numbers 2, 3, 4 in `instance_map`. */
export const names: readonly string[] = ['persister1', 'persister2', 'persister3']
export const instances: InstanceIds = {
  nameOf: (id) => names[id - 2],
  idOf: (name) => {
    const index = names.indexOf(name)
    return index === -1 ? undefined : index + 2
  },
}

/** Small, so that equal ones and neighbours occur. */
const position = fc.oneof(fc.nat(12), fc.nat(2 ** 40))

export const multiWriterTokens: fc.Arbitrary<MultiWriterToken> = fc
  .tuple(position, fc.uniqueArray(fc.tuple(fc.constantFrom(...names), fc.nat(8)), { selector: ([name]) => name }))
  .map(([stream, ahead]) =>
    tokenOf(
      stream,
      ahead.map(([name, by]) => [name, stream + by] as const),
    ),
  )

export const historicTokens: fc.Arbitrary<HistoricToken> = fc.record(
  {
    depth: fc.nat(),
    stream: fc.integer({ min: -1_000_000, max: 1_000_000 }),
  },
  { noNullPrototype: true },
)

export const roomTokens = fc.oneof(multiWriterTokens, historicTokens)

export const streamTokens: fc.Arbitrary<StreamToken> = fc.record(
  {
    room: roomTokens,
    presence: position,
    typing: position,
    receipts: multiWriterTokens,
    accountData: position,
    pushRules: position,
    toDevice: position,
    deviceLists: multiWriterTokens,
    groups: fc.integer(),
    unPartialStatedRooms: position,
    threadSubscriptions: position,
    stickyEvents: multiWriterTokens,
    quarantinedMedia: multiWriterTokens,
    profileUpdates: position,
    unknown: fc.array(fc.nat().map(String), { maxLength: 2 }),
  },
  { noNullPrototype: true },
)
