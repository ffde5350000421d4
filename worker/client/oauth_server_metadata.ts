import type { oauthServerMetadataEndpoints } from '../../shared/endpoints/client/oauth_server_metadata.ts'
import { unrecognized } from '../http/errors.ts'
import type { Handlers } from '../http/handlers.ts'

/** client-server-api, "Server metadata discovery": of log-ins by OAuth 2.0, of which there are none: clients then use the other API. */
export const oauthServerMetadataHandlers = (): Handlers<typeof oauthServerMetadataEndpoints> => ({
  getAuthMetadata() {
    throw unrecognized(404)
  },
  getAuthIssuer() {
    throw unrecognized(404)
  },
})
