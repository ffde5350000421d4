/**
 * What an event of our own users must be before it is made, beyond what other servers would refuse: clients rely on `body`
 * being there. The checks, their order and their error codes are Synapse's; M_UNKNOWN is its code where it has no other.
 */

import { maxIdBytes } from '../../shared/matrix/ids/domain-form.ts'
import type { RoomId, ServerName } from '../../shared/matrix/ids.ts'
import { isObject, JsonFloat, type JsonObject, type JsonValue, property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'
import { aclAllows } from '../../shared/matrix/server-acl.ts'
import type { EventIntent } from './sender.ts'

export interface CheckedRoom {
  /** Undefined: not known before the event is made (the create event of rooms/v12 and what comes with it). */
  readonly roomId: RoomId | undefined
  readonly version: RoomVersion
  readonly serverName: ServerName
}

const refused = (message: string, errcode = 'M_UNKNOWN') => new MatrixError(errcode, message, {}, 400)

/** Throws what a client should be told of an event that makes no sense in a room that is there. */
export function checkContent({ type, stateKey, content }: EventIntent, room: CheckedRoom): void {
  if (type.includes('\0') || stateKey?.includes('\0'))
    throw refused('Event types and state keys hold no NUL', 'M_INVALID_PARAM')
  const isState = stateKey !== undefined
  switch (type) {
    case 'm.room.create':
      // Only what makes the room makes it.
      throw refused('Cannot resend m.room.create event', 'M_INVALID_PARAM')
    case 'm.room.message':
      mustBeStrings(content, 'body', 'msgtype')
      break
    case 'm.room.topic':
      mustBeStrings(content, 'topic')
      mustBeState(type, isState)
      break
    case 'm.room.name':
      mustBeStrings(content, 'name')
      mustBeState(type, isState)
      break
    case 'm.room.tombstone':
      if (property(content, 'replacement_room') === undefined) throw refused('Content has no replacement_room key')
      if (content.replacement_room === room.roomId) throw refused('Tombstone cannot reference the room it was sent in')
      mustBeState(type, isState)
      break
    case 'm.room.aliases':
      checkAliases(content.aliases)
      break
    case 'm.room.retention':
      checkRetention(content, isState)
      break
    case 'm.room.server_acl':
      if (!aclAllows(content, room.serverName)) throw refused("Can't create an ACL event that denies the local server")
      break
    case 'm.room.power_levels':
      mustBeState(type, isState)
      checkPowerLevels(content, room.version)
      break
  }
  const mentions = property(content, 'm.mentions')
  if (mentions !== undefined) checkMentions(mentions)
}

function mustBeStrings(content: JsonObject, ...keys: readonly string[]): void {
  for (const key of keys) {
    const value = property(content, key)
    if (value === undefined) throw refused(`'${key}' not in content`)
    if (typeof value !== 'string') throw refused(`'${key}' not a string type`)
  }
}

function mustBeState(type: string, isState: boolean): void {
  if (!isState) throw refused(`'${type}' must be state events`)
}

function checkAliases(aliases: JsonValue | undefined): void {
  if (!Array.isArray(aliases)) return
  for (const alias of aliases)
    if (typeof alias === 'string' && alias.length > maxIdBytes)
      throw refused(`Can't create aliases longer than ${maxIdBytes} characters`, 'M_INVALID_PARAM')
}

function checkRetention({ min_lifetime: least, max_lifetime: most }: JsonObject, isState: boolean): void {
  if (!isState) throw refused('must be a state event')
  for (const [name, value] of [
    ['min_lifetime', least],
    ['max_lifetime', most],
  ] as const)
    if (value !== undefined && value !== null && typeof value !== 'number' && typeof value !== 'bigint')
      throw refused(`'${name}' must be an integer`, 'M_BAD_JSON')
  if (
    (typeof least === 'number' || typeof least === 'bigint') &&
    (typeof most === 'number' || typeof most === 'bigint')
  )
    if (least > most) throw refused("'min_lifetime' can't be greater than 'max_lifetime'", 'M_BAD_JSON')
}

const LEVELS = ['ban', 'events_default', 'invite', 'kick', 'redact', 'state_default', 'users_default'] as const
const MAPS = ['events', 'notifications', 'users'] as const

/** Integers, whatever else old room versions would read as a level. */
function checkPowerLevels(content: JsonObject, version: RoomVersion): void {
  for (const name of LEVELS) {
    const level = content[name]
    if (level !== undefined && !isLevel(level, version)) throw notOfType(name, level, 'integer')
  }
  for (const name of MAPS) {
    const levels = content[name]
    if (levels === undefined) continue
    if (!isObject(levels)) throw notOfType(name, levels, 'object')
    for (const key of Object.keys(levels))
      if (!isLevel(levels[key], version)) throw notOfType(key, levels[key], 'integer')
  }
}

/** `100.0` is an integer to JSON Schema, and so to Synapse, in rooms where numbers may be written so. */
const isLevel = (value: JsonValue | undefined, version: RoomVersion): boolean =>
  typeof value === 'number' ||
  (value instanceof JsonFloat && !version.strictJson && Number.isSafeInteger(Number(value.text)))

function checkMentions(mentions: JsonValue): void {
  if (!isObject(mentions)) throw notOfType(undefined, mentions, 'object')
  const { user_ids: userIds, room } = mentions
  if (room !== undefined && typeof room !== 'boolean') throw notOfType('room', room, 'boolean')
  if (userIds === undefined) return
  if (!Array.isArray(userIds)) throw notOfType('user_ids', userIds, 'array')
  for (const userId of userIds) if (typeof userId !== 'string') throw notOfType('user_ids', userId, 'string')
}

const MAX_SHOWN = 100

function notOfType(key: string | undefined, value: JsonValue | undefined, expected: string): MatrixError {
  const shown =
    isObject(value) || Array.isArray(value) ? 'this' : String(value instanceof JsonFloat ? value.text : value)
  const reason = `${shown.slice(0, MAX_SHOWN)} is not of type '${expected}'`
  return refused(key === undefined ? reason : `"${key.slice(0, MAX_SHOWN)}": ${reason}`, 'M_BAD_JSON')
}
