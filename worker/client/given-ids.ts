/** Identifiers as clients give them, in paths and bodies. */

import { parseUserId } from '../../shared/matrix/ids/user-id.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { type JsonObject, property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'

const invalid = (message: string) => new MatrixError('M_INVALID_PARAM', message, {}, 400)

/** Text that may stand in the database, where there is no NUL. Throws M_INVALID_PARAM. */
export function givenText(name: string, text: string): string {
  if (text.includes('\0')) throw invalid(`${name} holds a NUL`)
  return text
}

/** What is no room ID is one that no room has. Throws M_INVALID_PARAM for what could not even be looked for. */
export const givenRoomId = (text: string): RoomId => givenText('roomId', text) as RoomId

/** Throws M_INVALID_PARAM. */
export function givenUserId(text: string): UserId {
  const userId = parseUserId(text)
  if (!userId.ok) throw invalid(`Expected a user ID: ${userId.reason}`)
  return userId.value
}

/** `user_id` of a body. Throws M_MISSING_PARAM, M_INVALID_PARAM. */
export function userIdIn(body: JsonObject): UserId {
  const userId = property(body, 'user_id')
  if (userId === undefined) throw new MatrixError('M_MISSING_PARAM', "Missing params: ['user_id']")
  if (typeof userId !== 'string') throw invalid('user_id must be a string')
  return givenUserId(userId)
}
