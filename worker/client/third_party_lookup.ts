import type { thirdPartyLookupEndpoints } from '../../shared/endpoints/client/third_party_lookup.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { json } from '../http/reply.ts'

/** Client-server-api, "Third-party Networks": no bridges tell of any, so that nobody and nothing of theirs is found. */
export function thirdPartyLookupHandlers(): Handlers<typeof thirdPartyLookupEndpoints> {
  const nothing = () => json([])
  return {
    getProtocols: () => ({}),
    getProtocolMetadata() {
      throw new MatrixError('M_NOT_FOUND', 'Unknown protocol')
    },
    queryLocationByProtocol: nothing,
    queryUserByProtocol: nothing,
    queryLocationByAlias: nothing,
    queryUserByID: nothing,
  }
}
