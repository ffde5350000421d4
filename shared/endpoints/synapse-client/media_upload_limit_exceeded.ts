import { endpoints } from '../types.ts'

/** The page that tells a user of the media upload limits. */
export const synapseMediaUploadLimitExceededEndpoints = endpoints({
  getMediaUploadLimitExceeded: {
    method: 'GET',
    under: ['/_synapse/client'],
    path: '/media_upload_limit_exceeded',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
})
