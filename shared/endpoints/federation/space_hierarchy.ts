import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `space_hierarchy.yaml`. */
export const federationSpaceHierarchyEndpoints = endpoints({
  getSpaceHierarchy: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/hierarchy/{roomId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'room',
  },
})
