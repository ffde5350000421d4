import { accountDataEndpoints } from '../../shared/endpoints/client/account-data.ts'
import { isRoomId } from '../../shared/matrix/ids/room-id.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { AccountData } from '../account-data/account-data.ts'
import { type Handlers, only } from '../http/handlers.ts'
import { jsonText } from '../http/reply.ts'
import type { Requester } from '../http/requester.ts'
import { asJsonText } from '../json-text.ts'
import type { Ruleset } from '../push/ruleset.ts'
import { FULLY_READ } from '../receipts/fully-read.ts'
import { selectAccountDataOfType, selectRoomAccountDataOfType } from '../storage/account-data.ts'
import type { Queries } from '../storage/db.ts'

export const servedAccountDataEndpoints = only(
  accountDataEndpoints,
  'setAccountData',
  'getAccountData',
  'setAccountDataPerRoom',
  'getAccountDataPerRoom',
)

/** Where the server is told to (MSC3391): no part of the specification yet. */
export const accountDataRemovalEndpoints = only(accountDataEndpoints, 'deleteAccountData', 'deleteAccountDataPerRoom')

export interface AccountDataHandlersDeps {
  readonly db: Queries
  readonly accountData: Pick<AccountData, 'set' | 'setInRoom' | 'remove' | 'removeInRoom'>
  readonly ruleset: Ruleset
  /** MSC3391: what is empty is not there. */
  readonly canRemove: boolean
}

/** An index of Postgres has no room for more than 2,700, with the user and the room. */
const MAX_TYPE_BYTES = 1024
const PUSH_RULES = 'm.push_rules'

/** client-server-api, "Client Config". */
export const accountDataHandlers = ({
  db,
  accountData,
  ruleset,
  canRemove,
}: AccountDataHandlersDeps): Handlers<typeof servedAccountDataEndpoints> => ({
  async setAccountData(request) {
    const { userId, type } = request.params
    const own = ownId(request.requester, userId, 'add')
    checkSettable(type)
    const content = await request.json()
    await (canRemove && isEmpty(content) ? accountData.remove(own, type) : accountData.set(own, type, content))
    return {}
  },
  async getAccountData({ params, requester }) {
    const userId = ownId(requester, params.userId, 'get')
    if (params.type === PUSH_RULES) return { global: await ruleset.of(userId) }
    const content = hasNul(params.type) ? undefined : await selectAccountDataOfType(db, userId, params.type)
    if (content === undefined || (canRemove && content === '{}'))
      throw new MatrixError('M_NOT_FOUND', 'Account data not found')
    return jsonText(asJsonText(content))
  },
  async setAccountDataPerRoom(request) {
    const { userId, roomId, type } = request.params
    const own = ownId(request.requester, userId, 'add')
    const room = roomIdOf(roomId)
    checkSettable(type)
    const content = await request.json()
    await (canRemove && isEmpty(content)
      ? accountData.removeInRoom(own, room, type)
      : accountData.setInRoom(own, room, type, content))
    return {}
  },
  async getAccountDataPerRoom({ params, requester }) {
    const userId = ownId(requester, params.userId, 'get')
    const roomId = roomIdOf(params.roomId)
    if (params.type === PUSH_RULES) return {}
    const content = hasNul(params.type) ? undefined : await selectRoomAccountDataOfType(db, userId, roomId, params.type)
    if (content === undefined || (canRemove && content === '{}'))
      throw new MatrixError('M_NOT_FOUND', 'Room account data not found')
    return jsonText(asJsonText(content))
  },
})

/** MSC3391. */
export const accountDataRemovalHandlers = ({
  accountData,
}: Pick<AccountDataHandlersDeps, 'accountData'>): Handlers<typeof accountDataRemovalEndpoints> => ({
  async deleteAccountData({ params: { userId, type }, requester }) {
    const own = ownId(requester, userId, 'delete')
    checkSettable(type)
    await accountData.remove(own, type)
    return {}
  },
  async deleteAccountDataPerRoom({ params: { userId, roomId, type }, requester }) {
    const own = ownId(requester, userId, 'delete')
    const room = roomIdOf(roomId)
    checkSettable(type)
    await accountData.removeInRoom(own, room, type)
    return {}
  },
})

const isEmpty = (content: object): boolean => Object.keys(content).length === 0

function ownId({ userId }: Requester, wanted: string, verb: string) {
  if (userId !== wanted) throw new MatrixError('M_FORBIDDEN', `Cannot ${verb} account data for other users.`)
  return userId
}

function roomIdOf(roomId: string): RoomId {
  if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', `${roomId} is not a valid room ID`)
  return roomId
}

function checkSettable(type: string): void {
  if (type === FULLY_READ) throw notHere(FULLY_READ, '/rooms/!roomId:server.name/read_markers')
  if (type === PUSH_RULES) throw notHere(PUSH_RULES, '/pushrules')
  if (type === '' || hasNul(type) || Buffer.byteLength(type) > MAX_TYPE_BYTES)
    throw new MatrixError('M_INVALID_PARAM', 'not a type of account data')
}

const notHere = (type: string, path: string) =>
  new MatrixError('M_BAD_JSON', `Cannot set ${type} through this API. Use ${path}`, {}, 405)

/** Postgres has none in text. */
const hasNul = (text: string): boolean => text.includes('\0')
