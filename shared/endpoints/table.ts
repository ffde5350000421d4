import { adminAccountValidityEndpoints } from './admin/account_validity.ts'
import { adminBackgroundUpdatesEndpoints } from './admin/background_updates.ts'
import { adminEventReportsEndpoints } from './admin/event_reports.ts'
import { adminExperimentalFeaturesEndpoints } from './admin/experimental_features.ts'
import { adminFederationEndpoints } from './admin/federation.ts'
import { adminFetchEventEndpoints } from './admin/fetch_event.ts'
import { adminMasEndpoints } from './admin/mas.ts'
import { adminMediaEndpoints } from './admin/media.ts'
import { adminPurgeHistoryEndpoints } from './admin/purge_history.ts'
import { adminRegistrationTokensEndpoints } from './admin/registration_tokens.ts'
import { adminRoomsEndpoints } from './admin/rooms.ts'
import { adminScheduledTasksEndpoints } from './admin/scheduled_tasks.ts'
import { adminServerNoticesEndpoints } from './admin/server_notices.ts'
import { adminServerVersionEndpoints } from './admin/server_version.ts'
import { adminStatisticsEndpoints } from './admin/statistics.ts'
import { adminUserReportsEndpoints } from './admin/user_reports.ts'
import { adminUsersEndpoints } from './admin/users.ts'
import { accountDeactivationEndpoints } from './client/account_deactivation.ts'
import { accountStatusEndpoints } from './client/account_status.ts'
import { accountValidityEndpoints } from './client/account_validity.ts'
import { accountDataEndpoints } from './client/account-data.ts'
import { adminEndpoints } from './client/admin.ts'
import { administrativeContactEndpoints } from './client/administrative_contact.ts'
import { appservicePingEndpoints } from './client/appservice_ping.ts'
import { appserviceProxyEndpoints } from './client/appservice_proxy.ts'
import { appserviceRoomDirectoryEndpoints } from './client/appservice_room_directory.ts'
import { authFallbackEndpoints } from './client/auth_fallback.ts'
import { banningEndpoints } from './client/banning.ts'
import { capabilitiesEndpoints } from './client/capabilities.ts'
import { casLoginEndpoints } from './client/cas_login.ts'
import { createRoomEndpoints } from './client/create_room.ts'
import { crossSigningEndpoints } from './client/cross_signing.ts'
import { dehydratedDevicesEndpoints } from './client/dehydrated_devices.ts'
import { delayedEventsEndpoints } from './client/delayed_events.ts'
import { deviceManagementEndpoints } from './client/device_management.ts'
import { directoryEndpoints } from './client/directory.ts'
import { eventContextEndpoints } from './client/event_context.ts'
import { filterEndpoints } from './client/filter.ts'
import { invitingEndpoints } from './client/inviting.ts'
import { joiningEndpoints } from './client/joining.ts'
import { keyBackupEndpoints } from './client/key_backup.ts'
import { keysEndpoints } from './client/keys.ts'
import { kickingEndpoints } from './client/kicking.ts'
import { knockingEndpoints } from './client/knocking.ts'
import { leavingEndpoints } from './client/leaving.ts'
import { listJoinedRoomsEndpoints } from './client/list_joined_rooms.ts'
import { listPublicRoomsEndpoints } from './client/list_public_rooms.ts'
import { loginEndpoints } from './client/login.ts'
import { loginTokenEndpoints } from './client/login_token.ts'
import { logoutEndpoints } from './client/logout.ts'
import { messagePaginationEndpoints } from './client/message_pagination.ts'
import { mutualRoomsEndpoints } from './client/mutual_rooms.ts'
import { notificationsEndpoints } from './client/notifications.ts'
import { oauthServerMetadataEndpoints } from './client/oauth_server_metadata.ts'
import { oldSyncEndpoints } from './client/old_sync.ts'
import { openidEndpoints } from './client/openid.ts'
import { passwordManagementEndpoints } from './client/password_management.ts'
import { passwordPolicyEndpoints } from './client/password_policy.ts'
import { peekingEventsEndpoints } from './client/peeking_events.ts'
import { presenceEndpoints } from './client/presence.ts'
import { profileEndpoints } from './client/profile.ts'
import { pusherEndpoints } from './client/pusher.ts'
import { pushrulesEndpoints } from './client/pushrules.ts'
import { readMarkersEndpoints } from './client/read_markers.ts'
import { receiptsEndpoints } from './client/receipts.ts'
import { redactionEndpoints } from './client/redaction.ts'
import { refreshEndpoints } from './client/refresh.ts'
import { registrationEndpoints } from './client/registration.ts'
import { registrationTokensEndpoints } from './client/registration_tokens.ts'
import { relationsEndpoints } from './client/relations.ts'
import { rendezvousEndpoints } from './client/rendezvous.ts'
import { reportContentEndpoints } from './client/report_content.ts'
import { roomEventByTimestampEndpoints } from './client/room_event_by_timestamp.ts'
import { roomInitialSyncEndpoints } from './client/room_initial_sync.ts'
import { roomSendEndpoints } from './client/room_send.ts'
import { roomStateEndpoints } from './client/room_state.ts'
import { roomSummaryEndpoints } from './client/room_summary.ts'
import { roomUpgradesEndpoints } from './client/room_upgrades.ts'
import { roomsEndpoints } from './client/rooms.ts'
import { rtcTransportsEndpoints } from './client/rtc_transports.ts'
import { searchEndpoints } from './client/search.ts'
import { simplifiedSlidingSyncEndpoints } from './client/simplified_sliding_sync.ts'
import { spaceHierarchyEndpoints } from './client/space_hierarchy.ts'
import { ssoLoginRedirectEndpoints } from './client/sso_login_redirect.ts'
import { syncEndpoints } from './client/sync.ts'
import { tagsEndpoints } from './client/tags.ts'
import { thirdPartyLookupEndpoints } from './client/third_party_lookup.ts'
import { thirdPartyMembershipEndpoints } from './client/third_party_membership.ts'
import { threadSubscriptionsEndpoints } from './client/thread_subscriptions.ts'
import { threadsListEndpoints } from './client/threads_list.ts'
import { toDeviceEndpoints } from './client/to_device.ts'
import { typingEndpoints } from './client/typing.ts'
import { usersEndpoints } from './client/users.ts'
import { versionsEndpoints } from './client/versions.ts'
import { voipEndpoints } from './client/voip.ts'
import { whoamiEndpoints } from './client/whoami.ts'
import { federationAccountStatusEndpoints } from './federation/account_status.ts'
import { federationBackfillEndpoints } from './federation/backfill.ts'
import { federationComplexityEndpoints } from './federation/complexity.ts'
import { federationContentRepositoryEndpoints } from './federation/content_repository.ts'
import { federationEventAuthEndpoints } from './federation/event_auth.ts'
import { federationEventsEndpoints } from './federation/events.ts'
import { federationExtremitiesEndpoints } from './federation/extremities.ts'
import { federationInvitesV1Endpoints } from './federation/invites-v1.ts'
import { federationInvitesV2Endpoints } from './federation/invites-v2.ts'
import { federationJoinsV1Endpoints } from './federation/joins-v1.ts'
import { federationJoinsV2Endpoints } from './federation/joins-v2.ts'
import { federationKnocksEndpoints } from './federation/knocks.ts'
import { federationLeavingV1Endpoints } from './federation/leaving-v1.ts'
import { federationLeavingV2Endpoints } from './federation/leaving-v2.ts'
import { federationOpenidEndpoints } from './federation/openid.ts'
import { federationPublicRoomsEndpoints } from './federation/public_rooms.ts'
import { federationQueryEndpoints } from './federation/query.ts'
import { federationSpaceHierarchyEndpoints } from './federation/space_hierarchy.ts'
import { federationThirdPartyInviteEndpoints } from './federation/third_party_invite.ts'
import { federationTransactionsEndpoints } from './federation/transactions.ts'
import { federationUserDevicesEndpoints } from './federation/user_devices.ts'
import { federationUserKeysEndpoints } from './federation/user_keys.ts'
import { federationVersionEndpoints } from './federation/version.ts'
import { keysQueryEndpoints } from './key/keys_query.ts'
import { keysServerEndpoints } from './key/keys_server.ts'
import { authedContentRepoEndpoints } from './media/authed-content-repo.ts'
import { contentRepoEndpoints } from './media/content-repo.ts'
import { synapseConsentEndpoints } from './synapse-client/consent.ts'
import { synapseFederationWhitelistEndpoints } from './synapse-client/federation_whitelist.ts'
import { synapseMediaUploadLimitExceededEndpoints } from './synapse-client/media_upload_limit_exceeded.ts'
import { synapseOidcEndpoints } from './synapse-client/oidc.ts'
import { synapsePasswordResetEndpoints } from './synapse-client/password_reset.ts'
import { synapseRendezvousEndpoints } from './synapse-client/rendezvous.ts'
import { synapseSaml2Endpoints } from './synapse-client/saml2.ts'
import { synapseSsoEndpoints } from './synapse-client/sso.ts'
import { synapseUnsubscribeEndpoints } from './synapse-client/unsubscribe.ts'
import type { Endpoint, Endpoints } from './types.ts'
import { wellKnownPolicyServerEndpoints } from './well-known/policy_server.ts'
import { wellKnownSupportEndpoints } from './well-known/support.ts'
import { wellKnownEndpoints } from './well-known/wellknown.ts'

