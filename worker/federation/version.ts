import type { federationVersionEndpoints } from '../../shared/endpoints/federation/version.ts'
import type { Handlers } from '../http/handlers.ts'

export interface FederationVersionDeps {
  /** Of this program: `0.1.0`. */
  readonly version: string
}

/** server-server-api, `getVersion`. */
export const federationVersionHandlers = ({
  version,
}: FederationVersionDeps): Handlers<typeof federationVersionEndpoints> => ({
  getVersion: () => ({ server: { name: 'Plexus', version } }),
})
