import type { capabilitiesEndpoints } from '../../shared/endpoints/client/capabilities.ts'
import { roomVersions } from '../../shared/matrix/room-version.ts'
import type { Handlers } from '../http/handlers.ts'

export interface CapabilitiesDeps {
  /** `default_room_version`. */
  readonly defaultRoomVersion: string
  readonly canChangePassword: boolean
  /** `enable_set_displayname`, `enable_set_avatar_url`, `enable_3pid_changes`. */
  readonly canSetDisplayName: boolean
  readonly canSetAvatarUrl: boolean
  readonly canChange3pids: boolean
  /** `login_via_existing_session`. */
  readonly canGetLoginToken: boolean
  /** MSC4140: `max_event_delay_duration`, 0: none may be delayed; and of a user at once. */
  readonly maxEventDelayMs: number
  readonly maxDelayedEvents: number
  /** `msc4133_enabled`: what may be set in profiles is also said under its name of before. */
  readonly hasUnstableProfileFields: boolean
}

/** client-server-api, "Capabilities negotiation". */
export const capabilitiesHandlers = (deps: CapabilitiesDeps): Handlers<typeof capabilitiesEndpoints> => {
  const disallowed = [
    ...(deps.canSetDisplayName ? [] : ['displayname']),
    ...(deps.canSetAvatarUrl ? [] : ['avatar_url']),
  ]
  const profileFields = { enabled: true, ...(disallowed.length > 0 && { disallowed }) }
  const answer = {
    capabilities: {
      'm.room_versions': {
        default: deps.defaultRoomVersion,
        available: Object.fromEntries(Object.keys(roomVersions).map((version) => [version, 'stable'])),
      },
      'm.change_password': { enabled: deps.canChangePassword },
      'm.set_displayname': { enabled: deps.canSetDisplayName },
      'm.set_avatar_url': { enabled: deps.canSetAvatarUrl },
      'm.3pid_changes': { enabled: deps.canChange3pids },
      'm.get_login_token': { enabled: deps.canGetLoginToken },
      'm.profile_fields': profileFields,
      ...(deps.hasUnstableProfileFields && { 'uk.tcpip.msc4133.profile_fields': profileFields }),
      'org.matrix.msc4140.delayed_events': {
        max_delay_ms: deps.maxEventDelayMs,
        max_scheduled: deps.maxDelayedEvents,
      },
    },
  }
  return { getCapabilities: () => answer }
}
