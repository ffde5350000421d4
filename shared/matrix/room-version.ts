/**
 * What differs between room versions, as data: <https://spec.matrix.org/v1.19/rooms/>. Rules are written against these
 * fields and never against a version's name, so that a new version is a new row.
 */
export interface RoomVersion {
  readonly id: RoomVersionId
  /**
   * Where event IDs come from. `assigned`: the event carries one of its server's making, and references to other events
   * are pairs of ID and hashes (rooms/v1, "Event IDs"). Else: `$` and the reference hash, in base64 (rooms/v3) or its
   * URL-safe alphabet (rooms/v4).
   */
  readonly eventIds: 'assigned' | 'base64' | 'base64url'
  /** Rooms/v12, "Event format": the create event has no `room_id`, the room's ID is `!` and the create event's hash. */
  readonly roomIdIsCreateHash: boolean
  readonly stateResolution: '1' | '2' | '2.1'
  /** Rooms/v5: a signing key must be valid at the event's `origin_server_ts`. */
  readonly enforcesKeyValidity: boolean
  /** Rooms/v6: numbers are integers within ±(2^53 − 1). */
  readonly strictJson: boolean
  /** Byte limits of the spec ("Size limits"): before rooms/v11 Synapse counts code points of fields, and rooms hold such events. */
  readonly fieldLimits: 'codePoints' | 'bytes'

  // Authorisation.
  /** Rooms/v1 rule 4, to rooms/v5: `m.room.aliases` may be set by the server that is its state key, whatever the power levels. */
  readonly aliasesRule: boolean
  /** Rooms/v1 rule 11, to rooms/v2: redactions are authorised as events; from rooms/v3 their effect is decided later. */
  readonly redactionRule: boolean
  /** Rooms/v6 rule 10.3: changes of `notifications` are checked as those of `events`. */
  readonly notificationLevelsRule: boolean
  readonly knocking: boolean
  /** Rooms/v8: join rule `restricted`. */
  readonly restrictedJoins: boolean
  /** Rooms/v10: join rule `knock_restricted`. */
  readonly knockRestrictedJoins: boolean
  /** Rooms/v10: power levels are integers; before, strings of digits and floats are read as such. */
  readonly integerPowerLevels: boolean
  /** Who made the room: `content.creator` of the create event, from rooms/v11 its sender. */
  readonly creator: 'content' | 'sender'
  /** Rooms/v12: creators (`additional_creators` included) stand above all power levels. */
  readonly creatorsAbovePowerLevels: boolean

  // Redaction.
  /** The top-level keys that rooms/v11 drops (`origin`, `membership`, `prev_state`) are kept before it. */
  readonly redaction: {
    readonly keepsOrigin: boolean
    /** `aliases` of `m.room.aliases`, to rooms/v5. */
    readonly keepsAliases: boolean
    /** `allow` of `m.room.join_rules`, from rooms/v8. */
    readonly keepsAllow: boolean
    /** `join_authorised_via_users_server` of `m.room.member`, from rooms/v9. */
    readonly keepsAuthorisingUser: boolean
    /** From rooms/v11: all of `m.room.create`, `invite` of power levels, `signed` of third-party invites, `redacts` of redactions. */
    readonly updated: boolean
  }
  /** Where a redaction says what it redacts: the event's top level, from rooms/v11 `content`. */
  readonly redactsIn: 'event' | 'content'
}

export type RoomVersionId = '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '10' | '11' | '12'

const v1: RoomVersion = {
  id: '1',
  eventIds: 'assigned',
  roomIdIsCreateHash: false,
  stateResolution: '1',
  enforcesKeyValidity: false,
  strictJson: false,
  fieldLimits: 'codePoints',
  aliasesRule: true,
  redactionRule: true,
  notificationLevelsRule: false,
  knocking: false,
  restrictedJoins: false,
  knockRestrictedJoins: false,
  integerPowerLevels: false,
  creator: 'content',
  creatorsAbovePowerLevels: false,
  redaction: {
    keepsOrigin: true,
    keepsAliases: true,
    keepsAllow: false,
    keepsAuthorisingUser: false,
    updated: false,
  },
  redactsIn: 'event',
}
const v2: RoomVersion = { ...v1, id: '2', stateResolution: '2' }
const v3: RoomVersion = { ...v2, id: '3', eventIds: 'base64', redactionRule: false }
const v4: RoomVersion = { ...v3, id: '4', eventIds: 'base64url' }
const v5: RoomVersion = { ...v4, id: '5', enforcesKeyValidity: true }
const v6: RoomVersion = {
  ...v5,
  id: '6',
  strictJson: true,
  aliasesRule: false,
  notificationLevelsRule: true,
  redaction: { ...v5.redaction, keepsAliases: false },
}
const v7: RoomVersion = { ...v6, id: '7', knocking: true }
const v8: RoomVersion = { ...v7, id: '8', restrictedJoins: true, redaction: { ...v7.redaction, keepsAllow: true } }
const v9: RoomVersion = { ...v8, id: '9', redaction: { ...v8.redaction, keepsAuthorisingUser: true } }
const v10: RoomVersion = { ...v9, id: '10', knockRestrictedJoins: true, integerPowerLevels: true }
const v11: RoomVersion = {
  ...v10,
  id: '11',
  fieldLimits: 'bytes',
  creator: 'sender',
  redaction: { ...v10.redaction, keepsOrigin: false, updated: true },
  redactsIn: 'content',
}
const v12: RoomVersion = {
  ...v11,
  id: '12',
  stateResolution: '2.1',
  roomIdIsCreateHash: true,
  creatorsAbovePowerLevels: true,
}

export const roomVersions: Readonly<Record<RoomVersionId, RoomVersion>> = {
  '1': v1,
  '2': v2,
  '3': v3,
  '4': v4,
  '5': v5,
  '6': v6,
  '7': v7,
  '8': v8,
  '9': v9,
  '10': v10,
  '11': v11,
  '12': v12,
}

/** The room version of that name, if it is known here. */
export const roomVersion = (id: string): RoomVersion | undefined =>
  Object.hasOwn(roomVersions, id) ? roomVersions[id as RoomVersionId] : undefined
