import type { RoomEvent } from '../events/event.ts'
import { isObject, type JsonObject, type JsonValue, property } from '../json/value.ts'
import type { RoomVersion } from '../room-version.ts'
import { isCreator } from './create.ts'
import { type Level, levelNames, printLevel, readLevel, userLevel } from './power-levels.ts'
import type { Room } from './room.ts'
import { type Refusal, type RuleName, refuse } from './rules.ts'
import { looksLikeUserId } from './user-id.ts'

/** "If type is `m.room.power_levels`" (rooms/v1 to v5 rule 10, v6 to v11 rule 9, v12 rule 10). */
export function authorisePowerLevels(event: RoomEvent, room: Room): Refusal | undefined {
  const refusal = checkContent(event.content, room)
  if (refusal !== undefined) return refusal
  // NOTSPEC: with another state key it takes the place of no earlier event, as Synapse sees it.
  if (room.content === undefined || (event.stateKey !== undefined && event.stateKey !== '')) return undefined
  return checkChanges(event, room.content, room)
}

/** What the content may be, whatever it was before. */
function checkContent(content: JsonObject, room: Room): Refusal | undefined {
  const { version } = room
  if (version.integerPowerLevels) {
    for (const name of levelNames)
      if (content[name] !== undefined && !isLevel(content[name], version))
        return refuse('powerLevels.levels', `${name} is not an integer`)
    for (const name of ['events', 'notifications'] as const)
      if (content[name] !== undefined && !hasLevels(content[name], version))
        return refuse('powerLevels.maps', `${name} is not an object of integers`)
  }
  const { users = {} } = content
  if (!isObject(users)) return refuse('powerLevels.users', 'users is not an object')
  for (const userId of Object.keys(users)) {
    if (!looksLikeUserId(userId)) return refuse('powerLevels.users', `users has ${userId}, which is not a user ID`)
    if (!isLevel(users[userId], version)) return refuse('powerLevels.users', `the level of ${userId} is not an integer`)
  }
  if (version.creatorsAbovePowerLevels) {
    const creator = Object.keys(users).find((userId) => isCreator(room.create, userId, version))
    if (creator !== undefined) return refuse('powerLevels.creators', `users has ${creator}, who created the room`)
  }
  return undefined
}

const isLevel = (value: JsonValue | undefined, version: RoomVersion): boolean =>
  !Number.isNaN(readLevel(value, version))
const hasLevels = (value: JsonValue, version: RoomVersion): boolean =>
  isObject(value) && Object.keys(value).every((key) => isLevel(value[key], version))

/** What the sender may change of the room's power levels. */
function checkChanges({ sender, content }: RoomEvent, current: JsonObject, room: Room): Refusal | undefined {
  const { version } = room
  const has = userLevel(room, sender)
  const no = (rule: RuleName, { what, before, after }: Change): Refusal =>
    refuse(
      rule,
      `${sender}, of power level ${printLevel(has)}, cannot change ${what} from ${shown(before)} to ${shown(after)}`,
    )

  for (const name of levelNames) {
    // Where one is absent there is nothing to compare, no default either: so Synapse reads "added, changed or removed".
    const change = { what: name, before: levelOf(current, name, version), after: levelOf(content, name, version) }
    if (change.before === change.after) continue
    if (!isAtMost(change.before, has)) return no('powerLevels.changedLevel.current', change)
    if (!isAtMost(change.after, has)) return no('powerLevels.changedLevel.new', change)
  }

  const entries = changesIn('events', current, content, version)
  if (version.notificationLevelsRule) entries.push(...changesIn('notifications', current, content, version))
  for (const change of entries) if (!isAtMost(change.before, has)) return no('powerLevels.changedEntry.current', change)
  for (const change of entries) if (!isAtMost(change.after, has)) return no('powerLevels.newEntry.new', change)

  const users = changesIn('users', current, content, version)
  for (const change of users)
    if (change.what !== sender && change.before !== undefined && !(change.before < has))
      return no('powerLevels.changedUser.current', change)
  for (const change of users) if (!isAtMost(change.after, has)) return no('powerLevels.newUser.new', change)
  return undefined
}

/** A level that is not the same before and after; undefined: it is not set. */
interface Change {
  readonly what: string
  readonly before: Level | undefined
  readonly after: Level | undefined
}

const isAtMost = (level: Level | undefined, has: Level): boolean => level === undefined || level <= has
const shown = (level: Level | undefined): string => (level === undefined ? 'unset' : printLevel(level))

function levelOf(object: JsonObject, key: string, version: RoomVersion): Level | undefined {
  const value = property(object, key)
  return value === undefined ? undefined : readLevel(value, version)
}

/** The entries of that map that differ; of one that is no object, which before rooms/v10 can be, the whole as unreadable. */
function changesIn(
  name: 'events' | 'notifications' | 'users',
  { [name]: current = {} }: JsonObject,
  { [name]: next = {} }: JsonObject,
  version: RoomVersion,
): Change[] {
  if (!isObject(current) || !isObject(next)) return [{ what: name, before: Number.NaN, after: Number.NaN }]
  const changes: Change[] = []
  for (const key of Object.keys(current)) {
    const before = levelOf(current, key, version)
    const after = levelOf(next, key, version)
    if (before !== after) changes.push({ what: key, before, after })
  }
  for (const key of Object.keys(next))
    if (!Object.hasOwn(current, key)) changes.push({ what: key, before: undefined, after: levelOf(next, key, version) })
  return changes
}
