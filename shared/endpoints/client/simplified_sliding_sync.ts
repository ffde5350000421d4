import { clientVersions, endpoints } from '../types.ts'

/** Simplified sliding sync, MSC4186, and what is left of MSC3575 before it. */
export const simplifiedSlidingSyncEndpoints = endpoints({
  // MSC4186. Not in Synapse's documentation of workers, which serve it all the same.
  simplifiedSlidingSync: {
    method: 'POST',
    under: clientVersions('unstable/org.matrix.simplified_msc3575'),
    path: '/sync',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'sliding_sync',
    sticky: 'user',
    since: [1, 111],
  },
  slidingSyncE2ee: {
    method: 'GET',
    under: clientVersions('unstable/org.matrix.msc3575'),
    path: '/sync/e2ee',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'sliding_sync',
    sticky: 'user',
    since: [1, 111],
    until: [1, 136],
  },
})
