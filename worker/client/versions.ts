import type { versionsEndpoints } from '../../shared/endpoints/client/versions.ts'
import type { Handlers } from '../http/handlers.ts'
import { json } from '../http/reply.ts'

/** Releases of the specification that clients may count on: those that Synapse 1.163 names. */
export const specVersions: readonly string[] = [
  ...['r0.0.1', 'r0.1.0', 'r0.2.0', 'r0.3.0', 'r0.4.0', 'r0.5.0', 'r0.6.0', 'r0.6.1'],
  ...Array.from({ length: 15 }, (_, i) => `v1.${i + 1}`),
]

export interface VersionsDeps {
  /** What is there beyond the specification, or not yet: `org.matrix.simplified_msc3575` → true. */
  readonly unstableFeatures: Readonly<Record<string, boolean>>
}

/** client-server-api, "API Versions". */
export const versionsHandlers = ({ unstableFeatures }: VersionsDeps): Handlers<typeof versionsEndpoints> => {
  const answer = { versions: specVersions, unstable_features: unstableFeatures }
  // What a user is told may differ from what everyone is.
  const headers = { Vary: 'Authorization' }
  const forUsers = json(answer, { headers })
  const forAll = json(answer, {
    headers: { ...headers, 'Cache-Control': 'public, max-age=600, s-maxage=3600, stale-while-revalidate=600' },
  })
  return { getVersions: ({ requester }) => (requester === undefined ? forAll : forUsers) }
}
