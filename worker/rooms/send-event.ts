/** Events that users send, but for memberships: the checks, the limits, and on to the room's persister. */

import type { EventId, RoomId, ServerName } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Aliases } from './aliases.ts'
import { checkCanonicalAlias } from './canonical-alias.ts'
import { checkContent } from './check-content.ts'
import type { CurrentEvents } from './current-events.ts'
import type { EventStore, KnownEvent } from './event-store.ts'
import type { Actor, RoomLimits } from './limits.ts'
import type { Memberships } from './memberships.ts'
import type { CheckRelation } from './relations/check-relation.ts'
import type { EventIntent, Sender, Sent } from './sender.ts'
import { fakeEventId } from './shadow-ban.ts'

export interface SendEventDeps {
  readonly serverName: ServerName
  readonly sender: Pick<Sender, 'send'>
  readonly memberships: Pick<Memberships, 'isJoined'>
  readonly events: Pick<EventStore, 'get' | 'peek'>
  readonly current: CurrentEvents
  readonly aliases: Pick<Aliases, 'mustPointTo'>
  readonly limits: Pick<RoomLimits, 'event'>
  readonly checkRelation: CheckRelation
  /** The event that the user's device sent with that transaction ID, if it did. */
  readonly sentBefore: (actor: Actor, roomId: RoomId, txnId: string) => Promise<EventId | undefined>
  /** Before a shadow-banned user is answered. */
  readonly pause: () => Promise<void>
  /** Guests are not welcome in the room any more. */
  readonly onGuestsForbidden: (roomId: RoomId) => Promise<void>
}

/**
 * Sends it. What a shadow-banned user sends gets the ID of no event.
 *
 * Throws M_FORBIDDEN for who is not in the room or may not send it, M_LIMIT_EXCEEDED, M_USER_SUSPENDED, and what is wrong
 * with the content ({@link checkContent}, {@link CheckRelation}).
 */
export type SendEvent = (actor: Actor, roomId: RoomId, intent: EventIntent, txnId?: string) => Promise<EventId>

export function makeSendEvent(deps: SendEventDeps): SendEvent {
  const { serverName, sender, memberships, events, current, aliases, limits, pause, onGuestsForbidden } = deps
  const { checkRelation, sentBefore } = deps

  return async (actor, roomId, given, txnId) => {
    if (given.type === 'm.room.member')
      throw new MatrixError('M_BAD_JSON', 'Memberships are state: m.room.member has a state key', {}, 400)
    if (actor.isShadowBanned) {
      await pause()
      return fakeEventId()
    }
    const create = await current(roomId, 'm.room.create')
    const notInRoom = new MatrixError('M_FORBIDDEN', `User ${actor.userId} not in room ${roomId}`)
    if (create === undefined) throw notInRoom
    const intent = given.type === 'm.room.redaction' ? redactionOf(given, create) : given
    const { type, stateKey, content, redacts } = intent
    const target = redacts === undefined ? undefined : await eventOf(redacts)
    if (actor.isSuspended && target?.event.sender !== actor.userId) throw suspended(redacts !== undefined)
    if (!(await memberships.isJoined(actor.userId, roomId))) {
      if (txnId === undefined) throw notInRoom
      // The same request, again, by who has left since. Of a new one the sender says no.
      const sent = await sender.send(roomId, [intent], actor, { txnId }).catch((error: unknown) => {
        throw error instanceof MatrixError && error.errcode === 'M_FORBIDDEN' ? notInRoom : error
      })
      return sent[0]!.eventId
    }
    checkContent(intent, { roomId, version: create.version, serverName })
    try {
      await checkRelation(roomId, actor.userId, intent)
    } catch (error) {
      // A reaction that is sent again is not a second one.
      const before = txnId === undefined ? undefined : await sentBefore(actor, roomId, txnId)
      if (before === undefined) throw error
      return before
    }
    const giveBack = await limits.event(actor, {
      isRedactionOfOther: target !== undefined && target.event.sender !== actor.userId,
    })
    let sent: Sent | undefined
    try {
      if (type === 'm.room.canonical_alias') {
        const before = stateKey === undefined ? undefined : await current(roomId, type, stateKey)
        await checkCanonicalAlias(roomId, content, before?.event.content, aliases.mustPointTo)
      }
      sent = (await sender.send(roomId, [intent], actor, { txnId }))[0]!
    } finally {
      // Nothing came of it, or nothing new.
      if (sent === undefined || sent.wasThere) giveBack()
    }
    if (type === 'm.room.guest_access' && stateKey === '' && content.guest_access !== 'can_join')
      await onGuestsForbidden(roomId)
    return sent.eventId
  }

  async function eventOf(eventId: EventId): Promise<KnownEvent | undefined> {
    // Postgres cannot be asked for a NUL.
    if (eventId.includes('\0')) return undefined
    const known = events.peek(eventId) ?? (await events.get([eventId])).get(eventId)
    return known?.isRejected ? undefined : known
  }
}

/**
 * A redaction with its target where {@link EventIntent} has it. Sent as any other event it can only name one where the room
 * version writes it in the content (rooms/v11).
 */
function redactionOf(intent: EventIntent, { version }: KnownEvent): EventIntent {
  if (intent.redacts !== undefined) {
    if (intent.redacts.includes('\0')) throw new MatrixError('M_INVALID_PARAM', 'Event IDs hold no NUL', {}, 400)
    return intent
  }
  const { redacts } = intent.content
  if (version.redactsIn !== 'content' || typeof redacts !== 'string' || redacts.includes('\0'))
    throw new MatrixError('M_BAD_JSON', 'The redaction does not say what it redacts', {}, 400)
  return { ...intent, redacts: redacts as EventId }
}

const suspended = (isRedaction: boolean): MatrixError =>
  new MatrixError(
    'M_USER_SUSPENDED',
    isRedaction
      ? 'You can only redact your own events while account is suspended.'
      : 'Sending messages while account is suspended is not allowed.',
  )

/** The content of a redaction that asks for another event than its path does is refused (rooms/v11). */
export function mustAgree(content: JsonObject, redacts: string): void {
  if (content.redacts !== undefined && content.redacts !== redacts)
    throw new MatrixError(
      'M_INVALID_PARAM',
      'Cannot provide a redacts value incoherent with the event_id of the URL parameter',
      {},
      400,
    )
}
