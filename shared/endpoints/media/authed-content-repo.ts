import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('v1')

/** Matrix v1.19, client-server API: `authed-content-repo.yaml`. */
export const authedContentRepoEndpoints = endpoints({
  getContentAuthed: {
    method: 'GET',
    under,
    path: '/media/download/{serverName}/{mediaId}',
    auth: 'user',
    guests: true,
    served: 'media',
    class: 'media',
    sticky: 'media',
    since: [1, 111],
  },
  getContentOverrideNameAuthed: {
    method: 'GET',
    under,
    path: '/media/download/{serverName}/{mediaId}/{fileName}',
    auth: 'user',
    guests: true,
    served: 'media',
    class: 'media',
    sticky: 'media',
    since: [1, 111],
  },
  getContentThumbnailAuthed: {
    method: 'GET',
    under,
    path: '/media/thumbnail/{serverName}/{mediaId}',
    auth: 'user',
    guests: true,
    served: 'media',
    class: 'media',
    sticky: 'media',
    since: [1, 111],
  },
  getUrlPreviewAuthed: {
    method: 'GET',
    under,
    path: '/media/preview_url',
    auth: 'user',
    served: 'media',
    class: 'media',
    sticky: 'uri',
    since: [1, 111],
  },
  getConfigAuthed: {
    method: 'GET',
    under,
    path: '/media/config',
    auth: 'user',
    served: 'media',
    class: 'media',
    since: [1, 111],
  },
})
