import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `user_devices.yaml`. */
export const federationUserDevicesEndpoints = endpoints({
  getUserDevices: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/user/devices/{userId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
  },
})
