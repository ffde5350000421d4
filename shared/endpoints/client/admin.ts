import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `admin.yaml`. */
export const adminEndpoints = endpoints({
  getWhoIs: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/admin/whois/{userId}',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
  getAdminSuspendUser: {
    method: 'GET',
    under: clientVersions('v1'),
    path: '/admin/suspend/{userId}',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
  setAdminSuspendUser: {
    method: 'PUT',
    under: clientVersions('v1'),
    path: '/admin/suspend/{userId}',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
  getAdminLockUser: {
    method: 'GET',
    under: clientVersions('v1'),
    path: '/admin/lock/{userId}',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
  setAdminLockUser: {
    method: 'PUT',
    under: clientVersions('v1'),
    path: '/admin/lock/{userId}',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
})
