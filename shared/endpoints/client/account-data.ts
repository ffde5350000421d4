import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `account-data.yaml`. */
export const accountDataEndpoints = endpoints({
  setAccountData: {
    method: 'PUT',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/user/{userId}/account_data/{type}',
    auth: 'user',
    served: { writer: 'account_data', hard: false },
    class: 'account_data',
    sticky: 'user',
  },
  getAccountData: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/user/{userId}/account_data/{type}',
    auth: 'user',
    served: 'generic',
    class: 'account_data',
    sticky: 'user',
  },
  setAccountDataPerRoom: {
    method: 'PUT',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/user/{userId}/rooms/{roomId}/account_data/{type}',
    auth: 'user',
    served: { writer: 'account_data', hard: false },
    class: 'account_data',
    sticky: 'user',
  },
  getAccountDataPerRoom: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/user/{userId}/rooms/{roomId}/account_data/{type}',
    auth: 'user',
    served: 'generic',
    class: 'account_data',
    sticky: 'user',
  },
  // MSC3391, behind a flag; seen on workers in 1.163.
  deleteAccountData: {
    method: 'DELETE',
    under: clientVersions('unstable/org.matrix.msc3391'),
    path: '/user/{userId}/account_data/{type}',
    auth: 'user',
    served: { writer: 'account_data', hard: false },
    class: 'account_data',
    sticky: 'user',
    since: [1, 163],
  },
  deleteAccountDataPerRoom: {
    method: 'DELETE',
    under: clientVersions('unstable/org.matrix.msc3391'),
    path: '/user/{userId}/rooms/{roomId}/account_data/{type}',
    auth: 'user',
    served: { writer: 'account_data', hard: false },
    class: 'account_data',
    sticky: 'user',
    since: [1, 163],
  },
})
