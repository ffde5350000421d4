/** Differences that are no mistakes of ours, each with its reason. */

import type { Action } from './action.ts'
import type { Difference } from './differences.ts'
import type { Model } from './model.ts'
import type { Json } from './normal.ts'

/** What stands in the answers, without IDs and times. */
export interface Bodies {
  readonly ours: Json
  readonly theirs: Json
}

export interface Explained {
  readonly why: string
  readonly is: (difference: Difference, action: Action, bodies: Bodies, model: Model) => boolean
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
      const key = /\.state\.events\.(.*)$/.exec(at)?.[1]
      const rooms = [ours.rooms[kind][room!], theirs.rooms[kind][room!]]
      // Of an empty list and of a map, all differ.
      const keys = key === undefined || key === '' ? rooms.flatMap(({ state }) => Object.keys(state.events)) : [key]
      const happened = rooms.flatMap(({ timeline }) =>
        timeline.events.map(({ type, state_key }: Json) => `${type} ${state_key}`),
      )
      return keys.every((one) => happened.some((other) => one === other || one.startsWith(`${other}.`)))
    },
  },
  {
    why: 'who comes to a room is told who types there, and of the receipts',
    is: ({ at, ours, theirs }) =>
      /^body\.rooms\.join\.<\w+>\.ephemeral\.events$/.test(at) && ours.length > theirs.length,
  },
  {
    why: 'a room where nobody types needs no event that says so',
    is: ({ at, ours, theirs }) =>
      /^body\.rooms\.join\.<\w+>\.ephemeral\.events$/.test(at) &&
      ours.length === theirs.length - 1 &&
      theirs.some(({ type, content }: Json) => type === 'm.typing' && content.user_ids.length === 0),
  },
  {
    why: 'when a device was last seen is written down every now and then',
    is: ({ at, ours }, { name }) => name === 'devices' && /last_seen_\w+$/.test(at) && ours === null,
  },
  {
    why: 'rooms of version 6 and before have no knocks: Synapse fails',
    is: ({ at, theirs }, { name }) => name === 'knock' && at === 'status' && theirs === 500,
  },
  {
    why: 'of what there is none nothing is said, as specified, where Synapse says null',
    is: ({ at, ours, theirs }, { name }) =>
      name === 'read notifications' && /(?:profile_tag|next_token)$/.test(at) && ours === undefined && theirs === null,
  },
  {
    why: 'a change of state that the filter keeps out of the timeline is told of, also where nothing else happened',
    is({ at, ours, theirs }, { name }) {
      if (name !== 'sync on' || theirs !== undefined) return false
      const rooms = /^body\.rooms\.(join|leave)$/.test(at)
        ? Object.values<Json>(ours)
        : /^body\.rooms\.(join|leave)\.<\w+>$/.test(at)
          ? [ours]
          : []
      return rooms.length > 0 && rooms.every(({ timeline }) => timeline.events.length === 0)
    },
  },
  {
    why: 'Synapse, once it has added up what notifies, counts what was before the user set their membership anew',
    is({ at, ours, theirs }, { by }, _bodies, { rooms, devices }) {
      const label = /^body\.rooms\.join\.(<\w+>)\.unread_notifications\./.exec(at)?.[1]
      const room = rooms.find((one) => one.label === label)
      const { userId } = devices.find((device) => device.label === by)!
      return room !== undefined && ours < theirs && (room.ownMoves.get(userId) ?? 0) > 0
    },
  },
]
