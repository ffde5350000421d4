/** `to_device`: messages that other devices sent to the one that asks (client-server-api, "Send-to-Device messaging"). */

import type { JsonText } from '../json-text.ts'
import type { StreamToken } from '../streams/tokens.ts'
import type { Inbox } from '../to-device/inbox.ts'
import type { SyncRequest } from './request.ts'

/** The rest is told with the next answer, which comes at once. */
const MAX_MESSAGES = 100

type Asked = Pick<SyncRequest, 'userId' | 'deviceId' | 'since'>

/** False: there is none for the device. */
export const mayHaveMessages = (
  inbox: Pick<Inbox, 'mayHave'>,
  { userId, deviceId, since }: Asked,
  now: StreamToken,
): boolean => deviceId !== undefined && inbox.mayHave(userId, deviceId, since?.toDevice ?? 0, now.toDevice)

export interface ToDeviceSection {
  readonly messages: readonly JsonText[]
  /** How far the client has them, then. */
  readonly upTo: number
}

export async function loadMessages(
  inbox: Pick<Inbox, 'messages'>,
  { userId, deviceId, since }: Asked,
  now: StreamToken,
): Promise<ToDeviceSection> {
  if (deviceId === undefined) return { messages: [], upTo: now.toDevice }
  return inbox.messages(userId, deviceId, since?.toDevice ?? 0, now.toDevice, MAX_MESSAGES)
}

/** What the client has, as its token says, is not kept any longer. Undefined: there is nothing to do, as mostly. */
export const forgetFetched = (
  inbox: Pick<Inbox, 'forget'>,
  { userId, deviceId, since }: Asked,
): Promise<void> | undefined =>
  deviceId === undefined || since === undefined ? undefined : inbox.forget(userId, deviceId, since.toDevice)
