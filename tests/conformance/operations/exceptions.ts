/** Operations that a homeserver of the test's configuration answers with an error, or that are not served at all. */

/** Why there is no success to be had, by `operationId`. */
export const refused: Readonly<Record<string, string>> = {
  getAuthMetadata: 'accounts are the own ones: there is no OAuth 2.0 server to tell of',
  getWellknownPolicy: 'this is no policy server',
  getWellknownSupport: 'Synapse leaves it to the web server of the domain',
  bind3PID: 'it needs an identity server, with a certificate, elsewhere',
  inviteBy3PID: 'it needs an identity server, with a certificate, elsewhere',
  requestTokenToResetPasswordMSISDN: 'Synapse has none: a password is reset by mail alone',
}

/** Of the media repository, by `operationId`. */
export const media: readonly string[] = [
  ...['uploadContent', 'uploadContentToMXC', 'createContent'],
  ...['getContent', 'getContentOverrideName', 'getContentThumbnail', 'getUrlPreview', 'getConfig'],
  ...['getContentAuthed', 'getContentOverrideNameAuthed', 'getContentThumbnailAuthed'],
  ...['getUrlPreviewAuthed', 'getConfigAuthed'],
]

/** Which have a place in the table, and no handler yet, or one that lacks something. */
export const notServedYet: readonly string[] = [
  'redirectToSSO',
  'redirectToIdP',
  'requestTokenToRegisterMSISDN',
  'requestTokenTo3PIDMSISDN',
  'pingAppservice',
  'getProtocolMetadata',
]
