import { endpoints } from '../types.ts'

const under = ['/_matrix/federation/v1']

/** Matrix v1.19, server-server API: `third_party_invite.yaml`. */
export const federationThirdPartyInviteEndpoints = endpoints({
  exchangeThirdPartyInvite: {
    method: 'PUT',
    under,
    path: '/exchange_third_party_invite/{roomId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_write',
    sticky: 'room',
  },
  onBindThirdPartyIdentifier: {
    method: 'PUT',
    under,
    path: '/3pid/onbind',
    auth: 'none',
    served: 'generic',
    class: 'federation_write',
  },
  // As Synapse serves it: the specification's PUT it answers 405.
  onBindThirdPartyIdentifierPost: {
    method: 'POST',
    under,
    path: '/3pid/onbind',
    auth: 'none',
    served: 'generic',
    class: 'federation_write',
  },
})
