/** Invitations of somebody whose address is known, and no user ID (client-server-api, "Third-party invites"). */

import type { RoomId } from '../../../shared/matrix/ids.ts'
import type { JsonValue } from '../../../shared/matrix/json/value.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import type { CurrentEvents } from '../current-events.ts'
import type { Actor, RoomLimits } from '../limits.ts'
import type { ChangeMembership } from '../membership.ts'
import type { Memberships } from '../memberships.ts'
import type { Sender } from '../sender.ts'
import { type AskIdentityServer, lookUp, storeInvite, type ThirdPartyId } from './identity-server.ts'

export interface InviteByAddressDeps {
  /** `enable_3pid_lookup` */
  readonly isEnabled: boolean
  /** `block_non_admin_invites` */
  readonly onlyAdminsInvite: boolean
  readonly isAdmin: (userId: Actor['userId']) => boolean | Promise<boolean>
  readonly ask: AskIdentityServer
  readonly sender: Pick<Sender, 'send'>
  readonly memberships: Pick<Memberships, 'isJoined'>
  readonly current: CurrentEvents
  readonly changeMembership: ChangeMembership
  readonly limits: Pick<RoomLimits, 'thirdPartyInvite'>
  /** Before a shadow-banned user is answered. */
  readonly pause: () => Promise<void>
  readonly onProblem: (problem: string, error: unknown) => void
}

export interface InviteByAddress {
  /** What can be said before a room is there. Throws as {@link invite}. */
  readonly check: (actor: Actor) => Promise<void>
  /**
   * Who has the address is invited as the user they are; or as nobody yet, by a token of the identity server that the room
   * remembers. Throws M_FORBIDDEN, M_LIMIT_EXCEEDED, M_INVALID_PARAM, and M_UNKNOWN (502) where the identity server fails.
   */
  readonly invite: (actor: Actor, roomId: RoomId, id: ThirdPartyId, txnId?: string) => Promise<void>
}

export function makeInviteByAddress(deps: InviteByAddressDeps): InviteByAddress {
  const { ask, sender, current, onProblem } = deps

  async function check(actor: Actor): Promise<void> {
    if (deps.onlyAdminsInvite && !(await deps.isAdmin(actor.userId)))
      throw new MatrixError('M_FORBIDDEN', 'Invites have been disabled on this server')
    if (!deps.isEnabled)
      throw new MatrixError('M_UNKNOWN', 'Looking up third-party identifiers is denied from this server', {}, 403)
    if (actor.isSuspended)
      throw new MatrixError('M_USER_SUSPENDED', 'Sending invites while account is suspended is not allowed.')
  }

  return {
    check,
    async invite(actor, roomId, id, txnId) {
      if (actor.isShadowBanned) return deps.pause()
      await deps.limits.thirdPartyInvite(actor)
      await check(actor)
      // Before anybody is written to: a stranger shall not have the server write letters.
      if (!(await deps.memberships.isJoined(actor.userId, roomId)))
        throw new MatrixError('M_FORBIDDEN', `User ${actor.userId} not in room ${roomId}`)
      const userId = await lookUp(ask, id).catch((error: unknown) => {
        if (error instanceof MatrixError) throw error
        onProblem(`${id.idServer} was not asked whose address it is`, error)
        return undefined
      })
      if (userId !== undefined) {
        await deps.changeMembership(actor, { roomId, target: userId, action: 'invite', txnId })
        return
      }
      const stored = await storeInvite(ask, id, await described(actor, roomId)).catch((error: unknown) => {
        if (error instanceof MatrixError) throw error
        onProblem(`${id.idServer} has stored no invitation`, error)
        throw new MatrixError('M_UNKNOWN', 'The identity server could not be asked', {}, 502)
      })
      const content = {
        display_name: stored.displayName,
        public_keys: stored.publicKeys,
        key_validity_url: stored.publicKey.key_validity_url ?? '',
        public_key: stored.publicKey.public_key ?? '',
      }
      const intent = { type: 'm.room.third_party_invite', stateKey: stored.token, content }
      await sender.send(roomId, [intent], actor, { txnId })
    },
  }

  /** What the identity server may write in its letter (identity-service-api, "`POST /store-invite`"). */
  async function described({ userId }: Actor, roomId: RoomId): Promise<Readonly<Record<string, string>>> {
    const contentOf = async (type: string, stateKey = '') =>
      (await current(roomId, type, stateKey))?.event.content ?? {}
    const [member, alias, name, create, rules, avatar] = await Promise.all([
      contentOf('m.room.member', userId),
      contentOf('m.room.canonical_alias'),
      contentOf('m.room.name'),
      contentOf('m.room.create'),
      contentOf('m.room.join_rules'),
      contentOf('m.room.avatar'),
    ])
    return {
      room_id: roomId,
      room_alias: textIn(alias.alias),
      room_avatar_url: textIn(avatar.url),
      room_join_rules: textIn(rules.join_rule),
      room_name: textIn(name.name),
      sender: userId,
      sender_display_name: textIn(member.displayname) || userId,
      sender_avatar_url: textIn(member.avatar_url),
      ...(typeof create.type === 'string' && { room_type: create.type }),
    }
  }
}

const textIn = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')
