import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `space_hierarchy.yaml`. */
export const spaceHierarchyEndpoints = endpoints({
  getSpaceHierarchy: {
    method: 'GET',
    under: clientVersions('v1'),
    path: '/rooms/{roomId}/hierarchy',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
})
