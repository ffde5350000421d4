/** Keys of a device in the body of a request, as they are uploaded. */

import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { anyOf, array, boolean, nullable, object, optional, record, string } from '../../shared/schema.ts'
import { checked } from '../http/body.ts'
import type { KeyUpload } from '../keys/upload.ts'

const signatures = record(record(string()))
const deviceKeys = object({
  algorithms: array(string()),
  device_id: string(),
  keys: record(string()),
  signatures,
  user_id: string(),
})
const key = anyOf(string(), object({ key: string(), fallback: optional(nullable(boolean())), signatures }))
const keyUpload = object({
  device_keys: optional(deviceKeys),
  fallback_keys: optional(nullable(record(key))),
  one_time_keys: optional(nullable(record(key))),
})

/** Throws M_BAD_JSON, M_MISSING_PARAM. */
export function readKeyUpload(body: JsonObject): KeyUpload {
  if (body.device_keys === null) throw new MatrixError('M_INVALID_PARAM', 'device_keys: must not be null')
  for (const field of ['fallback_keys', 'one_time_keys'] as const) checkNames(body, field)
  const upload = checked(body, keyUpload)
  return {
    deviceKeys: upload.device_keys as JsonObject | undefined,
    oneTimeKeys: (upload.one_time_keys ?? {}) as JsonObject,
    fallbackKeys: (upload.fallback_keys ?? {}) as JsonObject,
  }
}

function checkNames(body: JsonObject, field: 'fallback_keys' | 'one_time_keys'): void {
  const keys = body[field]
  if (!isObject(keys)) return
  for (const name of Object.keys(keys))
    if (name.split(':').length !== 2 || name.includes('\0') || !name.isWellFormed())
      throw new MatrixError('M_BAD_JSON', `Invalid ${field} key '${name}'. Expected "<algorithm>:<device_id>".`)
}
