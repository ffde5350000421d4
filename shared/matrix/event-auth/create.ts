import type { RoomEvent } from '../events/event.ts'
import { isUserId } from '../ids/user-id.ts'
import { serverNameOf, type UserId } from '../ids.ts'
import { property } from '../json/value.ts'
import { type RoomVersion, roomVersion } from '../room-version.ts'
import { type Refusal, refuse } from './rules.ts'

/** "If type is `m.room.create`" (rule 1 of all room versions). No state is needed. */
export function authoriseCreate(event: RoomEvent, version: RoomVersion): Refusal | undefined {
  const { content, sender } = event
  if (event.prevEvents.length > 0) return refuse('create.prevEvents', 'a create event comes after no other event')
  if (version.roomIdIsCreateHash) {
    if (property(event.json, 'room_id') !== undefined)
      return refuse('create.roomId', 'a create event has no room_id: its hash is the ID of the room')
  } else if (serverNameOf(event.roomId) !== serverNameOf(sender))
    return refuse('create.roomId', `${sender} cannot create ${event.roomId}, which is named for another server`)
  const named = content.room_version
  if (named !== undefined && (typeof named !== 'string' || roomVersion(named) === undefined))
    return refuse('create.roomVersion', 'room_version is not known here')
  if (version.creator === 'content' && content.creator === undefined)
    return refuse('create.creator', 'a create event names its creator')
  if (version.creatorsAbovePowerLevels && content.additional_creators !== undefined) {
    const creators = content.additional_creators
    if (!Array.isArray(creators) || !creators.every((userId) => typeof userId === 'string' && isUserId(userId)))
      return refuse('create.additionalCreators', 'additional_creators is not a list of user IDs')
  }
  return undefined
}

/**
 * Whether the user made the room: by `content.creator`, from rooms/v11 by sending the create event. From rooms/v12 the
 * `additional_creators` did so too.
 */
export function isCreator(create: RoomEvent, userId: string, version: RoomVersion): boolean {
  if (userId === firstCreator(create, version)) return true
  const additional = version.creatorsAbovePowerLevels ? create.content.additional_creators : undefined
  return Array.isArray(additional) && additional.includes(userId)
}

/** The user who may be the room's first member. Not always a string: rooms/v1 only asks that there is a `creator`. */
export const firstCreator = (create: RoomEvent, version: RoomVersion) =>
  version.creator === 'sender' ? create.sender : create.content.creator

/**
 * Whether users of that user's server may take part in the room ("`m.federate` set to `false`").
 * NOTSPEC: any value but `true` keeps other servers out: Synapse reads it so.
 */
export function mayTakePart(create: RoomEvent, userId: string): boolean {
  const federate = create.content['m.federate']
  return federate === undefined || federate === true || serverNameOf(userId as UserId) === serverNameOf(create.sender)
}
