/**
 * What no worker of Plexus serves, of what clients and browsers ask, by operation, with the reason: behind flags that are
 * off by default nothing is missing. Held by `tests/worker/client/served.test.ts`, printed into `docs/endpoints.md`.
 */

const SSO = 'single sign-on is not there yet'
const MAS = 'only with the Matrix Authentication Service, which is not supported yet'
const APPSERVICES = 'the sender of application services is not there yet'
/** `getEvents`, `inviteUser` */
const SAME = 'another operation has the same path, and does this too'
const OLD = 'not in the release of Synapse whose endpoints workers serve'

export const unserved: Readonly<Record<string, string>> = {
  redirectToSSO: SSO,
  redirectToIdP: SSO,
  redirectToCas: SSO,
  redeemCasTicket: SSO,
  'synapse-client.pickIdp': SSO,
  'synapse-client.pickUsername': SSO,
  'synapse-client.checkPickUsername': SSO,
  'synapse-client.getPickUsernameDetails': SSO,
  'synapse-client.postPickUsernameDetails': SSO,
  'synapse-client.getNewUserConsent': SSO,
  'synapse-client.postNewUserConsent': SSO,
  'synapse-client.ssoRegister': SSO,
  'synapse-client.oidcCallback': SSO,
  'synapse-client.oidcCallbackForm': SSO,
  'synapse-client.oidcBackchannelLogout': SSO,
  'synapse-client.saml2AuthnResponse': SSO,
  'synapse-client.saml2Metadata': SSO,
  createRendezvous: MAS,
  createRendezvousMsc4108: MAS,
  getRendezvous: MAS,
  getRendezvousCapabilities: MAS,
  updateRendezvous: MAS,
  deleteRendezvous: MAS,
  'synapse-client.getRendezvousSession': MAS,
  'synapse-client.putRendezvousSession': MAS,
  'synapse-client.deleteRendezvousSession': MAS,
  pingAppservice: APPSERVICES,
  isUserOfAppserviceJoined: APPSERVICES,
  proxyFederationForAppservice: APPSERVICES,
  peekEvents: SAME,
  inviteBy3PID: SAME,
  getDehydratedDeviceV1: OLD,
  putDehydratedDeviceV1: OLD,
  claimDehydratedDeviceV1: OLD,
  slidingSyncE2ee: OLD,
  'synapse-client.getFederationWhitelist': 'federation is not there yet',
  'synapse-client.getMediaUploadLimitExceeded': 'media are not there yet',
  'synapse-client.getUnsubscribe': 'mails about missed messages are not there yet',
  'synapse-client.postUnsubscribe': 'mails about missed messages are not there yet',
}
