import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `user_keys.yaml`. */
export const federationUserKeysEndpoints = endpoints({
  claimUserEncryptionKeys: {
    method: 'POST',
    under: ['/_matrix/federation/v1'],
    path: '/user/keys/claim',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
  },
  queryUserEncryptionKeys: {
    method: 'POST',
    under: ['/_matrix/federation/v1'],
    path: '/user/keys/query',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
  },
})
