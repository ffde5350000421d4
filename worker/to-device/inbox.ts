/** Messages from device to device, kept until they were fetched (client-server-api, "Send-to-Device messaging"). */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { JsonText } from '../json-text.ts'

/** By user, by device; the device `*` is all that the user has. */
export type ToDeviceMessages = ReadonlyMap<UserId, ReadonlyMap<string, JsonObject>>

export interface Inbox {
  /** Stores messages of one type; in any process: the writer of the stream `to_device` is asked. Unknown devices get none. */
  readonly send: (sender: UserId, type: string, messages: ToDeviceMessages) => Promise<void>
  /**
   * Of a device, in order, after `from` and not beyond `upTo` (positions of `to_device`). `upTo` of the answer: where to go on, less than
   * what was asked where `limit` cut it off.
   */
  readonly messages: (
    userId: UserId,
    deviceId: string,
    from: number,
    upTo: number,
    limit: number,
  ) => Promise<{ readonly messages: readonly JsonText[]; readonly upTo: number }>
  /** They were fetched: the client came back with a token at or beyond `upTo`. */
  readonly forget: (userId: UserId, deviceId: string, upTo: number) => Promise<void>
}
