/** Power levels where a room is replaced: of the new room while it is made and after, and of the old one from then on. */

import type { UserId } from '../../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../../../shared/matrix/json/value.ts'

type Levels = Readonly<Record<string, number | Readonly<Record<string, number>>>>

const DEFAULT_STATE = 50
const DEFAULT_BAN = 50
/** Nobody below it says anything in a room that was replaced. */
const MODERATOR = 50

/** Old rooms may have levels as text. What is no integer either way is left out. */
export function integerLevels(content: JsonObject): Levels {
  const levels: Record<string, number | Record<string, number>> = {}
  for (const [key, value] of Object.entries(content)) {
    if (isObject(value)) levels[key] = integers(value)
    else Object.assign(levels, integers({ [key]: value }))
  }
  return levels
}

function integers(values: JsonObject): Record<string, number> {
  const found: Record<string, number> = {}
  for (const [key, value] of Object.entries(values)) {
    const level = levelOf(value)
    if (level !== undefined) found[key] = level
  }
  return found
}

function levelOf(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !/^\s*[+-]?\d+\s*$/.test(value)) return undefined
  const level = Number(value)
  return Number.isSafeInteger(level) ? level : undefined
}

const single = (levels: Levels, key: string, fallback: number): number => {
  const level = levels[key]
  return typeof level === 'number' ? level : fallback
}
const map = (levels: Levels, key: string): Readonly<Record<string, number>> => {
  const value = levels[key]
  return typeof value === 'object' ? value : {}
}

/** Creators that are above all levels (rooms/v12) may not be named among the users. */
export function withoutCreators(levels: Levels, creators: readonly UserId[]): Levels {
  if (creators.length === 0 || levels.users === undefined) return levels
  const users = Object.entries(map(levels, 'users')).filter(([userId]) => !creators.includes(userId as UserId))
  return { ...levels, users: Object.fromEntries(users) }
}

/** The new room's while it is made: who makes it may set all that is carried over, and ban those who were banned. */
export function levelsToMake(old: Levels, maker: UserId, creators: readonly UserId[]): Levels {
  const needed = Math.max(
    single(old, 'state_default', DEFAULT_STATE),
    single(old, 'ban', DEFAULT_BAN),
    0,
    ...Object.values(map(old, 'events')),
  )
  const users = map(old, 'users')
  const own = users[maker] ?? single(old, 'users_default', 0)
  const raised = { ...old, users: own < needed ? { ...users, [maker]: needed } : users }
  return withoutCreators(raised, creators)
}

/** The old room's: only moderators speak and invite there. Undefined: it is so already. */
export function lockedLevels(old: Levels): Levels | undefined {
  const least = Math.max(single(old, 'users_default', 0) + 1, MODERATOR)
  const raised = (['invite', 'events_default'] as const).filter((key) => single(old, key, 0) < least)
  return raised.length === 0 ? undefined : { ...old, ...Object.fromEntries(raised.map((key) => [key, least])) }
}
