import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `notifications.yaml`. */
export const notificationsEndpoints = endpoints({
  getNotifications: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/notifications',
    auth: 'user',
    served: 'generic',
    class: 'client_read',
    sticky: 'user',
  },
})
