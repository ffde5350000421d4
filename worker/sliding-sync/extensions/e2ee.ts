/** The extension `e2ee`: whose devices changed, and how many keys the client's device has left. */

import type { DeviceLists } from '../../devices/device-lists.ts'
import { jsonTextOf } from '../../json-text.ts'
import type { StreamToken } from '../../streams/tokens.ts'
import type { DeviceKeys } from '../../sync/device-keys.ts'
import type { SlidingSyncRequest } from '../request.ts'
import type { ExtensionAnswer } from './answer.ts'

export interface E2eeDeps {
  readonly deviceLists: Pick<DeviceLists, 'between'>
  readonly deviceKeys: DeviceKeys
}

export async function e2eeExtension(
  { deviceLists, deviceKeys }: E2eeDeps,
  { userId, deviceId, from }: SlidingSyncRequest,
  now: StreamToken,
): Promise<ExtensionAnswer> {
  const [lists, keys] = await Promise.all([
    from === undefined ? undefined : deviceLists.between(userId, from.token, now),
    deviceKeys.of(userId, deviceId),
  ])
  const text = jsonTextOf({
    device_one_time_keys_count: deviceId === undefined ? {} : { signed_curve25519: 0, ...keys.oneTimeKeys },
    device_unused_fallback_key_types: keys.unusedFallbackKeys,
    device_lists: lists && { changed: lists.changed, left: lists.left },
  })
  return { text, hasNews: lists !== undefined && lists.changed.length + lists.left.length > 0 }
}
