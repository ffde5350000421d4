/** Whose devices have which keys (client-server-api, "Querying keys"). */

import { type ServerName, serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { Queries } from '../storage/db.ts'
import { type Failures, unreachable } from './remote.ts'
import { loadSignedKeys } from './signed-keys.ts'

export interface KeyQueryAnswer {
  /** By user and device; of everybody of ours who was asked for. */
  readonly deviceKeys: JsonObject
  readonly masterKeys: JsonObject
  readonly selfSigningKeys: JsonObject
  /** The reader's own, if they asked for themselves. */
  readonly userSigningKeys: JsonObject
  readonly failures: Failures
}

/** @param wanted devices by user; none: all of them. */
export type QueryKeys = (reader: UserId, wanted: ReadonlyMap<UserId, readonly string[]>) => Promise<KeyQueryAnswer>

export interface QueryKeysDeps {
  readonly db: Queries
  readonly serverName: ServerName
}

export function makeQueryKeys({ db, serverName }: QueryKeysDeps): QueryKeys {
  return async (reader, wanted) => {
    const local = [...wanted].filter(([userId]) => serverNameOf(userId) === serverName)
    const remote = new Set([...wanted.keys()].map((userId) => serverNameOf(userId)))
    remote.delete(serverName)
    const { devices, crossSigning } = await loadSignedKeys(db, {
      users: local.flatMap(([userId, deviceIds]) => (deviceIds.length === 0 ? userId : [])),
      devices: local.flatMap(([userId, deviceIds]) => deviceIds.map((deviceId) => ({ userId, deviceId }))),
      crossSigning: local.map(([userId]) => userId),
      reader,
    })
    const byUser = Map.groupBy(devices, ({ userId }) => userId)
    const ofUsage = (usage: string): JsonObject =>
      Object.fromEntries(crossSigning.flatMap((row) => (row.usage === usage ? [[row.userId, row.key]] : [])))
    const own = crossSigning.find(({ userId, usage }) => userId === reader && usage === 'user_signing')
    return {
      deviceKeys: Object.fromEntries(
        local.map(([userId]) => [
          userId,
          Object.fromEntries((byUser.get(userId) ?? []).map(({ deviceId, keys }) => [deviceId, keys])),
        ]),
      ),
      masterKeys: ofUsage('master'),
      selfSigningKeys: ofUsage('self_signing'),
      userSigningKeys: own === undefined ? {} : { [reader]: own.key },
      failures: unreachable(remote),
    }
  }
}
