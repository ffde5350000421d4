import type { RoomEvent } from '../events/event.ts'
import type { RoomVersion } from '../room-version.ts'
import { authEventKeys } from './auth-events.ts'
import type { AuthRefusal } from './authorise.ts'
import { authoriseCreate } from './create.ts'
import { numbered, type Refusal, refuse } from './rules.ts'

/**
 * The rules that need no state, once per event: "If type is `m.room.create`" (rule 1), and "Considering the event's
 * `auth_events`" (rule 2; rooms/v12 rules 2 and 3).
 *
 * @param authEvents what `event.authEvents` names, all of it
 * @param isRejected whether the event was rejected when it was received
 * @param create from rooms/v12: the event whose ID is the room's, with `$` for `!`, if it is known
 */
export const checkAuthEvents = (
  event: RoomEvent,
  version: RoomVersion,
  authEvents: readonly RoomEvent[],
  isRejected: (event: RoomEvent) => boolean,
  create?: RoomEvent,
): AuthRefusal | undefined => numbered(check(event, version, authEvents, isRejected, create), version)

function check(
  event: RoomEvent,
  version: RoomVersion,
  authEvents: readonly RoomEvent[],
  isRejected: (event: RoomEvent) => boolean,
  create: RoomEvent | undefined,
): Refusal | undefined {
  if (event.type === 'm.room.create') return authoriseCreate(event, version)
  if (version.roomIdIsCreateHash && (create === undefined || !isCreateOf(event.roomId, create) || isRejected(create)))
    return refuse('roomId', `${event.roomId} is not the ID of an accepted create event`)

  const expected = authEventKeys(event, version)
  const seen = new Set<(typeof expected)[number]>()
  for (const authEvent of authEvents) {
    const { type, stateKey, eventId } = authEvent
    const key = expected.find((pair) => pair[0] === type && pair[1] === stateKey)
    if (key === undefined)
      return refuse(
        'authEvents.unexpected',
        `the auth event ${eventId} (${type}, ${stateKey}) does not authorise this one`,
      )
    if (seen.has(key)) return refuse('authEvents.duplicate', `two auth events are (${type}, ${stateKey})`)
    seen.add(key)
    if (isRejected(authEvent)) return refuse('authEvents.rejected', `the auth event ${eventId} was rejected`)
    if (authEvent.roomId !== event.roomId)
      return refuse('authEvents.room', `the auth event ${eventId} is of the room ${authEvent.roomId}`)
  }
  if (!version.roomIdIsCreateHash && !authEvents.some(({ type }) => type === 'm.room.create'))
    return refuse('authEvents.create', 'no auth event is the create event')
  return undefined
}

const isCreateOf = (roomId: string, { type, eventId }: RoomEvent): boolean =>
  type === 'm.room.create' && eventId.slice(1) === roomId.slice(1)
