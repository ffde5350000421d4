/** What push rules ask of the room, and who sees the event in it: from the state before the event. */

import { type Level, type PowerLevels, readLevel, userLevel } from '../../shared/matrix/event-auth/power-levels.ts'
import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { EventId, UserId } from '../../shared/matrix/ids.ts'
import { isObject, property } from '../../shared/matrix/json/value.ts'
import type { RoomFacts } from '../../shared/matrix/push-rules/event-view.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import { sentToClient, viewOf } from '../../shared/matrix/visibility.ts'

/** Those that are there. */
export type ReadEvents = (eventIds: readonly EventId[]) => Promise<ReadonlyMap<EventId, RoomEvent>>

export async function roomFacts(
  event: RoomEvent,
  version: RoomVersion,
  before: StateMap,
  memberCount: number,
  read: ReadEvents,
): Promise<RoomFacts> {
  const state = await stateOf(before, read, [
    ['m.room.create', ''],
    ['m.room.power_levels', ''],
  ])
  const create = event.type === 'm.room.create' && event.stateKey === '' ? event : state('m.room.create', '')
  const content = state('m.room.power_levels', '')?.content
  const levels: PowerLevels | undefined = create === undefined ? undefined : { version, create, content }
  const notifications = content?.notifications
  return {
    memberCount,
    senderPowerLevel: levels === undefined ? undefined : userLevel(levels, event.sender),
    notificationLevel: (key) =>
      isObject(notifications) ? readableLevel(readLevel(property(notifications, key), version)) : undefined,
  }
}

const readableLevel = (level: Level): Level | undefined => (Number.isNaN(level) ? undefined : level)

/** Of these members of the room, those who are shown the event. */
export async function whoSees(
  event: RoomEvent,
  before: StateMap,
  userIds: readonly UserId[],
  ignorers: ReadonlySet<string>,
  read: ReadEvents,
): Promise<readonly UserId[]> {
  // What is the same for everybody first: in most rooms that is enough.
  const state = await stateOf(before, read, [
    ['m.room.history_visibility', ''],
    ['m.room.join_rules', ''],
  ])
  const visibility = state('m.room.history_visibility', '')?.content.history_visibility
  const isStrict = visibility === 'invited' || visibility === 'joined'
  const members = isStrict
    ? await stateOf(
        before,
        read,
        userIds.map((userId) => ['m.room.member', userId]),
      )
    : () => undefined
  const joinRule = state('m.room.join_rules', '')?.content.join_rule
  const delivery = {
    isSoftFailed: false,
    isOutlier: false,
    isSenderErased: false,
    joinRule: typeof joinRule === 'string' ? joinRule : undefined,
    oldestKept: undefined,
  }
  return userIds.filter((userId) => {
    const lookup = (type: string, stateKey: string) =>
      type === 'm.room.member' ? members(type, stateKey) : state(type, stateKey)
    // They are in the room now, or invited by the event.
    const view = viewOf(event, lookup, userId, true)
    return sentToClient(event, userId, view, { ...delivery, isSenderIgnored: ignorers.has(userId) }) !== 'not'
  })
}

async function stateOf(
  state: StateMap,
  read: ReadEvents,
  wanted: readonly (readonly [type: string, stateKey: string])[],
): Promise<(type: string, stateKey: string) => RoomEvent | undefined> {
  const idOf = (type: string, stateKey: string) => state.get(type)?.get(stateKey)
  const ids = wanted.flatMap(([type, stateKey]) => idOf(type, stateKey) ?? [])
  const events = ids.length === 0 ? undefined : await read(ids)
  return (type, stateKey) => {
    const id = idOf(type, stateKey)
    return id === undefined ? undefined : events?.get(id)
  }
}
