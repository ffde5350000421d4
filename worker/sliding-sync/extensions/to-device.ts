/** The extension `to_device`: messages to the client's device. It has a token of its own, the position in their stream. */

import { arrayText, jsonTextOf, objectText } from '../../json-text.ts'
import type { StreamToken } from '../../streams/tokens.ts'
import type { Inbox } from '../../to-device/inbox.ts'
import type { SlidingSyncRequest } from '../request.ts'
import type { ExtensionAnswer } from './answer.ts'

const MAX_MESSAGES = 100

const positionOf = (since: string | undefined): number => (since === undefined ? 0 : Number(since))

export async function toDeviceExtension(
  inbox: Pick<Inbox, 'messages'>,
  { userId, deviceId, extensions: { toDevice } }: SlidingSyncRequest,
  now: StreamToken,
): Promise<ExtensionAnswer> {
  const { since, limit } = toDevice!
  const from = positionOf(since)
  const { messages, upTo } =
    deviceId === undefined || from > now.toDevice
      ? { messages: [], upTo: deviceId === undefined ? now.toDevice : from }
      : await inbox.messages(userId, deviceId, from, now.toDevice, Math.min(Math.max(limit, 0), MAX_MESSAGES))
  return {
    text: objectText({ next_batch: jsonTextOf(String(upTo)), events: arrayText(messages) }),
    hasNews: messages.length > 0,
  }
}

/** What the client has, as its token says, is not kept any longer. Undefined: there is nothing to do. */
export function forgetFetched(
  inbox: Pick<Inbox, 'forget'>,
  { userId, deviceId, extensions: { toDevice } }: SlidingSyncRequest,
  now: StreamToken,
): Promise<void> | undefined {
  const upTo = positionOf(toDevice?.since)
  return deviceId === undefined || upTo === 0 || upTo > now.toDevice ? undefined : inbox.forget(userId, deviceId, upTo)
}
