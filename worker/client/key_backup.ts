import type { keyBackupEndpoints } from '../../shared/endpoints/client/key_backup.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { anything, boolean, integer, object, record } from '../../shared/schema.ts'
import { checked } from '../http/body.ts'
import type { Handlers } from '../http/handlers.ts'
import { type Query, requiredString } from '../http/query.ts'
import { jsonText } from '../http/reply.ts'
import { asJsonText, type JsonText, jsonTextOf, objectText } from '../json-text.ts'
import type { BackupInfo, Backups, Part } from '../keys/backup.ts'
import type { RoomKeyRow } from '../storage/key-backup.ts'

/** What the table's columns hold. */
const MAX_INT = 2 ** 31 - 1
const session = object({
  first_message_index: integer({ minimum: 0, maximum: MAX_INT }),
  forwarded_count: integer({ minimum: 0, maximum: MAX_INT }),
  is_verified: boolean(),
  session_data: anything(),
})
const room = object({ sessions: record(session) })
const rooms = object({ rooms: record(room) })

/** client-server-api, "Server-side key backups". */
export const keyBackupHandlers = ({ backups }: { readonly backups: Backups }): Handlers<typeof keyBackupEndpoints> => {
  const put = async (userId: UserId, query: Query, body: JsonObject) => {
    const version = requiredString(query, 'version')
    return backups.putKeys(userId, version, rowsOf(body))
  }
  const get = async (userId: UserId, query: Query, part: Part = {}) =>
    backups.keys(userId, requiredString(query, 'version'), part)
  const remove = async (userId: UserId, query: Query, part: Part = {}) =>
    backups.removeKeys(userId, requiredString(query, 'version'), part)

  return {
    async postRoomKeysVersion(request) {
      const { algorithm, auth_data: authData } = await request.json()
      if (algorithm === undefined) throw new MatrixError('M_MISSING_PARAM', 'algorithm: is missing')
      if (typeof algorithm !== 'string' || algorithm.includes('\0'))
        throw new MatrixError('M_BAD_JSON', 'algorithm: must be a string')
      if (authData === undefined) throw new MatrixError('M_MISSING_PARAM', 'auth_data: is missing')
      return { version: await backups.create(request.requester.userId, algorithm, authData) }
    },

    getRoomKeysVersionCurrent: async ({ requester }) => printInfo(await infoOf(backups, requester.userId, undefined)),
    getRoomKeysVersion: async ({ requester, params: { version } }) =>
      printInfo(await infoOf(backups, requester.userId, version)),

    async putRoomKeysVersion(request) {
      const { version } = request.params
      const body = await request.json()
      if (body.version !== undefined && body.version !== version)
        throw new MatrixError('M_INVALID_PARAM', 'Version in body does not match')
      if (body.algorithm === undefined) throw new MatrixError('M_MISSING_PARAM', 'algorithm: is missing')
      await backups.update(request.requester.userId, version, String(body.algorithm), body.auth_data)
      return {}
    },

    async deleteRoomKeysVersion({ requester, params: { version } }) {
      await backups.remove(requester.userId, version)
      return {}
    },

    putRoomKeys: async (request) => put(request.requester.userId, request.query, await request.json()),
    putRoomKeysByRoomId: async (request) =>
      put(request.requester.userId, request.query, { rooms: { [request.params.roomId]: await request.json() } }),
    async putRoomKeyBySessionId(request) {
      const { roomId, sessionId } = request.params
      const sessions = { [sessionId]: await request.json() }
      return put(request.requester.userId, request.query, { rooms: { [roomId]: { sessions } } })
    },

    async getRoomKeys({ requester, query }) {
      const keys = await get(requester.userId, query)
      const byRoom = [...Map.groupBy(keys, ({ roomId }) => roomId)].map(
        ([roomId, ofRoom]) => [roomId, printRoom(ofRoom)] as const,
      )
      return jsonText(objectText({ rooms: objectText(Object.fromEntries(byRoom)) }))
    },
    getRoomKeysByRoomId: async ({ requester, query, params: { roomId } }) =>
      jsonText(printRoom(await get(requester.userId, query, { roomId }))),
    async getRoomKeyBySessionId({ requester, query, params: { roomId, sessionId } }) {
      const [key] = await get(requester.userId, query, { roomId, sessionId })
      if (key === undefined) throw new MatrixError('M_NOT_FOUND', 'No room_keys found')
      return jsonText(printKey(key))
    },

    deleteRoomKeys: ({ requester, query }) => remove(requester.userId, query),
    deleteRoomKeysByRoomId: ({ requester, query, params: { roomId } }) => remove(requester.userId, query, { roomId }),
    deleteRoomKeyBySessionId: ({ requester, query, params: { roomId, sessionId } }) =>
      remove(requester.userId, query, { roomId, sessionId }),
  }
}

async function infoOf(backups: Backups, userId: UserId, version: string | undefined): Promise<BackupInfo> {
  try {
    return await backups.info(userId, version)
  } catch (error) {
    if (error instanceof MatrixError && error.errcode === 'M_NOT_FOUND')
      throw new MatrixError('M_NOT_FOUND', 'No backup found')
    throw error
  }
}

const printInfo = ({ version, algorithm, authData, etag, count }: BackupInfo) =>
  jsonText(
    objectText({
      auth_data: asJsonText(authData),
      version: jsonTextOf(version),
      algorithm: jsonTextOf(algorithm),
      etag: jsonTextOf(etag),
      count: jsonTextOf(count),
    }),
  )

function rowsOf(body: JsonObject): readonly RoomKeyRow[] {
  const rows: RoomKeyRow[] = []
  refuseUnverified(body)
  for (const [roomId, { sessions }] of Object.entries(checked(body, rooms).rooms))
    for (const [sessionId, key] of Object.entries(sessions)) {
      if (!isStorable(roomId) || !isStorable(sessionId))
        throw new MatrixError('M_INVALID_PARAM', 'rooms and sessions must be text')
      rows.push({
        roomId,
        sessionId,
        firstMessageIndex: key.first_message_index,
        forwardedCount: key.forwarded_count,
        isVerified: key.is_verified,
        sessionData: jsonTextOf(key.session_data),
      })
    }
  return rows
}

/** As Synapse: of another type than `is_verified` may be, the error is another than of all else. */
function refuseUnverified({ rooms: all }: JsonObject): void {
  for (const ofRoom of isObject(all) ? Object.values(all) : [])
    for (const key of isObject(ofRoom) && isObject(ofRoom.sessions) ? Object.values(ofRoom.sessions) : [])
      if (isObject(key) && key.is_verified !== undefined && typeof key.is_verified !== 'boolean')
        throw new MatrixError('M_INVALID_PARAM', 'is_verified must be a boolean')
}

const isStorable = (text: string): boolean => !text.includes('\0') && text.isWellFormed()

const printRoom = (keys: readonly RoomKeyRow[]): JsonText =>
  objectText({ sessions: objectText(Object.fromEntries(keys.map((key) => [key.sessionId, printKey(key)]))) })

const printKey = ({ firstMessageIndex, forwardedCount, isVerified, sessionData }: RoomKeyRow): JsonText =>
  objectText({
    first_message_index: jsonTextOf(firstMessageIndex),
    forwarded_count: jsonTextOf(forwardedCount),
    is_verified: jsonTextOf(isVerified),
    session_data: asJsonText(sessionData),
  })
