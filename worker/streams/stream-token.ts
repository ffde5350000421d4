/** Which streams a token of `/sync` speaks of, and how. */

import { type StreamName, streams } from './definitions.ts'
import { isHistoric, type StreamToken } from './tokens.ts'
import { isBeforeOrEq, type MultiWriterToken } from './vector-clock.ts'

export type Positions = (name: StreamName) => MultiWriterToken

type Field = Exclude<keyof StreamToken, 'unknown' | 'groups'>

/** Streams whose positions are a number in tokens, the least of their writers'. */
const numbers = {
  presence: 'presence',
  typing: 'typing',
  accountData: 'account_data',
  pushRules: 'push_rules',
  toDevice: 'to_device',
  unPartialStatedRooms: 'un_partial_stated_room',
  threadSubscriptions: 'thread_subscriptions',
  profileUpdates: 'profile_updates',
} as const satisfies Partial<Record<Field, StreamName>>

const clocks = {
  room: 'events',
  receipts: 'receipts',
  deviceLists: 'device_lists',
  stickyEvents: 'sticky_events',
  quarantinedMedia: 'quarantined_media',
} as const satisfies Record<Exclude<Field, keyof typeof numbers>, StreamName>

type Fields<Map> = readonly (readonly [keyof Map, StreamName])[]
const numberFields = Object.entries(numbers) as unknown as Fields<typeof numbers>
const clockFields = Object.entries(clocks) as unknown as Fields<typeof clocks>

export const streamsOfToken: ReadonlySet<StreamName> = new Set([...Object.values(numbers), ...Object.values(clocks)])

export function tokenOfStreams(positionsOf: Positions): StreamToken {
  const number = (name: StreamName) => positionsOf(name).stream
  return {
    room: positionsOf(clocks.room),
    presence: number(numbers.presence),
    typing: number(numbers.typing),
    receipts: positionsOf(clocks.receipts),
    accountData: number(numbers.accountData),
    pushRules: number(numbers.pushRules),
    toDevice: number(numbers.toDevice),
    deviceLists: positionsOf(clocks.deviceLists),
    groups: 0,
    unPartialStatedRooms: number(numbers.unPartialStatedRooms),
    threadSubscriptions: number(numbers.threadSubscriptions),
    stickyEvents: positionsOf(clocks.stickyEvents),
    quarantinedMedia: positionsOf(clocks.quarantinedMedia),
    profileUpdates: number(numbers.profileUpdates),
    unknown: [],
  }
}

/**
 * Whether all that `wanted` names was seen at `now`. Of streams that start from 0 with their writer nothing is asked: what
 * a token says of them may be from before that.
 */
export function covers(now: StreamToken, wanted: StreamToken): boolean {
  for (const [field, name] of numberFields) if (!streams[name].goesBackwards && wanted[field] > now[field]) return false
  for (const [field] of clockFields) {
    const [here, there] = [now[field] as MultiWriterToken, wanted[field]]
    if (isHistoric(there) ? there.stream > here.stream : !isBeforeOrEq(there, here)) return false
  }
  return true
}
