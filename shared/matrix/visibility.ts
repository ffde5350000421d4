import type { RoomEvent } from './events/event.ts'
import type { JsonObject } from './json/value.ts'
import type { StateLookup } from './state-map.ts'

/**
 * Who may see an event (client-server-api, "Room History Visibility"). Everything here is about one event and the state of
 * the room at it; a wrong answer is a leak.
 */

export const historyVisibilities = ['world_readable', 'shared', 'invited', 'joined'] as const
/** From the laxest to the strictest. */
export type HistoryVisibility = (typeof historyVisibilities)[number]

export const memberships = ['join', 'invite', 'knock', 'leave', 'ban'] as const
/** Of somebody who was never in the room: `leave`. */
export type Membership = (typeof memberships)[number]

/** A value before an event and after it: the same, unless the event is what changes it. */
export interface Around<T> {
  readonly before: T
  readonly after: T
}

/** `history_visibility` of the event's content; `shared` where it is missing or not understood. */
export const historyVisibilityIn = (content: JsonObject | undefined): HistoryVisibility =>
  oneOf(historyVisibilities, content?.history_visibility) ?? 'shared'

/** `membership` of the event's content; `leave` where it is missing or not understood. */
export const membershipIn = (content: JsonObject | undefined): Membership =>
  oneOf(memberships, content?.membership) ?? 'leave'

const oneOf = <T extends string>(values: readonly T[], value: unknown): T | undefined =>
  values.find((known) => known === value)

/** What decides whether a user sees an event. */
export interface View {
  readonly historyVisibility: Around<HistoryVisibility>
  /** The viewer's, at the event. */
  readonly membership: Around<Membership>
  /** Whether the viewer joined the room at some time after the event: {@link joinedSince}. */
  readonly joinedSince: boolean
}

/** Of an event, from the state before it. */
export function viewOf(
  event: Pick<RoomEvent, 'type' | 'stateKey' | 'content'>,
  stateBefore: StateLookup,
  viewer: string,
  joinedSince: boolean,
): View {
  const visibility = historyVisibilityIn(stateBefore('m.room.history_visibility', '')?.content)
  const membership = membershipIn(stateBefore('m.room.member', viewer)?.content)
  const setsVisibility = event.type === 'm.room.history_visibility' && event.stateKey === ''
  const setsMembership = event.type === 'm.room.member' && event.stateKey === viewer
  return {
    historyVisibility: { before: visibility, after: setsVisibility ? historyVisibilityIn(event.content) : visibility },
    membership: { before: membership, after: setsMembership ? membershipIn(event.content) : membership },
    joinedSince,
  }
}

/**
 * Whether somebody has joined the room at some time after an event, as far as it can be told from their membership now:
 * members have, if they were not members at it. Who was a member once and is no more has, if the event comes before
 * the end of their last membership ("they may see any events which they were allowed to see before they left").
 */
export const joinedSince = (now: Membership, precedesDeparture: boolean): boolean =>
  now === 'join' || ((now === 'leave' || now === 'ban') && precedesDeparture)

/** The clause that decided: client-server-api, "Room History Visibility", "Server behaviour". */
export type Clause =
  /** Rule 1. */
  | 'world_readable'
  /** Rule 2. */
  | 'was joined'
  /** Rule 3. */
  | 'shared and joined since'
  /** Rule 4. */
  | 'invited and was invited'
  /** NOTSPEC: the end of one's own membership or invitation; clients would not see the room go. */
  | 'own departure'
  /** Rule 5. */
  | 'otherwise'

export interface Verdict {
  readonly sees: boolean
  readonly clause: Clause
  /** Whether the viewer was a member at the event: they have seen it, and keep it when its sender's data is erased. */
  readonly wasJoined: boolean
}

/**
 * History visibility: rules 1 to 5, where "before or after the event" for `m.room.history_visibility` events and the
 * viewer's own `m.room.member` events.
 */
