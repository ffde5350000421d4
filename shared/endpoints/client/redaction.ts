import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `redaction.yaml`. */
export const redactionEndpoints = endpoints({
  redactEvent: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/redact/{eventId}/{txnId}',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    replay: 'any',
  },
  redactEventWithoutTxn: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/redact/{eventId}',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
  },
})
