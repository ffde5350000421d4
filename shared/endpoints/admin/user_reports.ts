import { endpoints } from '../types.ts'

const under = ['/_synapse/admin/v1']

/** Synapse's admin API: users that users reported. */
export const adminUserReportsEndpoints = endpoints({
  listUserReports: {
    method: 'GET',
    under,
    path: '/user_reports',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  getUserReport: {
    method: 'GET',
    under,
    path: '/user_reports/{reportId}',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  deleteUserReport: {
    method: 'DELETE',
    under,
    path: '/user_reports/{reportId}',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
})
