import { endpoints } from '../types.ts'

/** Synapse's admin API: scheduled tasks. */
export const adminScheduledTasksEndpoints = endpoints({
  listScheduledTasks: {
    method: 'GET',
    under: ['/_synapse/admin/v1'],
    path: '/scheduled_tasks',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
})
