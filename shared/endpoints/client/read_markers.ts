import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `read_markers.yaml`. */
export const readMarkersEndpoints = endpoints({
  setReadMarker: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/read_markers',
    auth: 'user',
    served: { writer: 'receipts', hard: true },
    class: 'receipts',
    sticky: 'user',
  },
})
