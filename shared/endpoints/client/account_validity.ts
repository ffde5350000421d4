import { clientVersions, endpoints } from '../types.ts'

/** Synapse's account validity: expiry of accounts, renewed by mail. */
export const accountValidityEndpoints = endpoints({
  // Follows a link in a mail: the token is used up.
  renewAccount: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/account_validity/renew',
    auth: 'none',
    served: 'main',
    class: 'main',
    replay: 'never',
  },
  sendAccountValidityMail: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/account_validity/send_mail',
    auth: 'user',
    expired: true,
    served: 'main',
    class: 'main',
  },
})