export function judge({ historyVisibility, membership, joinedSince }: View): Verdict {
  const has = <T>({ before, after }: Around<T>, value: T): boolean => before === value || after === value
  const isOwnDeparture =
    membership.after === 'leave' && (membership.before === 'join' || membership.before === 'invite')
  // Who leaves is told so as somebody who is outside: their leave is what an erased sender's other events are.
  const wasJoined = has(membership, 'join') && !isOwnDeparture
  const sees = (clause: Clause): Verdict => ({ sees: true, clause, wasJoined })
  if (has(historyVisibility, 'world_readable')) return sees('world_readable')
  if (has(membership, 'join')) return sees('was joined')
  if (has(historyVisibility, 'shared') && joinedSince) return sees('shared and joined since')
  if (has(historyVisibility, 'invited') && has(membership, 'invite')) return sees('invited and was invited')
  if (isOwnDeparture) return sees('own departure')
  return { sees: false, clause: 'otherwise', wasJoined }
}

/** What is known of an event besides the room's state, when it is to be sent to a client. */
export interface Delivery {
  /** Refused by later state: it is not sent to clients. */
  readonly isSoftFailed: boolean
  /** An event without state: invitations to rooms where this server is not, and their end; else only for authorisation. */
  readonly isOutlier: boolean
  /** The viewer ignores the sender (client-server-api, "Ignoring Users"). */
  readonly isSenderIgnored: boolean
  /** The sender asked for their data to be erased (client-server-api, "Account deactivation"). */
  readonly isSenderErased: boolean
  /** `join_rule` of the room at the event. */
  readonly joinRule: string | undefined
  /** MSC1763: events of the room that are older are not kept; milliseconds since 1970. */
  readonly oldestKept: number | undefined
}

/** `redacted`: without the content that redaction takes. */
export type Sent = 'whole' | 'redacted' | 'not'

/**
 * How an event may be sent to a client. `view` is undefined for outliers, whose state is not known. Of guests and others
 * who only look at a room: `leave`, and not joined since.
 *
 * Synapse decides the same, but for `m.room.history_visibility` events, where it forgets the visibility before if that
 * was `invited`, or if the sender is erased; the specification knows no such exceptions.
 */
export function sentToClient(
  event: Pick<RoomEvent, 'type' | 'stateKey' | 'originServerTs'>,
  viewer: string,
  view: View | undefined,
  delivery: Delivery,
): Sent {
  if (delivery.isSoftFailed || isWithheld(event, delivery)) return 'not'
  if (delivery.isOutlier || view === undefined)
    return event.type === 'm.room.member' && event.stateKey === viewer ? 'whole' : 'not'
  const { sees, wasJoined } = judge(view)
  if (!sees) return 'not'
  return delivery.isSenderErased && !wasJoined ? 'redacted' : 'whole'
}

/** What no client is sent, whatever it may see. State of ignored users is sent, as rooms would look different without. */
function isWithheld(event: Pick<RoomEvent, 'type' | 'stateKey' | 'originServerTs'>, delivery: Delivery): boolean {
  // NOTSPEC: of Synapse's making, to tie forward extremities together.
  if (event.type === 'org.matrix.dummy_event') return true
  // NOTSPEC: content of old alias events cannot be redacted (MSC2432, MSC2261), and was abused.
  if (event.type === 'm.room.aliases') return true
  if (event.stateKey !== undefined) return false
  if (delivery.isSenderIgnored) return true
  // NOTSPEC: would ring at everybody who is in a public room. The specification asks that of clients.
  if (event.type === 'm.call.invite' && delivery.joinRule === 'public') return true
  return delivery.oldestKept !== undefined && event.originServerTs < delivery.oldestKept
}

/** What decides whether a server sees an event. */
export interface ServerView {
  /** After the event. `shared` where state is not known, as of outliers. */
  readonly historyVisibility: HistoryVisibility
  /** Of the server's users, after the event: needed only if visibility is `invited` or `joined`. */
  readonly memberships: Iterable<Membership>
  readonly isSenderErased: boolean
  /** The room is joined in part only (MSC3706) and the event another server's: who is in the room is not known yet. */
  readonly isRoomPartial: boolean
}

/**
 * Whether an event may go to a server that is in the room, or was (server-server-api, "Backfilling and retrieving missing
 * events"); if not, redacted or not at all. That the server is in the room, and not banned from it by
 * `m.room.server_acl`, is for the caller to know.
 */
export function serverSees({ historyVisibility, memberships, isSenderErased, isRoomPartial }: ServerView): boolean {
  if (isRoomPartial || isSenderErased) return false
  if (historyVisibility === 'world_readable' || historyVisibility === 'shared') return true
  for (const membership of memberships) {
    if (membership === 'join' || (membership === 'invite' && historyVisibility === 'invited')) return true
  }
  return false
}
