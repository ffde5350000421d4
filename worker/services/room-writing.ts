/** Rooms made and changed by our own users, put together: the requests, and what others of this process change rooms with. */

import { banningEndpoints } from '../../shared/endpoints/client/banning.ts'
import { createRoomEndpoints } from '../../shared/endpoints/client/create_room.ts'
import { invitingEndpoints } from '../../shared/endpoints/client/inviting.ts'
import { joiningEndpoints } from '../../shared/endpoints/client/joining.ts'
import { kickingEndpoints } from '../../shared/endpoints/client/kicking.ts'
import { knockingEndpoints } from '../../shared/endpoints/client/knocking.ts'
import { leavingEndpoints } from '../../shared/endpoints/client/leaving.ts'
import { redactionEndpoints } from '../../shared/endpoints/client/redaction.ts'
import { roomSendEndpoints } from '../../shared/endpoints/client/room_send.ts'
import { roomStateEndpoints } from '../../shared/endpoints/client/room_state.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { banningHandlers } from '../client/banning.ts'
import { createRoomHandlers } from '../client/create_room.ts'
import { invitingHandlers } from '../client/inviting.ts'
import { joiningHandlers } from '../client/joining.ts'
import { kickingHandlers } from '../client/kicking.ts'
import { knockingHandlers } from '../client/knocking.ts'
import { forgetHandlers, leavingHandlers } from '../client/leaving.ts'
import { redactionHandlers } from '../client/redaction.ts'
import { roomSendHandlers } from '../client/room_send.ts'
import { roomStateHandlers } from '../client/room_state.ts'
import { makeRoomLimits } from '../client/room-limits.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, only, operations } from '../http/handlers.ts'
import type { Transactions } from '../http/transactions.ts'
import { makeAddressRanges, PRIVATE_RANGES } from '../outbound/address-ranges.ts'
import { makeAskJson } from '../outbound/ask-json.ts'
import { type MustHaveAgreed, whereAgreed } from '../rooms/agreement.ts'
import { type Aliases, makeAliases } from '../rooms/aliases.ts'
import { type CreateRoom, type CreateRoomDeps, makeCreateRoom } from '../rooms/create-room.ts'
import { type CurrentEvents, makeCurrentEvents, makeStoredState } from '../rooms/current-events.ts'
import { makeAddDelayedEvent } from '../rooms/delayed-events/delayed-events.ts'
import type { EventStore } from '../rooms/event-store.ts'
import { forget } from '../rooms/forget.ts'
import { makeMayInvite } from '../rooms/invite-permission.ts'
import { makeKickGuests } from '../rooms/kick-guests.ts'
import { noLimits, type RoomLimits } from '../rooms/limits.ts'
import type { Profiles } from '../rooms/member-content.ts'
import { type ChangeMembership, type ChangeMembershipDeps, makeChangeMembership } from '../rooms/membership.ts'
import { beforeRefusing, type Memberships } from '../rooms/memberships.ts'
import type { NewRoomRules } from '../rooms/new-room-rules.ts'
import { makeCheckRelation } from '../rooms/relations/check-relation.ts'
import { makeRoomVersions } from '../rooms/room-versions.ts'
import { makeSendEvent, type SendEvent, type SendEventDeps } from '../rooms/send-event.ts'
import type { Sender } from '../rooms/sender.ts'
import { annoyingPause } from '../rooms/shadow-ban.ts'
import type { StateStore } from '../rooms/state-store.ts'
import type { AskIdentityServer } from '../rooms/third-party/identity-server.ts'
import { makeInviteByAddress } from '../rooms/third-party/invite-by-address.ts'
import { isRoomBlocked } from '../storage/blocked-rooms.ts'
import type { Db } from '../storage/db.ts'
import { selectProfiles } from '../storage/profiles.ts'
import { selectEventOfTransaction } from '../storage/transactions.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'
import { makeRateLimitOverrides } from '../users/rate-limit-overrides.ts'

