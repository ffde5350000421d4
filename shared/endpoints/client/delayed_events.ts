import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('unstable/org.matrix.msc4140')

/** Delayed events, MSC4140. */
export const delayedEventsEndpoints = endpoints({
  getDelayedEvents: {
    method: 'GET',
    under,
    path: '/delayed_events',
    auth: 'user',
    served: 'generic',
    class: 'client_read',
    sticky: 'user',
    since: [1, 116],
  },
  getDelayedEvent: {
    method: 'GET',
    under,
    path: '/delayed_events/{delayId}',
    auth: 'user',
    served: 'generic',
    class: 'client_read',
    sticky: 'user',
    since: [1, 163],
    nonEmpty: ['delayId'],
  },
  // On main alone: a worker, which has the path for GET, answers 405.
  updateDelayedEvent: {
    method: 'POST',
    under,
    path: '/delayed_events/{delayId}',
    auth: 'user?',
    served: 'main',
    class: 'main',
    nonEmpty: ['delayId'],
  },
  restartDelayedEvent: {
    method: 'POST',
    under,
    path: '/delayed_events/{delayId}/restart',
    auth: 'user?',
    served: 'generic',
    class: 'event_send',
    sticky: 'user',
    since: [1, 144],
    nonEmpty: ['delayId'],
  },
  sendDelayedEvent: {
    method: 'POST',
    under,
    path: '/delayed_events/{delayId}/send',
    auth: 'user?',
    served: 'main',
    class: 'main',
    nonEmpty: ['delayId'],
  },
  cancelDelayedEvent: {
    method: 'POST',
    under,
    path: '/delayed_events/{delayId}/cancel',
    auth: 'user?',
    served: 'main',
    class: 'main',
    nonEmpty: ['delayId'],
  },
})
