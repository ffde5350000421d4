import { nullable, object, optional, string } from '../../schema.ts'
import { clientVersions, endpoints } from '../types.ts'

/** Thread subscriptions, MSC4306 and MSC4308. */
export const threadSubscriptionsEndpoints = endpoints({
  // MSC4306 and MSC4308, behind a flag.
  getThreadSubscription: {
    method: 'GET',
    under: clientVersions('unstable/io.element.msc4306'),
    path: '/rooms/{roomId}/thread/{threadRootId}/subscription',
    auth: 'user',
    served: 'generic',
    class: 'thread_subscriptions',
    sticky: 'user',
    since: [1, 135],
  },
  setThreadSubscription: {
    method: 'PUT',
    under: clientVersions('unstable/io.element.msc4306'),
    path: '/rooms/{roomId}/thread/{threadRootId}/subscription',
    auth: 'user',
    served: { writer: 'thread_subscriptions', hard: true },
    class: 'thread_subscriptions',
    sticky: 'user',
    since: [1, 135],
    body: object({ automatic: optional(nullable(string())) }),
  },
  deleteThreadSubscription: {
    method: 'DELETE',
    under: clientVersions('unstable/io.element.msc4306'),
    path: '/rooms/{roomId}/thread/{threadRootId}/subscription',
    auth: 'user',
    served: { writer: 'thread_subscriptions', hard: true },
    class: 'thread_subscriptions',
    sticky: 'user',
    since: [1, 135],
  },
  listThreadSubscriptions: {
    method: 'GET',
    under: clientVersions('unstable/io.element.msc4308'),
    path: '/thread_subscriptions',
    auth: 'user',
    served: 'generic',
    class: 'thread_subscriptions',
    sticky: 'user',
    since: [1, 139],
  },
})
