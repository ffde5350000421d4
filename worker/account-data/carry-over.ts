import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { selectAccountDataOfType, selectTagsOfRoom } from '../storage/account-data.ts'
import type { Queries } from '../storage/db.ts'
import type { AccountData } from './account-data.ts'

const DIRECT = 'm.direct'

export interface CarryOverDeps {
  readonly db: Queries
  readonly accountData: Pick<AccountData, 'set' | 'setTag'>
}

/** A room is replaced by another: the user's tags of it, and whom they have it for (`m.direct`), are the new one's too. */
export async function carryOverAccountData(
  { db, accountData }: CarryOverDeps,
  userId: UserId,
  from: RoomId,
  to: RoomId,
): Promise<void> {
  const direct = withReplacement(await objectOf(selectAccountDataOfType(db, userId, DIRECT)), from, to)
  if (direct !== undefined) await accountData.set(userId, DIRECT, direct)
  for (const { tag, content } of await selectTagsOfRoom(db, userId, from)) {
    const parsed = await objectOf(content)
    await accountData.setTag(userId, to, tag, parsed ?? {})
  }
}

async function objectOf(text: string | undefined | Promise<string | undefined>): Promise<JsonObject | undefined> {
  const given = await text
  const parsed = given === undefined ? undefined : parseJson(given)
  return parsed?.ok && isObject(parsed.value) ? parsed.value : undefined
}

/** Undefined: the room is nobody's, or its replacement is named already. */
export function withReplacement(direct: JsonObject | undefined, from: RoomId, to: RoomId): JsonObject | undefined {
  for (const [userId, rooms] of Object.entries(direct ?? {}))
    if (Array.isArray(rooms) && rooms.includes(from) && !rooms.includes(to))
      return { ...direct, [userId]: [...rooms, to] }
  return undefined
}
