/** Messages to devices of another server, as that is sent them (server-server-api, "Send-to-device messaging"). */

import { randomBytes } from 'node:crypto'
import type { UserId } from '../../shared/matrix/ids.ts'
import { type JsonText, jsonTextOf, objectText } from '../json-text.ts'

/** By user, by device: the content of a message. */
export type ContentTexts = ReadonlyMap<UserId, ReadonlyMap<string, JsonText>>

/** In bytes, of the EDU: a server's transaction has room for some of them beside its events, and others refuse larger ones. */
export const MAX_EDU_BYTES = 65_536
const AROUND = '{"content":,"edu_type":"m.direct_to_device"}'.length
const MESSAGE_ID_BYTES = 12

/**
 * Contents of EDUs `m.direct_to_device`, each with some of the messages and a `message_id` of its own: as many messages as go
 * into {@link MAX_EDU_BYTES}, but one at least. One user's messages are parted only where they are too many for one EDU.
 */
export function directToDeviceEdus(sender: UserId, type: string, messages: ContentTexts): readonly JsonText[] {
  const print = (parts: readonly string[]): JsonText =>
    objectText({
      sender: jsonTextOf(sender),
      type: jsonTextOf(type),
      message_id: jsonTextOf(randomBytes(MESSAGE_ID_BYTES).toString('base64url')),
      messages: `{${parts.join()}}` as JsonText,
      // Whoever sends it as Synapse does looks there.
      'org.matrix.opentracing_context': jsonTextOf('{}'),
    })
  const room = MAX_EDU_BYTES - AROUND - Buffer.byteLength(print([]))

  const edus: JsonText[] = []
  let parts: string[] = []
  let size = 0
  const close = () => {
    if (parts.length > 0) edus.push(print(parts))
    parts = []
    size = 0
  }
  const add = (part: string) => {
    const bytes = Buffer.byteLength(part) + 1
    if (size + bytes > room) close()
    parts.push(part)
    size += bytes
  }
  for (const [userId, devices] of messages) {
    const ofDevices = [...devices].map(([deviceId, content]) => `${jsonTextOf(deviceId)}:${content}`)
    const whole = ofUser(userId, ofDevices)
    if (Buffer.byteLength(whole) < room) add(whole)
    else for (const some of packs(ofDevices, room - Buffer.byteLength(ofUser(userId, [])))) add(ofUser(userId, some))
    // Two parts of a user are never in one EDU: the second would take the place of the first.
    if (Buffer.byteLength(whole) >= room) close()
  }
  close()
  return edus
}

const ofUser = (userId: UserId, ofDevices: readonly string[]): string => `${jsonTextOf(userId)}:{${ofDevices.join()}}`

function packs(items: readonly string[], room: number): readonly (readonly string[])[] {
  const found: string[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const item of items) {
    const bytes = Buffer.byteLength(item) + 1
    if (size + bytes > room) {
      found.push([])
      size = 0
    }
    found.at(-1)!.push(item)
    size += bytes
  }
  return found
}
