/** What the requests that send events have in common. */

import { type Query, queryInteger } from '../http/query.ts'
import type { Requester } from '../http/requester.ts'

/** `ts`: appservices say when it happened. Of others it means nothing. Throws M_INVALID_PARAM. */
export const timestampIn = (query: Query, { appserviceId }: Requester): number | undefined =>
  appserviceId === undefined ? undefined : queryInteger(query, 'ts')

/** After how many milliseconds the event is to be sent (MSC4140). Throws M_INVALID_PARAM. */
export const delayIn = (query: Query): number | undefined => queryInteger(query, 'org.matrix.msc4140.delay')
