import { clientVersions, endpoints } from '../types.ts'

/** Account status of other users, MSC3720. */
export const accountStatusEndpoints = endpoints({
  // MSC3720, behind a flag; seen on workers in 1.163.
  getAccountStatus: {
    method: 'POST',
    under: clientVersions('unstable/org.matrix.msc3720'),
    path: '/account_status',
    auth: 'user',
    served: 'generic',
    class: 'account',
    sticky: 'user',
    since: [1, 163],
  },
})
