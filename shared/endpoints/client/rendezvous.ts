import { clientVersions, endpoints } from '../types.ts'

/** Sign-in with a QR code: the rendezvous of MSC4108 and MSC4388. */
export const rendezvousEndpoints = endpoints({
  // MSC4108 and MSC4388: a session lives in main's memory.
  createRendezvousMsc4108: {
    method: 'POST',
    under: clientVersions('unstable/org.matrix.msc4108'),
    path: '/rendezvous',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
  createRendezvous: {
    method: 'POST',
    under: clientVersions('unstable/io.element.msc4388'),
    path: '/rendezvous',
    auth: 'user?',
    served: 'main',
    class: 'main',
    mas: 'on',
  },
  getRendezvousCapabilities: {
    method: 'GET',
    under: clientVersions('unstable/io.element.msc4388'),
    path: '/rendezvous',
    auth: 'user?',
    served: 'main',
    class: 'main',
    mas: 'on',
  },
  getRendezvous: {
    method: 'GET',
    under: clientVersions('unstable/io.element.msc4388'),
    path: '/rendezvous/{rendezvousId}',
    auth: 'none',
    served: 'main',
    class: 'main',
    mas: 'on',
    nonEmpty: ['rendezvousId'],
  },
  updateRendezvous: {
    method: 'PUT',
    under: clientVersions('unstable/io.element.msc4388'),
    path: '/rendezvous/{rendezvousId}',
    auth: 'none',
    served: 'main',
    class: 'main',
    mas: 'on',
    nonEmpty: ['rendezvousId'],
  },
  deleteRendezvous: {
    method: 'DELETE',
    under: clientVersions('unstable/io.element.msc4388'),
    path: '/rendezvous/{rendezvousId}',
    auth: 'none',
    served: 'main',
    class: 'main',
    mas: 'on',
    nonEmpty: ['rendezvousId'],
  },
})
