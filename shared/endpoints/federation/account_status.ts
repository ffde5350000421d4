import { endpoints } from '../types.ts'

/** Account status of local users, asked by other servers: MSC3720. */
export const federationAccountStatusEndpoints = endpoints({
  // MSC3720, behind a flag; seen on workers in 1.163.
  getAccountStatus: {
    method: 'POST',
    under: ['/_matrix/federation/unstable/org.matrix.msc3720'],
    path: '/query/account_status',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    since: [1, 163],
  },
})
