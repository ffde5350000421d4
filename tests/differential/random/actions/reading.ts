import type { Random } from '../../../harness/random.ts'
import type { MakeAction, Weighted } from '../action.ts'
import { anyEvent, anyRoom, type ModelEvent, type ModelRoom, someoneIn } from '../model.ts'

const encoded = (filter: object): string => encodeURIComponent(JSON.stringify(filter))

const FILTERS: readonly object[] = [
  { types: ['m.room.message'] },
  { not_types: ['m.room.message'] },
  { lazy_load_members: true },
  { related_by_rel_types: ['m.thread'] },
  { not_senders: ['@alice:hs.test'] },
]

/** `path`: after the room's; undefined: not with this event. */
const inRoom =
  (
    name: string,
    path: (random: Random, room: ModelRoom) => string | undefined,
    {
      version = 'v3',
      isUnordered = false,
      isState = false,
    }: { version?: string; isUnordered?: boolean; isState?: boolean } = {},
  ): MakeAction =>
  (model, random) => {
    const room = anyRoom(model, random)
    const rest = room && path(random, room)
    if (rest === undefined) return undefined
    const by = random.oneIn(4) ? random.pick(model.devices) : someoneIn(model, random, room!)
    return { name, by: by.label, method: 'GET', path: `/${version}/rooms/${room!.label}${rest}`, isUnordered, isState }
  }

const ofEvent = (name: string, path: (event: ModelEvent, random: Random) => string, version = 'v3'): MakeAction =>
  inRoom(
    name,
    (random, room) => {
      const event = anyEvent(random, room)
      return event && path(event, random)
    },
    { version },
  )

const STATE_TYPES = ['m.room.name', 'm.room.create', 'm.room.power_levels', 'm.room.topic', 'com.example.state']

const messages = inRoom('read messages', (random) => {
  const filter = random.oneIn(2) ? `&filter=${encoded(random.pick(FILTERS))}` : ''
  return `/messages?dir=${random.pick(['b', 'b', 'f'])}&limit=${1 + random.int(30)}${filter}`
})

const sync: MakeAction = (model, random) => {
  const by = random.pick(model.devices)
  const isNew = !by.hasSince || random.oneIn(12)
  const since = `<since.${by.label}>`
  const filter = random.pick([
    undefined,
    undefined,
    undefined,
    { room: { timeline: { limit: 1 + random.int(5) } } },
    { room: { state: { lazy_load_members: true } } },
    { room: { timeline: { types: ['m.room.message'] }, ephemeral: { types: ['m.receipt'] } } },
    { room: { timeline: { unread_thread_notifications: true } } },
    { room: { include_leave: true } },
  ])
  return {
    name: isNew ? 'sync anew' : 'sync on',
    by: by.label,
    method: 'GET',
    path: `/v3/sync?timeout=0&set_presence=offline${isNew ? '' : `&since=${since}`}${filter === undefined ? '' : `&filter=${encoded(filter)}`}`,
    binds: { [since]: 'next_batch' },
    onSuccess: () => {
      by.hasSince = true
    },
  }
}

const search: MakeAction = (model, random) => ({
  name: 'search',
  by: random.pick(model.devices).label,
  method: 'POST',
  path: '/v3/search',
  body: {
    search_categories: {
      room_events: {
        search_term: random.pick(['apple', 'bridge garden', 'dance', 'nothing']),
        order_by: 'recent',
        ...(random.oneIn(2) && { event_context: { before_limit: 1, after_limit: 1 } }),
        ...(random.oneIn(3) && { include_state: true }),
        ...(random.oneIn(3) && { groupings: { group_by: [{ key: 'sender' }] } }),
      },
    },
  },
})

/** Not of a room. */
const own =
  (name: string, path: string): MakeAction =>
  (model, random) => ({ name, by: random.pick(model.devices).label, method: 'GET', path })

export const readingActions: Weighted = [
  [50, sync],
  [14, messages],
  [6, ofEvent('read an event', ({ label }) => `/event/${label}`)],
  [6, ofEvent('read the context', ({ label }, random) => `/context/${label}?limit=${random.int(8)}`)],
  [4, inRoom('read the state', () => '/state', { isState: true })],
  [
    6,
    inRoom(
      'read of the state',
      (random) => {
        const type = random.pick(STATE_TYPES)
        return `/state/${type}/${type === 'com.example.state' ? 'key1' : ''}${random.oneIn(4) ? '?format=event' : ''}`
      },
      { isState: true },
    ),
  ],
  [
    4,
    inRoom(
      'read members',
      (random) => random.pick(['/members', '/members?membership=join', '/members?not_membership=leave']),
      {
        isUnordered: true,
        isState: true,
      },
    ),
  ],
  [2, inRoom('read who is joined', () => '/joined_members')],
  [2, own('read the joined rooms', '/v3/joined_rooms')],
  [
    6,
    ofEvent(
      'read relations',
      ({ label }, random) =>
        `/relations/${label}${random.pick(['', '', '/m.thread', '/m.annotation', '/m.annotation/m.reaction', '/m.replace'])}${random.pick(['', '?limit=2', '?dir=f', '?recurse=true'])}`,
      'v1',
    ),
  ],
  [
    4,
    inRoom('read threads', (random) => `/threads${random.pick(['', '?include=participated', '?limit=1'])}`, {
      version: 'v1',
    }),
  ],
  [
    2,
    inRoom(
      'find an event by time',
      (random) => random.pick(['/timestamp_to_event?ts=0&dir=f', '/timestamp_to_event?ts=9999999999999&dir=b']),
      { version: 'v1' },
    ),
  ],
  [3, search],
  [2, own('read notifications', '/v3/notifications?limit=10')],
  [
    2,
    inRoom('read the hierarchy', (random) => `/hierarchy${random.pick(['', '?max_depth=1', '?suggested_only=true'])}`, {
      version: 'v1',
    }),
  ],
  [1, inRoom('read a room at first', () => '/initialSync?limit=3')],
  [1, own('read all at first', '/v3/initialSync?limit=2')],
  [1, inRoom('read the aliases', () => '/aliases')],
]
