import type { tagsEndpoints } from '../../shared/endpoints/client/tags.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { AccountData } from '../account-data/account-data.ts'
import type { Handlers } from '../http/handlers.ts'
import { jsonText } from '../http/reply.ts'
import type { Requester } from '../http/requester.ts'
import { asJsonText, objectText } from '../json-text.ts'
import type { Memberships } from '../rooms/memberships.ts'
import { selectTagsOfRoom } from '../storage/account-data.ts'
import type { Queries } from '../storage/db.ts'

export interface TagsHandlersDeps {
  readonly db: Queries
  readonly accountData: Pick<AccountData, 'setTag' | 'deleteTag'>
  readonly memberships: Pick<Memberships, 'of'>
}

const MAX_TAG_BYTES = 255

/** client-server-api, "Room Tagging". */
export const tagsHandlers = ({ db, accountData, memberships }: TagsHandlersDeps): Handlers<typeof tagsEndpoints> => ({
  async getRoomTags({ params, requester }) {
    const userId = ownId(requester, params.userId, 'get')
    const rows = hasNul(params.roomId) ? [] : await selectTagsOfRoom(db, userId, params.roomId as RoomId)
    const tags = Object.fromEntries(rows.map(({ tag, content }) => [tag, asJsonText(content)]))
    return jsonText(objectText({ tags: objectText(tags) }))
  },
  async setRoomTag(request) {
    const { params, requester } = request
    const userId = ownId(requester, params.userId, 'add')
    const roomId = params.roomId as RoomId
    checkTag(params.tag)
    if (Buffer.byteLength(params.tag) > MAX_TAG_BYTES)
      throw new MatrixError('M_INVALID_PARAM', "tag parameter's length is over 255 bytes")
    if (hasNul(roomId) || (await memberships.of(userId, roomId)) === undefined)
      throw new MatrixError('M_FORBIDDEN', `User ${userId} has no membership in room ${roomId}`)
    await accountData.setTag(userId, roomId, params.tag, await request.json())
    return {}
  },
  async deleteRoomTag({ params, requester }) {
    const userId = ownId(requester, params.userId, 'add')
    if (hasNul(params.roomId) || params.roomId === '' || hasNul(params.tag) || params.tag === '') return {}
    await accountData.deleteTag(userId, params.roomId as RoomId, params.tag)
    return {}
  },
})

function ownId({ userId }: Requester, wanted: string, verb: string): UserId {
  if (userId !== wanted) throw new MatrixError('M_FORBIDDEN', `Cannot ${verb} tags for other users.`)
  return userId
}

function checkTag(tag: string): void {
  if (tag === '' || hasNul(tag)) throw new MatrixError('M_INVALID_PARAM', 'not a tag')
}

/** Postgres has none in text. */
const hasNul = (text: string): boolean => text.includes('\0')
