/** Differences that are no mistakes of ours, each with its reason. */

import type { Action } from './action.ts'
import type { Difference } from './differences.ts'
import type { Json } from './normal.ts'

/** What stands in the answers, without IDs and times. */
export interface Bodies {
  readonly ours: Json
  readonly theirs: Json
}

export interface Explained {
  readonly why: string
  readonly is: (difference: Difference, action: Action, bodies: Bodies) => boolean
}

/** The room of a difference in `/sync`: its part of our answer and of theirs. */
const left = ({ at }: Difference, { ours, theirs }: Bodies): { our: Json; their: Json } | undefined => {
  const room = /^body\.rooms\.leave\.(<\w+>)/.exec(at)?.[1]
  return room === undefined ? undefined : { our: ours.rooms.leave?.[room], their: theirs.rooms.leave?.[room] }
}

const membershipBefore = (room: Json): string | undefined =>
  room?.timeline.events.at(-1)?.unsigned?.prev_content?.membership

export const explained: readonly Explained[] = [
  {
    why: 'a kind of push rules that has none is not told of',
    is: ({ at, ours, theirs }) => at.endsWith('.global.postcontent') && ours === undefined && theirs.length === 0,
  },
  {
    why: 'who was never in a room is told of it that they were invited or asked, and are not any more',
    is(difference, _action, bodies) {
      const rooms = left(difference, bodies)
      const before = membershipBefore(rooms?.our)
      return (
        rooms?.our.timeline.events.length === 1 && (before === undefined || before === 'invite' || before === 'knock')
      )
    },
  },
  {
    why: 'what relates to an event is told with it where a timeline has no gap, too',
    is: ({ at, ours, theirs }, { name }) =>
      name.startsWith('sync') && at.endsWith('.unsigned.m.relations') && ours !== undefined && theirs === undefined,
  },
  {
    why: 'who left is not told of what relates to an event since',
    is: ({ at, ours }) => /\.leave\..*\.unsigned\.m\.relations/.test(at) && ours === undefined,
  },
  {
    why: 'clients are told the transaction IDs of what they sent, also of what is bundled with another event',
    is: ({ at, theirs }) => /\.m\.relations\..*\.unsigned\.transaction_id$/.test(at) && theirs === undefined,
  },
  {
    why: 'the state is that before the first event of the timeline, not after it',
    is({ at }, _action, { ours, theirs }) {
      const [, kind, room] = /^body\.rooms\.(join|leave)\.(<\w+>)\.state\.events/.exec(at) ?? []
      if (kind === undefined) return false
      const [our, their] = [ours.rooms[kind][room!], theirs.rooms[kind][room!]]
      const keyOf = ({ type, state_key }: Json) => `${type} ${state_key}`
      const happened = new Set([...our.timeline.events, ...their.timeline.events].map(keyOf))
      const without = (events: Json) => JSON.stringify(events.filter((event: Json) => !happened.has(keyOf(event))))
      return without(our.state.events) === without(their.state.events)
    },
  },
]
