import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `to_device.yaml`. */
export const toDeviceEndpoints = endpoints({
  sendToDevice: {
    method: 'PUT',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/sendToDevice/{eventType}/{txnId}',
    auth: 'user',
    guests: true,
    served: { writer: 'to_device', hard: true },
    class: 'to_device',
    sticky: 'user',
    replay: 'same',
  },
})
