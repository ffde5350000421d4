import { clientVersions, endpoints } from '../types.ts'

/** MatrixRTC transports, MSC4143. */
export const rtcTransportsEndpoints = endpoints({
  // MSC4143, behind a flag; seen on workers in 1.163.
  getRtcTransports: {
    method: 'GET',
    under: clientVersions('unstable/org.matrix.msc4143'),
    path: '/rtc/transports',
    auth: 'user',
    served: 'generic',
    class: 'client_read',
    sticky: 'user',
    since: [1, 163],
  },
})
