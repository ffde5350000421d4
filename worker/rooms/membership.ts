/** Joins, invites, kicks and their like: what comes before the rules of the room, which the sender holds them to. */

import { type EventId, type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import type { JsonObject, JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { CurrentEvents } from './current-events.ts'
import type { KnownEvent } from './event-store.ts'
import type { MayInvite } from './invite-permission.ts'
import type { Actor, RoomLimits } from './limits.ts'
import { clientContent, type Profiles, withProfile } from './member-content.ts'
import type { Memberships } from './memberships.ts'
import { authorisingUser, needsAnotherServer } from './restricted-join.ts'
import type { Sender, Sent } from './sender.ts'
import { fakeEventId } from './shadow-ban.ts'

/** What is done; `kick` and `unban` both make a `leave`, of those who are there or banned. */
const memberships = {
  join: 'join',
  invite: 'invite',
  knock: 'knock',
  leave: 'leave',
  ban: 'ban',
  kick: 'leave',
  unban: 'leave',
} as const
export type MembershipAction = keyof typeof memberships

export interface MembershipChange {
  readonly roomId: RoomId
  readonly target: UserId
  /** Anything else than a {@link MembershipAction} is refused. */
  readonly action: string
  /** Members of the event's content besides `membership`. */
  readonly content?: JsonObject | undefined
  readonly txnId?: string | undefined
  readonly originServerTs?: number | undefined
  readonly delayId?: string | undefined
}

export interface MembershipSettings {
  readonly allowPerRoomProfiles: boolean
  readonly includeProfileDataOnInvite: boolean
  readonly forgetRoomsOnLeave: boolean
}

export interface ChangeMembershipDeps {
  readonly serverName: ServerName
  readonly settings: MembershipSettings
  readonly sender: Pick<Sender, 'send'>
  readonly memberships: Pick<Memberships, 'of' | 'isJoined' | 'joinedLocals'>
  readonly current: CurrentEvents
  /** The event that is a user's membership, by the tables: what this process has not heard yet must not decide. */
  readonly membershipNow: (roomId: RoomId, userId: UserId) => Promise<KnownEvent | undefined>
  readonly profiles: Profiles
  readonly limits: Pick<RoomLimits, 'event' | 'join' | 'invite'>
  readonly mayInvite: MayInvite
  /** By an admin, for all users of this server. */
  readonly isRoomBlocked: (roomId: RoomId) => Promise<boolean>
  readonly forget: (userId: UserId, roomId: RoomId) => Promise<void>
  /** Before a shadow-banned user is answered. */
  readonly pause: () => Promise<void>
}

/**
 * Changes a membership. What is so already stays as it is, and its event is told. An invite of a shadow-banned user gets the
 * ID of no event.
 *
 * Throws M_FORBIDDEN, M_BAD_STATE (403), M_LIMIT_EXCEEDED, M_USER_SUSPENDED, M_BAD_JSON, M_INVITE_BLOCKED, and M_UNKNOWN: with
 * status 400 for an action that is none, 404 for a room that this server is not in, 502 for what another server would have to do.
 */
export type ChangeMembership = (actor: Actor, change: MembershipChange) => Promise<EventId>

const forbidden = (message: string) => new MatrixError('M_FORBIDDEN', message)
const isAction = (action: string): action is MembershipAction => Object.hasOwn(memberships, action)

export function makeChangeMembership(deps: ChangeMembershipDeps): ChangeMembership {
  const { serverName, settings, sender, current, limits, mayInvite } = deps

  return async (actor, change) => {
    const { roomId, target, action, txnId } = change
    await countAction(actor, change)
    if (action === 'invite' && actor.isShadowBanned) {
      await deps.pause()
      return fakeEventId()
    }
    if (actor.isSuspended) mustBeOpenToSuspended(action)
    const asked = clientContent(change.content ?? {}, settings.allowPerRoomProfiles && !actor.isShadowBanned)
    if (!isAction(action)) throw new MatrixError('M_UNKNOWN', 'Invalid membership key', {}, 400)
    const membership = memberships[action]
    const described = showsProfile(membership) ? await profileAdded(asked, target) : asked
    const content: JsonObject = { ...described, membership, ...(actor.isGuest && { kind: 'guest' }) }

    if (membership !== 'leave' && membership !== 'ban' && (await deps.isRoomBlocked(roomId)))
      throw forbidden('This room has been blocked on this server')
    if (membership === 'invite') await mayInvite(actor.userId, [target])

    const isHere = (await deps.memberships.joinedLocals(roomId)).size > 0
    const before = await deps.membershipNow(roomId, target)
    if (isHere) {
      mustBePossible(action, before)
      if (before !== undefined && isSame(before, content, actor.userId)) return before.event.eventId
    } else await mustBeKnownOutside(membership, roomId, target)

    const authorised = membership === 'join' ? await joinContent(actor, roomId, content, before) : content
    const giveBack = await limits.event(actor)
    let sent: Sent | undefined
    try {
      const intent = {
        type: 'm.room.member',
        stateKey: target,
        content: authorised,
        originServerTs: change.originServerTs,
        delayId: change.delayId,
      }
      // The shadow-banned come and go as others do.
      sent = (await sender.send(roomId, [intent], { ...actor, isShadowBanned: false }, { txnId }))[0]!
    } finally {
      if (sent === undefined || sent.wasThere) giveBack()
    }
    if (
      (membership === 'leave' || membership === 'ban') &&
      settings.forgetRoomsOnLeave &&
      serverNameOf(target) === serverName
    )
      await deps.forget(target, roomId)
    return sent.eventId
  }

  async function countAction(actor: Actor, { action, roomId, target }: MembershipChange): Promise<void> {
    if (action === 'invite') await limits.invite(actor, roomId, target)
    // A member who changes their name does not join.
    else if (action === 'join' && !(await deps.memberships.isJoined(actor.userId, roomId)))
      await limits.join(actor, roomId)
  }

  function showsProfile(membership: string): boolean {
    if (membership === 'invite') return settings.includeProfileDataOnInvite
    return membership === 'join' || membership === 'knock'
  }

  async function profileAdded(content: JsonObject, target: UserId): Promise<JsonObject> {
    if (content.displayname !== undefined && content.avatar_url !== undefined) return content
    return withProfile(content, (await deps.profiles([target])).get(target))
  }

  /** Throws for joins that only another server could make. */
  async function joinContent(
    actor: Actor,
    roomId: RoomId,
    content: JsonObject,
    before: KnownEvent | undefined,
  ): Promise<JsonObject> {
    if (actor.isGuest && (await current(roomId, 'm.room.guest_access'))?.event.content.guest_access !== 'can_join')
      throw forbidden('Guest access not allowed')
    const old = before?.event.content.membership
    if (old === 'join' || old === 'invite') return content
    const host = await authorisingUser(deps, roomId, actor.userId)
    return host === undefined ? content : { ...content, join_authorised_via_users_server: host }
  }

  /** This server is not in the room: there is little that can be done without the servers that are. */
  async function mustBeKnownOutside(membership: string, roomId: RoomId, target: UserId): Promise<void> {
    switch (membership) {
      case 'join':
        throw needsAnotherServer()
      case 'knock':
        throw new MatrixError('M_UNKNOWN', 'No known servers', {}, 404)
      case 'leave':
        if ((await deps.memberships.of(target, roomId)) === undefined)
          throw new MatrixError('M_UNKNOWN', 'Not a known room', {}, 404)
        return
      default:
        if ((await current(roomId, 'm.room.create')) === undefined) throw forbidden('Unknown room')
    }
  }
}

/** What the old membership rules out, told as such. */
function mustBePossible(action: MembershipAction, before: KnownEvent | undefined): void {
  const old = before?.event.content.membership
  if (before !== undefined && action === 'unban' && old !== 'ban')
    throw new MatrixError('M_BAD_STATE', `Cannot unban user who was not banned (membership=${shown(old)})`)
  if (old === 'ban' && !['ban', 'unban', 'leave'].includes(action))
    throw new MatrixError('M_BAD_STATE', `Cannot ${action} user who was banned`)
  if (action === 'kick' && (old === undefined || old === 'leave')) throw forbidden('The target user is not in the room')
}

const shown = (membership: JsonValue | undefined): string => (typeof membership === 'string' ? membership : 'none')

const isSame = ({ event }: KnownEvent, content: JsonObject, sender: UserId): boolean =>
  event.sender === sender &&
  event.content.membership === content.membership &&
  canonicalJson(event.content) === canonicalJson(content)

function mustBeOpenToSuspended(action: string): void {
  if (action === 'leave' || action === 'kick' || action === 'unban') return
  const doing = { invite: 'Sending invites', join: 'Joining rooms', knock: 'Knocking on rooms' }[action]
  throw new MatrixError(
    'M_USER_SUSPENDED',
    `${doing ?? 'Changing membership'} while account is suspended is not allowed.`,
  )
}
