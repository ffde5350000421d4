import { endpoints } from '../types.ts'

/** Synapse's admin API: server notices. */
export const adminServerNoticesEndpoints = endpoints({
  sendServerNotice: {
    method: 'POST',
    under: ['/_synapse/admin/v1'],
    path: '/send_server_notice',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  sendServerNoticeWithTxn: {
    method: 'PUT',
    under: ['/_synapse/admin/v1'],
    path: '/send_server_notice/{txnId}',
    auth: 'admin',
    served: 'main',
    class: 'main',
    replay: 'same',
  },
})
