import type { RoomEvent } from '../events/event.ts'
import type { RoomVersion } from '../room-version.ts'
import type { StateLookup } from '../state-map.ts'
import { signedOf } from './third-party-invite.ts'

/** What of an event decides which events authorise it: also of one that is yet to be made. */
export type EventToAuthorise = Pick<RoomEvent, 'type' | 'stateKey' | 'sender' | 'content'>

export type StateKeyPair = readonly [type: string, stateKey: string]

/**
 * Which state authorises an event (server-server-api, "Auth events selection"), each pair once; empty for a create event.
 * Rooms/v12 does not select the create event, though its rules read it: the room's ID says which it is.
 */
export function authEventKeys(event: EventToAuthorise, version: RoomVersion): readonly StateKeyPair[] {
  const { type, stateKey, sender, content } = event
  if (type === 'm.room.create') return []
  const keys: StateKeyPair[] = [
    ['m.room.power_levels', ''],
    ['m.room.member', sender],
  ]
  if (!version.roomIdIsCreateHash) keys.unshift(['m.room.create', ''])
  if (type !== 'm.room.member') return keys

  const { membership } = content
  if (stateKey !== undefined && stateKey !== sender) keys.push(['m.room.member', stateKey])
  if (membership === 'join' || membership === 'invite' || membership === 'knock') keys.push(['m.room.join_rules', ''])
  if (membership === 'invite') {
    const token = signedOf(content)?.token
    if (typeof token === 'string') keys.push(['m.room.third_party_invite', token])
  }
  if (membership === 'join' && version.restrictedJoins) {
    const user = content.join_authorised_via_users_server
    if (typeof user === 'string' && user !== sender && user !== stateKey) keys.push(['m.room.member', user])
  }
  return keys
}

/** Those of the room's state: an event's `auth_events`. */
export function selectAuthEvents(event: EventToAuthorise, version: RoomVersion, state: StateLookup): RoomEvent[] {
  const selected: RoomEvent[] = []
  for (const [type, stateKey] of authEventKeys(event, version)) {
    const found = state(type, stateKey)
    if (found !== undefined) selected.push(found)
  }
  return selected
}
