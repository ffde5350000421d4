import type { RoomEvent } from '../events/event.ts'
import { isObject, JsonFloat, type JsonObject, type JsonValue, property } from '../json/value.ts'
import type { RoomVersion } from '../room-version.ts'
import { isCreator } from './create.ts'

/**
 * A power level: an integer, as `bigint` beyond ±(2^53 − 1) (there JavaScript compares both exactly), `Infinity` of a
 * creator from rooms/v12, and `NaN` of a value that is no level in its room version. All rules allow on a comparison
 * that holds and never on one that does not, so that what cannot be read allows nothing.
 */
export type Level = number | bigint

/** The levels with a property of their own in `m.room.power_levels`, and what holds where there is none. */
const defaults = {
  users_default: 0,
  events_default: 0,
  state_default: 50,
  ban: 50,
  redact: 50,
  kick: 50,
  invite: 0,
} as const
export type LevelName = keyof typeof defaults
export const levelNames = Object.keys(defaults) as readonly LevelName[]

/** What decides levels in a room: its create event, and its `m.room.power_levels` event, if there is one. */
export interface PowerLevels {
  readonly version: RoomVersion
  readonly create: RoomEvent
  readonly content: JsonObject | undefined
}

/**
 * The power level of a user (server-server-api, "Definitions"; `m.room.power_levels`): of creators from rooms/v12
 * infinite; without a power levels event 100 of the creator, 0 of others.
 */
export function userLevel(levels: PowerLevels, userId: string): Level {
  const { content, create, version } = levels
  if (version.creatorsAbovePowerLevels) {
    if (isCreator(create, userId, version)) return Number.POSITIVE_INFINITY
  } else if (content === undefined) return isCreator(create, userId, version) ? 100 : 0
  return levelIn(levels, 'users', userId) ?? namedLevel(levels, 'users_default')
}

/** The level that `users_default` gives, or an act needs: the property's, or its default. */
export function namedLevel(
  { content, version }: PowerLevels,
  name: Exclude<LevelName, 'events_default' | 'state_default'>,
): Level {
  const value = content?.[name]
  return isAbsent(value, version) ? defaults[name] : readLevel(value, version)
}

/** The *required power level* of an event type (server-server-api, "Definitions"). */
export function requiredLevel(levels: PowerLevels, type: string, isState: boolean): Level {
  const level = levelIn(levels, 'events', type)
  if (level !== undefined) return level
  const name = isState ? 'state_default' : 'events_default'
  const value = levels.content?.[name]
  return value === undefined ? defaults[name] : readLevel(value, levels.version)
}

/** The level of an entry of `users` or `events`, undefined where there is none. */
function levelIn({ content, version }: PowerLevels, name: 'users' | 'events', key: string): Level | undefined {
  const entries = content?.[name]
  if (entries === undefined) return undefined
  if (!isObject(entries)) return Number.NaN
  const value = property(entries, key)
  return isAbsent(value, version) ? undefined : readLevel(value, version)
}

/**
 * NOTSPEC: before rooms/v10, where nothing forbids it in a room's first power levels, `null` counts as no value where Synapse
 * takes it so, which is for all but `events_default` and `state_default`: what Synapse admits there is not to be refused here.
 */
const isAbsent = (value: JsonValue | undefined, version: RoomVersion): value is undefined =>
  value === undefined || (value === null && !version.integerPowerLevels)

/** Digits that a string may hold: Synapse (Python's `int`) reads no more, and comparing stays cheap. */
const MAX_DIGITS = 4300
const INTEGER = /^\p{White_Space}*([+-]?[0-9]+)\p{White_Space}*$/u

/**
 * The level that a value says, `NaN` if none: an integer; before rooms/v10 also a string of one (rooms/v1,
 * "`m.room.power_levels` events accept values as strings") and to rooms/v5 a finite float, cut at the point ("…as
 * floats"). Python's `1_0`, digits of other scripts and `true` are none by that text, though Synapse takes them.
 */
export function readLevel(value: JsonValue | undefined, version: RoomVersion): Level {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : Number.NaN
  if (typeof value === 'bigint') return version.strictJson ? Number.NaN : narrowed(value)
  if (version.integerPowerLevels) return Number.NaN
  if (typeof value === 'string') return readString(value)
  if (!(value instanceof JsonFloat) || version.strictJson) return Number.NaN
  const float = Math.trunc(Number(value.text))
  return Number.isFinite(float) ? narrowed(float) : Number.NaN
}

function readString(text: string): Level {
  const digits = INTEGER.exec(text)?.[1]
  if (digits === undefined || digits.replace(/^[+-]/, '').length > MAX_DIGITS) return Number.NaN
  const level = Number(digits)
  // `BigInt` reads no `+`.
  return Number.isSafeInteger(level) ? level : BigInt(digits.replace('+', ''))
}

/** One form per integer, so that equal levels are `===`. */
function narrowed(level: Level): Level {
  const number = Number(level)
  return Number.isSafeInteger(number) ? number : BigInt(level)
}

export const printLevel = (level: Level): string => (Number.isNaN(level) ? 'unreadable' : `${level}`)

/** A refusal's reason: `@bob:b cannot invite: needs power level 50, has 0`. */
export const lacks = (userId: string, act: string, needs: Level, has: Level): string =>
  `${userId} cannot ${act}: needs power level ${printLevel(needs)}, has ${printLevel(has)}`
