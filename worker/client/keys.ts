import type { keysEndpoints } from '../../shared/endpoints/client/keys.ts'
import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { DeviceLists } from '../devices/device-lists.ts'
import type { Handlers, RequestOf } from '../http/handlers.ts'
import { requiredString } from '../http/query.ts'
import { jsonText } from '../http/reply.ts'
import { jsonTextOf, objectText } from '../json-text.ts'
import type { ClaimKeys } from '../keys/claim.ts'
import type { QueryKeys } from '../keys/query.ts'
import type { UploadKeys } from '../keys/upload.ts'
import type { Claim } from '../storage/one-time-keys.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { parseStreamToken } from '../streams/tokens.ts'
import { readKeyUpload } from './key-upload.ts'

export interface KeysDeps {
  readonly uploadKeys: UploadKeys
  readonly queryKeys: QueryKeys
  readonly claimKeys: ClaimKeys
  readonly deviceLists: Pick<DeviceLists, 'between'>
  readonly streams: Pick<LiveStreams, 'now' | 'reach' | 'instances'>
}

type Upload = RequestOf<(typeof keysEndpoints)['uploadKeys']>

/** How long this process may be behind the one that gave the token. */
const MAX_BEHIND_MS = 10_000

/** client-server-api, "Key management API". */
export const keysHandlers = (deps: KeysDeps): Handlers<typeof keysEndpoints> => {
  const { uploadKeys, queryKeys, claimKeys, deviceLists, streams } = deps

  async function upload(request: Pick<Upload, 'requester' | 'json'>) {
    const { userId, deviceId } = request.requester
    const body = await request.json()
    const keys = readKeyUpload(body)
    if (deviceId === undefined)
      throw new MatrixError('M_UNKNOWN', 'To upload keys, you must pass device_id when authenticating')
    if (keys.deviceKeys !== undefined) {
      if (keys.deviceKeys.user_id !== userId) throw notOwn('user_id', 'user')
      if (keys.deviceKeys.device_id !== deviceId) throw notOwn('device_id', 'user device')
    }
    return { one_time_key_counts: await uploadKeys(userId, deviceId, keys) }
  }

  return {
    uploadKeys: upload,
    uploadKeysForDevice: upload,

    async queryKeys(request) {
      const answer = await queryKeys(request.requester.userId, wantedDevices((await request.json()).device_keys))
      return {
        device_keys: answer.deviceKeys,
        failures: answer.failures,
        master_keys: answer.masterKeys,
        self_signing_keys: answer.selfSigningKeys,
        user_signing_keys: answer.userSigningKeys,
      }
    },

    async claimKeys(request) {
      const { oneTimeKeys, failures } = await claimKeys(claimsIn((await request.json()).one_time_keys))
      return jsonText(objectText({ one_time_keys: oneTimeKeys, failures: jsonTextOf(failures) }))
    },

    async getKeysChanges({ requester, query }) {
      const from = parseStreamToken(requiredString(query, 'from'), streams.instances)
      if (!from.ok) throw new MatrixError('M_UNKNOWN', 'Invalid stream token')
      await streams.reach(from.value, MAX_BEHIND_MS)
      const { changed, left } = await deviceLists.between(requester.userId, from.value, streams.now())
      return { changed, left }
    },
  }
}

const notOwn = (field: string, whose: string) =>
  new MatrixError(
    'M_BAD_JSON',
    `Provided \`${field}\` in \`device_keys\` does not match that of the authenticated ${whose}`,
  )

/** Users whom nobody can be are left out, as those who have no keys. */
function wantedDevices(deviceKeys: JsonValue | undefined): ReadonlyMap<UserId, readonly string[]> {
  if (!isObject(deviceKeys)) throw new MatrixError('M_BAD_JSON', "'device_keys' must be a JSON object")
  const wanted = new Map<UserId, readonly string[]>()
  for (const [userId, devices] of Object.entries(deviceKeys)) {
    if (!Array.isArray(devices) || !devices.every((device) => typeof device === 'string'))
      throw new MatrixError('M_BAD_JSON', "'device_keys' values must be a list of strings")
    const named = devices as readonly string[]
    if (isUserId(userId) && isStorable(userId)) wanted.set(userId, named.length === 0 ? [] : storable(named))
  }
  return wanted
}

/** Postgres has no NUL in text. A name with one is no device's; but no name at all would be all devices. */
const isStorable = (text: string): boolean => !text.includes('\0') && text.isWellFormed()
const storable = (names: readonly string[]): readonly string[] => names.map((name) => (isStorable(name) ? name : ''))

function claimsIn(oneTimeKeys: JsonValue | undefined): readonly Claim[] {
  if (oneTimeKeys === undefined) return []
  const malformed = () => new MatrixError('M_BAD_JSON', 'one_time_keys: must be algorithms by user and device')
  if (!isObject(oneTimeKeys)) throw malformed()
  const claims: Claim[] = []
  for (const [userId, devices] of Object.entries(oneTimeKeys)) {
    if (!isObject(devices)) throw malformed()
    if (!isUserId(userId) || !isStorable(userId))
      throw new MatrixError('M_INVALID_PARAM', `'${userId}' is not a valid user ID`)
    for (const [deviceId, algorithm] of Object.entries(devices)) {
      if (typeof algorithm !== 'string') throw malformed()
      if (isStorable(deviceId) && isStorable(algorithm)) claims.push({ userId, deviceId, algorithm })
    }
  }
  return claims
}
