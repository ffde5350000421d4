import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `device_management.yaml`. */
export const deviceManagementEndpoints = endpoints({
  getDevices: {
    method: 'GET',
    under,
    path: '/devices',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'device_lists',
    sticky: 'user',
  },
  getDevice: {
    method: 'GET',
    under,
    path: '/devices/{deviceId}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'device_lists',
    sticky: 'user',
    since: [1, 130],
  },
  updateDevice: {
    method: 'PUT',
    under,
    path: '/devices/{deviceId}',
    auth: 'user',
    guests: true,
    served: { writer: 'device_lists', hard: false },
    class: 'device_lists',
    sticky: 'user',
    since: [1, 130],
  },
  deleteDevice: {
    method: 'DELETE',
    under,
    path: '/devices/{deviceId}',
    auth: 'user',
    served: { writer: 'device_lists', hard: false },
    class: 'device_lists',
    sticky: 'user',
    since: [1, 130],
  },
  deleteDevices: {
    method: 'POST',
    under,
    path: '/delete_devices',
    auth: 'user',
    served: { writer: 'device_lists', hard: false },
    class: 'device_lists',
    sticky: 'user',
    since: [1, 135],
    mas: 'off',
  },
})
