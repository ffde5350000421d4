import type { wellKnownEndpoints } from '../../shared/endpoints/well-known/wellknown.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'

export interface WellKnownDeps {
  readonly serverName: string
  /** `public_baseurl`, where `serve_client_wellknown` is on or the file is to be served for it; undefined: there is none. */
  readonly publicBaseUrl: string | undefined
  /** `default_identity_server`. */
  readonly identityServer?: string | undefined
  /** `extra_well_known_client_content`: what is in it beside the above. */
  readonly extraClientContent?: JsonObject | undefined
  /** `serve_server_wellknown`. */
  readonly serveServer: boolean
}

/** client-server-api, "Server Discovery"; server-server-api, "Server discovery". */
export const wellKnownHandlers = (deps: WellKnownDeps): Handlers<typeof wellKnownEndpoints> => {
  const client = deps.publicBaseUrl !== undefined && {
    ...deps.extraClientContent,
    'm.homeserver': { base_url: deps.publicBaseUrl },
    ...(deps.identityServer !== undefined && { 'm.identity_server': { base_url: deps.identityServer } }),
  }
  // Whoever asks came to the server's name on port 443: that is where federation is, unless the name has a port.
  const hasPort = /:\d+$/.test(deps.serverName)
  const server = deps.serveServer && { 'm.server': hasPort ? deps.serverName : `${deps.serverName}:443` }
  const orNotFound = (answer: object | false): object => {
    if (answer === false) throw new MatrixError('M_NOT_FOUND', '.well-known not available')
    return answer
  }
  return { getWellknown: () => orNotFound(client), getWellKnown: () => orNotFound(server) }
}
