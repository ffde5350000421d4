/** Which endpoints a listener serves, by the names in its `resources`, and which of them this process may answer. */

import type { Resource } from '../synapse-config/listener.ts'
import type { TableEntry } from './table.ts'
import type { SynapseVersion } from './types.ts'
import { isBefore } from './version.ts'

/** The process among its like. */
export interface ServingRole {
  readonly isMain: boolean
  /** It has the media repository: `enable_media_repo` on main, or a media worker. */
  readonly hasMediaRepo: boolean
  /** Authentication is delegated to the Matrix Authentication Service. */
  readonly isMasEnabled: boolean
}

/** Whose split of endpoints between main and workers is followed. */
const SYNAPSE: SynapseVersion = [1, 163]

const MEDIA: readonly Resource[] = ['media', 'client', 'federation']

/** The resources that have an endpoint: a listener with any of them serves it. As in Synapse. */
export function resourcesOf({ file, endpoint }: Pick<TableEntry, 'file' | 'endpoint'>): readonly Resource[] {
  const [folder, name] = file.split('/') as [string, string]
  if (folder === 'federation') {
    if (name === 'openid') return ['federation', 'openid']
    return name === 'content_repository' ? ['federation', 'media'] : ['federation']
  }
  if (folder === 'key') return ['keys', 'federation']
  // Authenticated media lies under the client's prefix.
  if (folder === 'media') return endpoint.under[0]!.startsWith('/_matrix/client/') ? ['client', 'media'] : MEDIA
  if (file === 'admin/media') return ['client', 'media']
  if (file === 'synapse-client/consent') return ['consent']
  return ['client']
}

/**
 * Whether this process may answer the endpoint. A stream's writers are forwarded to, so anyone may.
 *
 * NOTSPEC: a Synapse that is not the writer answers 500 to what is `hard`. The routes that are printed for it keep to the
 * writer; here a request that went astray is served all the same.
 */
export function mayServe({ endpoint }: Pick<TableEntry, 'endpoint'>, role: ServingRole): boolean {
  const { served, mas, since, until } = endpoint
  if (mas === 'on' && !role.isMasEnabled) return false
  if ((mas === 'off' || mas === 'delegated') && role.isMasEnabled) return false
  if (served === 'media') return role.hasMediaRepo
  if (role.isMain) return true
  if (served === 'main') return false
  return !(since !== undefined && isBefore(SYNAPSE, since)) && !(until !== undefined && isBefore(until, SYNAPSE))
}
