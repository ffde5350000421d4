import { endpoints } from '../types.ts'

const under = ['/_synapse/admin/v1']

/** Synapse's admin API: events that users reported. */
export const adminEventReportsEndpoints = endpoints({
  listEventReports: {
    method: 'GET',
    under,
    path: '/event_reports',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  getEventReport: {
    method: 'GET',
    under,
    path: '/event_reports/{reportId}',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  deleteEventReport: {
    method: 'DELETE',
    under,
    path: '/event_reports/{reportId}',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
})
