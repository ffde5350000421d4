import assert from 'node:assert/strict'

type Oracle = 'specification' | 'servlets' | 'workers.md' | 'workers.md without writers' | 'generated map'

interface Difference {
  readonly reason: string
  readonly oracles: readonly Oracle[]
  /** `<endpoint>: <what the oracle says>`, as the oracle's test words it. */
  readonly what: readonly string[]
}

const MANUAL: readonly Oracle[] = ['workers.md', 'workers.md without writers']

/**
 * Where the endpoint table deliberately disagrees with what it is checked against. It follows the servlets that Synapse
 * registers, but for two that do not work where they are registered.
 */
export const INTENDED_DIFFERENCES: readonly Difference[] = [
  {
    reason:
      'Workers register these without the storage that they need: a request that is allowed gets 500 from a worker and an answer from main (`npm run test:synapse`).',
    oracles: ['servlets'],
    what: [
      '1.93.0: federation.exchangeOpenIdToken: main, though workers have it',
      '1.98.0: federation.exchangeOpenIdToken: main, though workers have it',
      '1.111.1: federation.exchangeOpenIdToken: main, though workers have it',
      '1.122.0: federation.exchangeOpenIdToken: main, though workers have it',
      '1.130.0: federation.exchangeOpenIdToken: main, though workers have it',
      '1.135.0: federation.exchangeOpenIdToken: main, though workers have it',
      '1.136.0: federation.exchangeOpenIdToken: main, though workers have it',
      '1.145.0: federation.exchangeOpenIdToken: main, though workers have it',
      '1.152.0: federation.exchangeOpenIdToken: main, though workers have it',
      '1.157.1: federation.exchangeOpenIdToken: main, though workers have it',
      '1.163.2: federation.exchangeOpenIdToken: main, though workers have it',
      '1.163.2-MASmode: federation.exchangeOpenIdToken: main, though workers have it',
      '1.163.2-experimental: federation.exchangeOpenIdToken: main, though workers have it',
      '1.163.2-experimental: federation.getForwardExtremities: main, though workers have it',
    ],
  },
  {
    reason: 'The same, as the other oracles word it.',
    oracles: ['specification'],
    what: ['openid: exchangeOpenIdToken: main, not generic'],
  },
  {
    reason: "Synapse's own map lists it for workers, as they register it.",
    oracles: ['generated map'],
    what: ['federation.exchangeOpenIdToken: documented as "Federation requests"'],
  },
  {
    reason: 'Workers register the `unstable` prefix of these too, with the same servlet.',
    oracles: MANUAL,
    what: [
      'sync: undocumented',
      'getEvents: undocumented',
      'peekEvents: undocumented',
      'initialSync: undocumented',
      'roomInitialSync: undocumented',
      'registrationTokenValidity: undocumented',
    ],
  },
  {
    reason:
      'The old forms with a transaction ID in the path: the servlets of the documented forms, on the same workers.',
    oracles: MANUAL,
    what: [
      'banWithTxn: undocumented',
      'unbanWithTxn: undocumented',
      'inviteUserWithTxn: undocumented',
      'joinRoomByIdWithTxn: undocumented',
      'kickWithTxn: undocumented',
      'leaveRoomWithTxn: undocumented',
      'createRoomWithTxn: undocumented',
    ],
  },
  {
    reason: 'Registered on workers in 1.93, and never documented or only later.',
    oracles: MANUAL,
    what: [
      'getOneEvent: undocumented',
      'pingAppservice: undocumented',
      'federation.getRoomComplexity: undocumented',
      'federation.getVersion: undocumented',
      'federation.makeKnock: undocumented',
      'federation.sendKnock: undocumented',
      'federation.claimUserEncryptionKeys: undocumented',
      'federation.queryUserEncryptionKeys: undocumented',
      'federation.onBindThirdPartyIdentifier: undocumented',
      'federation.onBindThirdPartyIdentifierPost: undocumented',
    ],
  },
  {
    reason: 'Every federation listener has the server keys, every client listener the .well-known files.',
    oracles: [...MANUAL, 'generated map'],
    what: [
      'key.getServerKey: undocumented',
      'key.getServerKeyById: undocumented',
      'well-known.getWellKnown: undocumented',
      'well-known.getWellknown: undocumented',
      'well-known.getWellknownPolicy: undocumented',
      'well-known.getWellknownSupport: undocumented',
    ],
  },
  {
    reason:
      'The manual has keys/upload with a slash at its end, which never matched a path without a device ID (#17926).',
    oracles: ['workers.md'],
    what: ['uploadKeys: undocumented'],
  },
  {
    reason: 'Part of a single sign-on like the documented rest: the session must be where the others find it.',
    oracles: ['workers.md'],
    what: [
      'redirectToCas: undocumented',
      'synapse-client.oidcBackchannelLogout: undocumented',
      'synapse-client.saml2Metadata: undocumented',
    ],
  },
  {
    reason:
      'Documented for GET, on the writer from 1.105 in the text of its stream: a worker that is not it answers 500.',
    oracles: ['workers.md', 'generated map'],
    what: [
      'setPushRule: undocumented',
      'deletePushRule: undocumented',
      'setPushRuleEnabled: undocumented',
      'setPushRuleActions: undocumented',
    ],
  },
  {
    reason: "Writes of a stream for which no writer is configured are main's: another worker answers receipts 500.",
    oracles: ['workers.md without writers'],
    what: [
      'postReceipt: documented as "Receipts requests"',
      'setReadMarker: documented as "Receipts requests"',
      'setPresence: documented as "Presence requests"',
      'setAccountData: documented as "Account data requests"',
      'setAccountDataPerRoom: documented as "Account data requests"',
      'setRoomTag: documented as "Account data requests"',
      'deleteRoomTag: documented as "Account data requests"',
      'uploadKeysForDevice: documented as "Encryption requests"',
    ],
  },
  {
    reason: 'MSC3391: the `.*` of the manual covers its path, but no worker was seen to have it before 1.163.',
    oracles: ['workers.md'],
    what: [
      'deleteAccountData: documented as "the stream writer for the `account_data` stream:"',
      'deleteAccountDataPerRoom: documented as "the stream writer for the `account_data` stream:"',
    ],
  },
  {
    reason: 'MSC3391, as above.',
    oracles: ['workers.md without writers'],
    what: [
      'deleteAccountData: documented as "Account data requests"',
      'deleteAccountDataPerRoom: documented as "Account data requests"',
    ],
  },
  {
    reason: 'Behind flags that were off when the map was generated; with them on, workers register these.',
    oracles: ['generated map'],
    what: [
      'deleteAccountData: undocumented',
      'deleteAccountDataPerRoom: undocumented',
      'deleteDehydratedDevice: undocumented',
      'getDehydratedDevice: undocumented',
      'getDehydratedDeviceEvents: undocumented',
      'postDehydratedDeviceEvents: undocumented',
      'putDehydratedDevice: undocumented',
      'setProfileFieldMsc4133: undocumented',
      'getProfileFieldMsc4133: undocumented',
      'deleteProfileFieldMsc4133: undocumented',
      'getThreadSubscription: undocumented',
      'setThreadSubscription: undocumented',
      'deleteThreadSubscription: undocumented',
      'listThreadSubscriptions: undocumented',
      'getAccountStatus: undocumented',
      'federation.getAccountStatus: undocumented',
      'getRtcTransports: undocumented',
      'isUserOfAppserviceJoined: undocumented',
      'proxyFederationForAppservice: undocumented',
    ],
  },
]

/** Throws if a difference is not listed, and if one that is listed does not occur any more. */
export const assertIntended = (oracle: Oracle, differences: readonly string[]): void => {
  const intended = INTENDED_DIFFERENCES.filter(({ oracles }) => oracles.includes(oracle)).flatMap(({ what }) => what)
  assert.deepEqual([...new Set(differences)].toSorted(), intended.toSorted(), oracle)
}
