/** What a room that replaces another one has of it (client-server-api, "Server behaviour" of room upgrades). */

import type { EventId, RoomId, ServerName } from '../../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../../../shared/matrix/json/value.ts'
import type { RoomVersion } from '../../../shared/matrix/room-version.ts'
import type { StateFilter } from '../../storage/state-groups.ts'

/** Besides power levels. As Synapse, in its order. */
const CARRIED = [
  'm.room.join_rules',
  'm.room.name',
  'm.room.topic',
  'm.room.history_visibility',
  'm.room.guest_access',
  'm.room.avatar',
  'm.room.encryption',
  'm.room.server_acl',
]
export const POWER_LEVELS = 'm.room.power_levels'
export const CANONICAL_ALIAS = 'm.room.canonical_alias'
const SPACE_CHILD = 'm.space.child'

/** The state of the old room that its replacement needs. A space's children go with it. */
export const carriedFilters = (create: JsonObject): readonly StateFilter[] => [
  ...[...CARRIED, POWER_LEVELS].map((type) => ({ type, stateKey: '' })),
  ...(create.type === 'm.space' ? [{ type: SPACE_CHILD }] : []),
]

/** Goes as it is, not in a way of its own. A child without content was taken out of the space. */
export const isCarried = ({ type, content }: { readonly type: string; readonly content: JsonObject }): boolean =>
  type !== POWER_LEVELS && type !== CANONICAL_ALIAS && (type !== SPACE_CHILD || Object.keys(content).length > 0)

/**
 * The content of the new room's create event.
 *
 * @param tombstone the event by which the old room points here; undefined where that cannot be known before (rooms/v12)
 */
export function replacementContent(
  oldRoomId: RoomId,
  old: JsonObject,
  version: RoomVersion,
  tombstone: EventId | undefined,
  additionalCreators: readonly JsonValue[] | undefined,
): JsonObject {
  const federate = old['m.federate']
  return {
    room_version: version.id,
    predecessor: { room_id: oldRoomId, ...(tombstone !== undefined && { event_id: tombstone }) },
    ...(additionalCreators !== undefined && { additional_creators: additionalCreators }),
    ...(federate !== undefined && isFalsy(federate) && { 'm.federate': false }),
    ...(old.type !== undefined && old.type !== null && { type: old.type }),
  }
}

/** As Python has it: an empty list or map is nothing, too. */
const isFalsy = (value: JsonValue): boolean =>
  !value || (Array.isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0)

/** An `m.room.canonical_alias` in two: the aliases of this server go to the new room, those of others stay. */
export function splitCanonicalAlias(
  content: JsonObject,
  serverName: ServerName,
): { readonly old: JsonObject; readonly replacement: JsonObject } {
  const isOurs = (alias: JsonValue | undefined): boolean => typeof alias === 'string' && domainOf(alias) === serverName
  const { alias, alt_aliases: listed, ...rest } = content
  const alternatives: readonly JsonValue[] = Array.isArray(listed) ? listed : []
  const staying = alternatives.filter((alternative) => !isOurs(alternative))
  return {
    old: {
      ...rest,
      ...(alias !== undefined && !isOurs(alias) && { alias }),
      ...(staying.length > 0
        ? { alt_aliases: staying }
        : listed !== undefined && alternatives.length === 0 && { alt_aliases: listed }),
    },
    replacement: {
      ...(isOurs(alias) && { alias: alias! }),
      ...(alternatives.length > 0 && { alt_aliases: alternatives.filter(isOurs) }),
    },
  }
}

const domainOf = (alias: string): string => alias.slice(alias.indexOf(':') + 1)
