import { endpoints } from '../types.ts'

/** `max_upload_size` of Synapse by default. A server that raises it raises `max_body` of its media pool too. */
const MAX_UPLOAD_BYTES = 50 * 1024 * 1024

/** Matrix v1.19, client-server API: `content-repo.yaml`. */
export const contentRepoEndpoints = endpoints({
  uploadContent: {
    method: 'POST',
    under: ['/_matrix/media/r0', '/_matrix/media/v3', '/_matrix/media/v1'],
    path: '/upload',
    auth: 'user',
    served: 'media',
    class: 'media',
    maxBodyBytes: MAX_UPLOAD_BYTES,
  },
  uploadContentToMXC: {
    method: 'PUT',
    under: ['/_matrix/media/v3'],
    path: '/upload/{serverName}/{mediaId}',
    auth: 'user',
    served: 'media',
    class: 'media',
    sticky: 'media',
    maxBodyBytes: MAX_UPLOAD_BYTES,
  },
  createContent: {
    method: 'POST',
    under: ['/_matrix/media/v1'],
    path: '/create',
    auth: 'user',
    served: 'media',
    class: 'media',
  },
  getContent: {
    method: 'GET',
    under: ['/_matrix/media/r0', '/_matrix/media/v3', '/_matrix/media/v1'],
    path: '/download/{serverName}/{mediaId}',
    auth: 'none',
    served: 'media',
    class: 'media',
    sticky: 'media',
  },
  getContentOverrideName: {
    method: 'GET',
    under: ['/_matrix/media/r0', '/_matrix/media/v3', '/_matrix/media/v1'],
    path: '/download/{serverName}/{mediaId}/{fileName}',
    auth: 'none',
    served: 'media',
    class: 'media',
    sticky: 'media',
  },
  getContentThumbnail: {
    method: 'GET',
    under: ['/_matrix/media/r0', '/_matrix/media/v3', '/_matrix/media/v1'],
    path: '/thumbnail/{serverName}/{mediaId}',
    auth: 'none',
    served: 'media',
    class: 'media',
    sticky: 'media',
  },
  getUrlPreview: {
    method: 'GET',
    under: ['/_matrix/media/r0', '/_matrix/media/v3', '/_matrix/media/v1'],
    path: '/preview_url',
    auth: 'user',
    served: 'media',
    class: 'media',
    sticky: 'uri',
  },
  getConfig: {
    method: 'GET',
    under: ['/_matrix/media/r0', '/_matrix/media/v3', '/_matrix/media/v1'],
    path: '/config',
    auth: 'user',
    served: 'media',
    class: 'media',
  },
})
