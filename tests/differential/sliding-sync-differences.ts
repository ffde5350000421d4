/** Where sliding sync is meant to answer other than Synapse: each by its cause, in rooms where that cause is there. */

import { isDeepStrictEqual } from 'node:util'

// biome-ignore lint/suspicious/noExplicitAny: answers of either server
type Json = any

/** Who was where when the answer was given; rooms as they are named in answers. */
export interface Whereabouts {
  readonly userId: string
  /** Of whoever asks: what they are now, in rooms where they are or were anything. */
  readonly membershipOf: ReadonlyMap<string, string>
  readonly hasBeenIn: ReadonlySet<string>
  readonly isEmpty: ReadonlySet<string>
}

/** The causes of all that is different, or undefined: something is different without one. */
export function explanationOf(here: Json, there: Json, at: Whereabouts): readonly string[] | undefined {
  if (here.rooms === undefined || there.rooms === undefined) return undefined
  const [ours, theirs] = [structuredClone(here), structuredClone(there)]
  const reasons = new Set<string>()
  for (const id of new Set([...Object.keys(ours.rooms), ...Object.keys(theirs.rooms)]))
    for (const difference of differences) {
      if (isDeepStrictEqual(ours.rooms[id], theirs.rooms[id])) break
      const without = difference(ours.rooms[id], theirs.rooms[id], id, at)
      if (without === undefined) continue
      reasons.add(without.because)
      replace(ours.rooms, id, without.ours)
      replace(theirs.rooms, id, without.theirs)
    }
  rank(ours.rooms)
  rank(theirs.rooms)
  return isDeepStrictEqual(ours, theirs) ? [...reasons] : undefined
}

/** What remains to be compared of a room, once the difference is taken out; undefined: there is no such difference. */
type Difference = (
  ours: Json | undefined,
  theirs: Json | undefined,
  id: string,
  at: Whereabouts,
) => { readonly ours: Json | undefined; readonly theirs: Json | undefined; readonly because: string } | undefined

const differences: readonly Difference[] = [
  // Synapse tells them the state of the room as it was when their invitation ended. Here no more than that event.
  (ours, _, id, { membershipOf, hasBeenIn, userId }) => {
    if (hasBeenIn.has(id) || !['leave', 'ban'].includes(membershipOf.get(id)!)) return undefined
    const { timeline = [], required_state: state, name, avatar, heroes, joined_count: count } = ours ?? {}
    const isOwn = ({ type, state_key: key }: Json) => type === 'm.room.member' && key === userId
    if (!timeline.every(isOwn) || [state, name, avatar, heroes, count].some((value) => value !== undefined))
      return undefined
    return { ours: undefined, theirs: undefined, because: 'who was never in a room is told nothing of it' }
  },
  // Synapse says what the room is called now, also to those who are not in it.
  (ours, theirs, id, { membershipOf }) => {
    if (!['invite', 'knock'].includes(membershipOf.get(id)!) || ours === undefined || theirs === undefined)
      return undefined
    const said = (type: string) => ours.invite_state?.find((event: Json) => event.type === type)?.content
    if (ours.name !== said('m.room.name')?.name || ours.avatar !== said('m.room.avatar')?.url) return undefined
    const without = ({ name: _n, avatar: _a, ...room }: Json) => room
    return { ours: without(ours), theirs: without(theirs), because: 'an invitation has the name of its time' }
  },
  // Synapse's state as of a leave has the leave in it whatever part of it is asked for (`get_state_after_event`): each time
  // that other state is sent, it is sent again.
  (ours, theirs, _, { userId }) => {
    const isOwnEnd = ({ type, state_key: key, content }: Json) =>
      type === 'm.room.member' && key === userId && ['leave', 'ban'].includes(content.membership)
    if (theirs?.required_state?.some(isOwnEnd) !== true || ours?.required_state?.some(isOwnEnd)) return undefined
    const { required_state: state, ...rest } = theirs
    const others = state.filter((event: Json) => !isOwnEnd(event))
    return {
      ours,
      theirs: { ...rest, ...(others.length > 0 && { required_state: others }) },
      because: 'who left is not sent that again when they ask for other state',
    }
  },
  // When the last one leaves, a server forgets the state. Synapse takes that for a change of the name.
  (ours, theirs, id, { isEmpty }) => {
    if (!isEmpty.has(id) || theirs?.name === undefined || ours === undefined || ours.name !== undefined)
      return undefined
    const { name: _, ...without } = theirs
    return { ours, theirs: without, because: 'a name is not told again as the last one leaves' }
  },
  (ours, theirs) => {
    if (ours?.timeline === undefined) return undefined
    const isShown = (event: Json) => theirs?.timeline?.some((other: Json) => isDeepStrictEqual(event, other))
    const timeline = ours.timeline.filter((event: Json) => event.unsigned.membership !== 'leave' || isShown(event))
    if (timeline.length === ours.timeline.length) return undefined
    const { timeline: _, ...rest } = ours
    return {
      ours: timeline.length === 0 ? rest : { ...rest, timeline },
      theirs,
      because: 'who left sees what was shared before they came, as everywhere here',
    }
  },
  (ours, theirs) => {
    if (theirs !== undefined || ours === undefined) return undefined
    const { timeline = [], limited: _l, num_live: _n, is_dm: _d, bump_stamp: _b, ...rest } = ours
    if (Object.keys(rest).length > 0) return undefined
    if (timeline.length === 0) return { ours: undefined, theirs, because: 'what the user has read changes the counts' }
    return timeline.length === 1 && timeline[0].content.membership === 'ban'
      ? { ours: undefined, theirs, because: 'who is banned after they were thrown out is told so' }
      : undefined
  },
]

function replace(rooms: Record<string, Json>, id: string, room: Json | undefined): void {
  if (room === undefined) delete rooms[id]
  else rooms[id] = room
}

/** The order of what brought rooms up is what counts, not the numbers. Changes the rooms. */
export function rank(rooms: Readonly<Record<string, Json>>): void {
  const stamped = Object.values(rooms).filter((room) => room.bump_stamp !== undefined)
  const stamps = stamped.map((room) => room.bump_stamp).sort((a, b) => a - b)
  for (const room of stamped) room.bump_stamp = stamps.indexOf(room.bump_stamp)
}