/** Every endpoint that a homeserver of the Matrix specification or Synapse serves, by the file that defines it. */
export const files = {
  'admin/account_validity': adminAccountValidityEndpoints,
  'admin/background_updates': adminBackgroundUpdatesEndpoints,
  'admin/event_reports': adminEventReportsEndpoints,
  'admin/experimental_features': adminExperimentalFeaturesEndpoints,
  'admin/federation': adminFederationEndpoints,
  'admin/fetch_event': adminFetchEventEndpoints,
  'admin/mas': adminMasEndpoints,
  'admin/media': adminMediaEndpoints,
  'admin/purge_history': adminPurgeHistoryEndpoints,
  'admin/registration_tokens': adminRegistrationTokensEndpoints,
  'admin/rooms': adminRoomsEndpoints,
  'admin/scheduled_tasks': adminScheduledTasksEndpoints,
  'admin/server_notices': adminServerNoticesEndpoints,
  'admin/server_version': adminServerVersionEndpoints,
  'admin/statistics': adminStatisticsEndpoints,
  'admin/user_reports': adminUserReportsEndpoints,
  'admin/users': adminUsersEndpoints,
  'client/account-data': accountDataEndpoints,
  'client/account_deactivation': accountDeactivationEndpoints,
  'client/account_status': accountStatusEndpoints,
  'client/account_validity': accountValidityEndpoints,
  'client/admin': adminEndpoints,
  'client/administrative_contact': administrativeContactEndpoints,
  'client/appservice_ping': appservicePingEndpoints,
  'client/appservice_proxy': appserviceProxyEndpoints,
  'client/appservice_room_directory': appserviceRoomDirectoryEndpoints,
  'client/auth_fallback': authFallbackEndpoints,
  'client/banning': banningEndpoints,
  'client/capabilities': capabilitiesEndpoints,
  'client/cas_login': casLoginEndpoints,
  'client/create_room': createRoomEndpoints,
  'client/cross_signing': crossSigningEndpoints,
  'client/dehydrated_devices': dehydratedDevicesEndpoints,
  'client/delayed_events': delayedEventsEndpoints,
  'client/device_management': deviceManagementEndpoints,
  'client/directory': directoryEndpoints,
  'client/event_context': eventContextEndpoints,
  'client/filter': filterEndpoints,
  'client/inviting': invitingEndpoints,
  'client/joining': joiningEndpoints,
  'client/key_backup': keyBackupEndpoints,
  'client/keys': keysEndpoints,
  'client/kicking': kickingEndpoints,
  'client/knocking': knockingEndpoints,
  'client/leaving': leavingEndpoints,
  'client/list_joined_rooms': listJoinedRoomsEndpoints,
  'client/list_public_rooms': listPublicRoomsEndpoints,
  'client/login': loginEndpoints,
  'client/login_token': loginTokenEndpoints,
  'client/logout': logoutEndpoints,
  'client/message_pagination': messagePaginationEndpoints,
  'client/mutual_rooms': mutualRoomsEndpoints,
  'client/notifications': notificationsEndpoints,
  'client/oauth_server_metadata': oauthServerMetadataEndpoints,
  'client/old_sync': oldSyncEndpoints,
  'client/openid': openidEndpoints,
  'client/password_management': passwordManagementEndpoints,
  'client/password_policy': passwordPolicyEndpoints,
  'client/peeking_events': peekingEventsEndpoints,
  'client/presence': presenceEndpoints,
  'client/profile': profileEndpoints,
  'client/pusher': pusherEndpoints,
  'client/pushrules': pushrulesEndpoints,
  'client/read_markers': readMarkersEndpoints,
  'client/receipts': receiptsEndpoints,
  'client/redaction': redactionEndpoints,
  'client/refresh': refreshEndpoints,
  'client/registration': registrationEndpoints,
  'client/registration_tokens': registrationTokensEndpoints,
  'client/relations': relationsEndpoints,
  'client/rendezvous': rendezvousEndpoints,
  'client/report_content': reportContentEndpoints,
  'client/room_event_by_timestamp': roomEventByTimestampEndpoints,
  'client/room_initial_sync': roomInitialSyncEndpoints,
  'client/room_send': roomSendEndpoints,
  'client/room_state': roomStateEndpoints,
  'client/room_summary': roomSummaryEndpoints,
  'client/room_upgrades': roomUpgradesEndpoints,
  'client/rooms': roomsEndpoints,
  'client/rtc_transports': rtcTransportsEndpoints,
  'client/search': searchEndpoints,
  'client/simplified_sliding_sync': simplifiedSlidingSyncEndpoints,
  'client/space_hierarchy': spaceHierarchyEndpoints,
  'client/sso_login_redirect': ssoLoginRedirectEndpoints,
  'client/sync': syncEndpoints,
  'client/tags': tagsEndpoints,
  'client/third_party_lookup': thirdPartyLookupEndpoints,
  'client/third_party_membership': thirdPartyMembershipEndpoints,
  'client/thread_subscriptions': threadSubscriptionsEndpoints,
  'client/threads_list': threadsListEndpoints,
  'client/to_device': toDeviceEndpoints,
  'client/typing': typingEndpoints,
  'client/users': usersEndpoints,
  'client/versions': versionsEndpoints,
  'client/voip': voipEndpoints,
  'client/whoami': whoamiEndpoints,
  'federation/account_status': federationAccountStatusEndpoints,
  'federation/backfill': federationBackfillEndpoints,
  'federation/complexity': federationComplexityEndpoints,
  'federation/content_repository': federationContentRepositoryEndpoints,
  'federation/event_auth': federationEventAuthEndpoints,
  'federation/events': federationEventsEndpoints,
  'federation/extremities': federationExtremitiesEndpoints,
  'federation/invites-v1': federationInvitesV1Endpoints,
  'federation/invites-v2': federationInvitesV2Endpoints,
  'federation/joins-v1': federationJoinsV1Endpoints,
  'federation/joins-v2': federationJoinsV2Endpoints,
  'federation/knocks': federationKnocksEndpoints,
  'federation/leaving-v1': federationLeavingV1Endpoints,
  'federation/leaving-v2': federationLeavingV2Endpoints,
  'federation/openid': federationOpenidEndpoints,
  'federation/public_rooms': federationPublicRoomsEndpoints,
  'federation/query': federationQueryEndpoints,
  'federation/space_hierarchy': federationSpaceHierarchyEndpoints,
  'federation/third_party_invite': federationThirdPartyInviteEndpoints,
  'federation/transactions': federationTransactionsEndpoints,
  'federation/user_devices': federationUserDevicesEndpoints,
  'federation/user_keys': federationUserKeysEndpoints,
  'federation/version': federationVersionEndpoints,
  'key/keys_query': keysQueryEndpoints,
  'key/keys_server': keysServerEndpoints,
  'media/authed-content-repo': authedContentRepoEndpoints,
  'media/content-repo': contentRepoEndpoints,
  'synapse-client/consent': synapseConsentEndpoints,
  'synapse-client/federation_whitelist': synapseFederationWhitelistEndpoints,
  'synapse-client/media_upload_limit_exceeded': synapseMediaUploadLimitExceededEndpoints,
  'synapse-client/oidc': synapseOidcEndpoints,
  'synapse-client/password_reset': synapsePasswordResetEndpoints,
  'synapse-client/rendezvous': synapseRendezvousEndpoints,
  'synapse-client/saml2': synapseSaml2Endpoints,
  'synapse-client/sso': synapseSsoEndpoints,
  'synapse-client/unsubscribe': synapseUnsubscribeEndpoints,
  'well-known/policy_server': wellKnownPolicyServerEndpoints,
  'well-known/support': wellKnownSupportEndpoints,
  'well-known/wellknown': wellKnownEndpoints,
} as const satisfies Readonly<Record<string, Endpoints>>

export interface TableEntry {
  /** Unique: the operationId of a client endpoint, `<folder>.<operationId>` of any other (`federation.getPublicRooms`). */
  readonly name: string
  /** Where it is defined, below `shared/endpoints/` and without `.ts`: `client/typing`. */
  readonly file: string
  readonly endpoint: Endpoint
}

/** The {@link TableEntry} name of an operation in a file. */
export const nameOf = (file: string, operationId: string): string => {
  const folder = file.slice(0, file.indexOf('/'))
  return folder === 'client' ? operationId : `${folder}.${operationId}`
}

/** The table: all of {@link files} as a list, in the order of the files. */
export const table: readonly TableEntry[] = Object.entries<Endpoints>(files).flatMap(([file, definitions]) =>
  Object.entries(definitions).map(([operationId, endpoint]) => ({ name: nameOf(file, operationId), file, endpoint })),
)
