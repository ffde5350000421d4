/** What the requests that send events have in common. */

import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { type Query, queryInteger } from '../http/query.ts'
import type { Requester } from '../http/requester.ts'

/** `ts`: appservices say when it happened. Of others it means nothing. Throws M_INVALID_PARAM. */
export const timestampIn = (query: Query, { appserviceId }: Requester): number | undefined =>
  appserviceId === undefined ? undefined : queryInteger(query, 'ts')

/** There are no delayed events (MSC4140); sent at once they would be a surprise. Throws M_FORBIDDEN. */
export function refuseDelay(query: Query): void {
  if (queryInteger(query, 'org.matrix.msc4140.delay') !== undefined)
    throw new MatrixError('M_FORBIDDEN', 'Sending delayed events has been disallowed')
}
