import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `receipts.yaml`. */
export const receiptsEndpoints = endpoints({
  postReceipt: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/receipt/{receiptType}/{eventId}',
    auth: 'user',
    served: { writer: 'receipts', hard: true },
    class: 'receipts',
    sticky: 'user',
  },
})
