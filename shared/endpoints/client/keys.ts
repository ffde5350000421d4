import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `keys.yaml`. */
export const keysEndpoints = endpoints({
  uploadKeys: {
    method: 'POST',
    under,
    path: '/keys/upload',
    auth: 'user',
    guests: true,
    served: { writer: 'device_lists', hard: false },
    class: 'keys_upload',
    sticky: 'user',
  },
  // The device ID in the path went away between 1.145 and 1.152.
  uploadKeysForDevice: {
    method: 'POST',
    under,
    path: '/keys/upload/{deviceId}',
    auth: 'user',
    guests: true,
    served: { writer: 'device_lists', hard: false },
    class: 'keys_upload',
    sticky: 'user',
    until: [1, 151],
    nonEmpty: ['deviceId'],
  },
  queryKeys: {
    method: 'POST',
    under,
    path: '/keys/query',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'e2ee',
    sticky: 'user',
  },
  claimKeys: {
    method: 'POST',
    under,
    path: '/keys/claim',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'e2ee',
    sticky: 'user',
  },
  getKeysChanges: {
    method: 'GET',
    under,
    path: '/keys/changes',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'e2ee',
    sticky: 'user',
  },
})
