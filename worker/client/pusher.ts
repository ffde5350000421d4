import type { pusherEndpoints } from '../../shared/endpoints/client/pusher.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { requiredString } from '../http/query.ts'
import { html } from '../http/reply.ts'
import { jsonTextOf } from '../json-text.ts'
import type { Pushers } from '../push/pushers.ts'
import type { Queries } from '../storage/db.ts'
import { type PusherRow, selectOwnerOfEmail } from '../storage/pushers.ts'
import type { PusherLinks } from '../users/pusher-links.ts'

export interface PusherHandlersDeps {
  readonly db: Queries
  readonly pushers: Pushers
  readonly links: Pick<PusherLinks, 'verify'>
  /** MSC3881: pushers can be switched off, and tell their device. */
  readonly tellsDevices: boolean
}

const REQUIRED = ['kind', 'app_id', 'app_display_name', 'device_display_name', 'pushkey', 'lang', 'data'] as const
const PATH = '/_matrix/push/v1/notify'
const ENABLED = 'org.matrix.msc3881.enabled'
const DEVICE_ID = 'org.matrix.msc3881.device_id'
/** What the index of these columns has room for, as the specification has them (`pushkey`: 512 bytes, `app_id`: 64 characters), and more. */
const MAX_KEY_BYTES = 1_024

/** client-server-api, "Push Notifications". */
export const pusherHandlers = ({
  db,
  pushers,
  links,
  tellsDevices,
}: PusherHandlersDeps): Handlers<typeof pusherEndpoints> => ({
  async getPushers({ requester }) {
    const rows = await pushers.ofUser(requester.userId)
    return { pushers: rows.map((row) => printPusher(row, tellsDevices)) }
  },

  async postPusher(request) {
    const { userId, deviceId } = request.requester
    const body = await request.json()
    if (body.kind === null && 'app_id' in body && 'pushkey' in body) {
      const [appId, pushkey] = [text(body, 'app_id'), text(body, 'pushkey')]
      await pushers.remove({ userId, appId, pushkey })
      return {}
    }
    const missing = REQUIRED.filter((key) => !(key in body))
    if (missing.length > 0) throw new MatrixError('M_MISSING_PARAM', `Missing params: ${missing.join(', ')}`)
    const pusher: PusherRow = {
      userId,
      appId: text(body, 'app_id'),
      pushkey: text(body, 'pushkey'),
      kind: text(body, 'kind'),
      appDisplayName: text(body, 'app_display_name'),
      deviceDisplayName: text(body, 'device_display_name'),
      profileTag: body.profile_tag === undefined ? '' : text(body, 'profile_tag'),
      lang: body.lang === null ? null : text(body, 'lang'),
      data: jsonTextOf(body.data),
      enabled: !tellsDevices || body[ENABLED] === undefined || body[ENABLED] === true,
      deviceId: deviceId ?? null,
    }
    if (Buffer.byteLength(pusher.appId) > MAX_KEY_BYTES || Buffer.byteLength(pusher.pushkey) > MAX_KEY_BYTES)
      throw new MatrixError('M_INVALID_PARAM', 'app_id and pushkey must not be so long')
    // Whoever had the application before is not to hear of this user.
    if (body.append !== true) await pushers.removeOfOthers(pusher)
    await checkPusher(db, pusher, body.data)
    await pushers.set(pusher)
    return {}
  },

  /** From a mail: the link has a token of its own. */
  async removePusher({ query }) {
    const [token, appId, pushkey] = ['access_token', 'app_id', 'pushkey'].map((name) => requiredString(query, name))
    const userId = links.verify(token!, appId!, pushkey!)
    if (userId === undefined) throw new MatrixError('M_FORBIDDEN', 'Invalid token')
    await pushers.remove({ userId, appId: appId!, pushkey: pushkey! })
    return html('<html><body>You have been unsubscribed</body><html>')
  },
})

function text(body: JsonObject, key: string): string {
  const value = body[key]
  if (typeof value !== 'string' || value.includes('\0')) throw new MatrixError('M_BAD_JSON', `${key} must be a string`)
  return value
}

/** Throws M_MISSING_PARAM, M_THREEPID_NOT_FOUND. */
async function checkPusher(db: Queries, { kind, pushkey, userId }: PusherRow, data: JsonValue | undefined) {
  if (kind === 'email') {
    if ((await selectOwnerOfEmail(db, pushkey.toLowerCase())) !== userId)
      throw new MatrixError('M_THREEPID_NOT_FOUND', 'Email not found')
    return
  }
  if (kind !== 'http') return
  const refused = (why: string) => new MatrixError('M_MISSING_PARAM', `Config Error: ${why}`)
  if (!isObject(data)) throw refused("'data' key can not be null for HTTP pusher")
  if (!('url' in data)) throw refused("'url' required in data for HTTP pusher")
  if (typeof data.url !== 'string') throw refused("'url' must be a string")
  if (!URL.canParse(data.url) || new URL(data.url).pathname !== PATH)
    throw refused(`'url' must have a path of '${PATH}'`)
}

function printPusher(row: PusherRow, tellsDevices: boolean): JsonObject {
  const data = parseJson(row.data)
  return {
    app_display_name: row.appDisplayName,
    app_id: row.appId,
    data: data.ok ? data.value : {},
    device_display_name: row.deviceDisplayName,
    kind: row.kind,
    lang: row.lang,
    profile_tag: row.profileTag,
    pushkey: row.pushkey,
    ...(tellsDevices && { [ENABLED]: row.enabled, [DEVICE_ID]: row.deviceId }),
  }
}