export type RoomRequestsSettings = Pick<
  WorkerConfig,
  | 'serverName'
  | 'defaultRoomVersion'
  | 'encryptionEnabledByDefaultForRoomType'
  | 'defaultPowerLevelContentOverride'
  | 'includeProfileDataOnInvite'
  | 'allowPerRoomProfiles'
  | 'forgetRoomsOnLeave'
  | 'blockNonAdminInvites'
  | 'rcMessage'
  | 'rcAdminRedaction'
  | 'rcRoomCreation'
  | 'rcJoins'
  | 'rcJoinsPerRoom'
  | 'rcInvites'
  | 'rcThirdPartyInvite'
  | 'rcReports'
  | 'rcDelayedEventMgmt'
  | 'maxEventDelayDurationMs'
  | 'enable3pidLookup'
  | 'ipRangeBlacklist'
  | 'ipRangeWhitelist'
  | 'federationIpRangeBlacklist'
>

export interface RoomRequestsDeps {
  /** Delayed events of a user that may wait. */
  readonly maxDelayedEvents: number
  /** There is one more, to be sent at that time. */
  readonly onDelayed: (sendTs: number) => void
  /** For tests. */
  readonly askIdentityServer?: AskIdentityServer
  readonly config: RoomRequestsSettings
  readonly db: Db
  readonly streams: Pick<LiveStreams, 'follow'>
  readonly caches: CacheInvalidation
  readonly sender: Sender
  readonly state: Pick<StateStore, 'currentEvent'>
  readonly events: Pick<EventStore, 'get' | 'peek'>
  readonly memberships: Pick<Memberships, 'of' | 'ofNow' | 'joinedLocals'>
  /** Of the server. */
  readonly isAdmin: (userId: UserId) => boolean | Promise<boolean>
  readonly transactions: Transactions
  readonly newRooms: NewRoomRules
  /** Throws M_CONSENT_NOT_GIVEN for who has not agreed to a policy, where that is needed. */
  readonly mustHaveAgreed?: MustHaveAgreed | undefined
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds that never go back. */
  readonly now?: () => number
  /** Before shadow-banned users are answered. */
  readonly pause?: () => Promise<void>
}

export interface RoomRequests {
  readonly operations: readonly Operation[]
  readonly createRoom: CreateRoom
  readonly changeMembership: ChangeMembership
  readonly sendEvent: SendEvent
  readonly aliases: Aliases
  readonly current: CurrentEvents
  readonly limits: RoomLimits
  readonly profiles: Profiles
  /** The same, of what the server does by itself in a user's name: without limits. */
  readonly byServer: Pick<RoomRequests, 'createRoom' | 'changeMembership' | 'sendEvent'>
}

