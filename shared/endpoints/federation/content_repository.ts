import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `content_repository.yaml`. */
export const federationContentRepositoryEndpoints = endpoints({
  getContent: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/media/download/{mediaId}',
    auth: 'federation',
    served: 'media',
    class: 'media',
    sticky: 'media',
    since: [1, 111],
  },
  getContentThumbnail: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/media/thumbnail/{mediaId}',
    auth: 'federation',
    served: 'media',
    class: 'media',
    sticky: 'media',
    since: [1, 111],
  },
})
