/** Other servers, which are not asked yet: to clients they are servers that cannot be reached. */

import type { ServerName } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'

/** By server: why it has not answered. */
export type Failures = JsonObject

/** Where federation will ask them. */
export const unreachable = (servers: Iterable<ServerName>): Failures =>
  Object.fromEntries([...servers].map((server) => [server, { status: 503, message: 'Not ready for retry' }]))
