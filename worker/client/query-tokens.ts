/** `from` and `to` of the requests that give pages. */

import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { type Query, queryString } from '../http/query.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { parseStreamToken, type StreamToken } from '../streams/tokens.ts'

/** Undefined: none was sent, or an empty one. Throws M_UNKNOWN. */
export async function queryToken(
  { instances }: Pick<LiveStreams, 'instances'>,
  query: Query,
  name: 'from' | 'to',
): Promise<StreamToken | undefined> {
  const text = queryString(query, name)
  // `END` is of old clients, and means what nothing means.
  if (text === undefined || text === '' || (name === 'from' && text === 'END')) return undefined
  const token = await instances.parse(parseStreamToken, text)
  if (!token.ok) throw new MatrixError('M_UNKNOWN', `'${name}' parameter is invalid`)
  return token.value
}
