import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `cross_signing.yaml`. */
export const crossSigningEndpoints = endpoints({
  uploadCrossSigningKeys: {
    method: 'POST',
    under: clientVersions('v3', 'unstable'),
    path: '/keys/device_signing/upload',
    auth: 'user',
    served: { writer: 'device_lists', hard: false },
    class: 'device_lists',
    sticky: 'user',
    since: [1, 135],
  },
  uploadCrossSigningSignatures: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/keys/signatures/upload',
    auth: 'user',
    guests: true,
    served: { writer: 'device_lists', hard: false },
    class: 'device_lists',
    sticky: 'user',
    since: [1, 135],
  },
})