export function makeRoomRequests(deps: RoomRequestsDeps): RoomRequests {
  const { config, db, streams, caches, sender, memberships, isAdmin, transactions, onProblem } = deps
  const { serverName } = config
  const { now = () => performance.now(), pause = annoyingPause } = deps
  const current = makeCurrentEvents(deps)
  const stored = makeStoredState(deps)
  const aliases = makeAliases({ serverName, db })
  const limits = makeRoomLimits({ settings: config, overrides: makeRateLimitOverrides({ db, caches }), now })
  // Of all processes. A member who changes their name counts too: the row does not tell.
  streams.follow('events', (rows) => {
    for (const row of rows)
      if (row.kind === 'ev' && row.membership === 'join' && !row.outlier && !row.rejected)
        limits.joined(row.roomId as RoomId)
  })
  const profiles: Profiles = async (userIds) =>
    new Map((await selectProfiles(db, userIds)).map((profile) => [profile.userId, profile]))
  const mayInvite = makeMayInvite({ serverName, db, isAdmin, onlyAdminsInvite: config.blockNonAdminInvites })
  const forgetDeps = { memberships, caches }

  const creating: CreateRoomDeps = {
    inviteByAddress: {
      check: (actor) => inviteByAddress.check(actor),
      invite: (...args) => inviteByAddress.invite(...args),
    },
    serverName,
    settings: {
      ...config,
      defaultPowerLevelContentOverride: config.defaultPowerLevelContentOverride as JsonObject | undefined,
    },
    sender,
    aliases,
    profiles,
    limits,
    mayInvite,
    rules: deps.newRooms,
    pause,
  }
  const changing: ChangeMembershipDeps = {
    serverName,
    settings: config,
    sender,
    memberships: { ...memberships, ...beforeRefusing(memberships) },
    current,
    membershipNow: (roomId, userId) => stored(roomId, 'm.room.member', userId),
    profiles,
    limits,
    mayInvite,
    isRoomBlocked: (roomId) => isRoomBlocked(db, roomId),
    forget: (userId, roomId) => forget(forgetDeps, userId, roomId),
    pause,
  }
  const sending: SendEventDeps = {
    serverName,
    sender,
    memberships: beforeRefusing(memberships),
    events: deps.events,
    current,
    aliases,
    limits,
    checkRelation: makeCheckRelation({ db, events: deps.events }),
    sentBefore: async ({ userId, deviceId }, roomId, txnId) =>
      deviceId === undefined ? undefined : selectEventOfTransaction(db, { userId, deviceId, roomId, txnId }),
    pause,
    onGuestsForbidden: makeKickGuests({
      db,
      memberships,
      sender,
      onError: (userId, error) => onProblem(`the guest ${userId} could not be removed`, error),
    }),
  }
  const changes = {
    createRoom: makeCreateRoom(creating),
    changeMembership: makeChangeMembership(changing),
    sendEvent: makeSendEvent(sending),
  }
  const { createRoom, changeMembership, sendEvent } =
    deps.mustHaveAgreed === undefined ? changes : whereAgreed(deps.mustHaveAgreed, changes)
  /** Nobody waits for it, and nobody's account is asked whether it may. */
  const asked = { limits: noLimits, mayInvite: async () => undefined }

  const membershipDeps = { changeMembership, transactions, aliases }
  const inviteByAddress = makeInviteByAddress({
    isEnabled: config.enable3pidLookup,
    onlyAdminsInvite: config.blockNonAdminInvites,
    isAdmin,
    ask:
      deps.askIdentityServer ??
      makeAskJson({
        ranges: makeAddressRanges(
          (config.federationIpRangeBlacklist ?? config.ipRangeBlacklist ?? PRIVATE_RANGES) as readonly string[],
          config.ipRangeWhitelist as readonly string[],
        ),
      }),
    sender,
    memberships: beforeRefusing(memberships),
    current,
    changeMembership,
    limits,
    pause,
    onProblem,
  })
  const addDelayed = makeAddDelayedEvent({
    db,
    serverName,
    settings: { maxDelayMs: config.maxEventDelayDurationMs ?? 0, maxPerUser: deps.maxDelayedEvents },
    versions: makeRoomVersions(db),
    limits,
    onAdded: deps.onDelayed,
    now: Date.now,
  })
  const sendDeps = { sendEvent, addDelayed, transactions, current }
  return {
    createRoom,
    changeMembership,
    sendEvent,
    aliases,
    limits,
    current,
    profiles,
    byServer: {
      createRoom: makeCreateRoom({ ...creating, ...asked }),
      changeMembership: makeChangeMembership({ ...changing, ...asked }),
      sendEvent: makeSendEvent({ ...sending, ...asked }),
    },
    operations: [
      ...operations('client/create_room', createRoomEndpoints, createRoomHandlers({ createRoom, transactions })),
      ...operations('client/joining', joiningEndpoints, joiningHandlers(membershipDeps)),
      ...operations('client/knocking', knockingEndpoints, knockingHandlers(membershipDeps)),
      ...operations('client/inviting', invitingEndpoints, invitingHandlers({ ...membershipDeps, inviteByAddress })),
      ...operations(
        'client/leaving',
        only(leavingEndpoints, 'leaveRoom', 'leaveRoomWithTxn'),
        leavingHandlers(membershipDeps),
      ),
      ...operations(
        'client/leaving',
        only(leavingEndpoints, 'forgetRoom', 'forgetRoomWithTxn'),
        forgetHandlers({ forget: (userId, roomId) => forget(forgetDeps, userId, roomId), transactions }),
      ),
      ...operations('client/kicking', kickingEndpoints, kickingHandlers(membershipDeps)),
      ...operations('client/banning', banningEndpoints, banningHandlers(membershipDeps)),
      ...operations('client/room_send', roomSendEndpoints, roomSendHandlers(sendDeps)),
      ...operations(
        'client/room_state',
        roomStateEndpoints,
        roomStateHandlers({ sendEvent, addDelayed, changeMembership }),
      ),
      ...operations('client/redaction', redactionEndpoints, redactionHandlers(sendDeps)),
    ],
  }
}
