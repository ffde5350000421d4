import { endpoints } from '../types.ts'

/** SAML2: where the provider sends the browser back. */
export const synapseSaml2Endpoints = endpoints({
  saml2AuthnResponse: {
    method: 'POST',
    under: ['/_synapse/client'],
    path: '/saml2/authn_response',
    auth: 'none',
    served: 'sso',
    class: 'sso',
    sticky: 'source_ip',
    mas: 'off',
  },
  saml2Metadata: {
    method: 'GET',
    under: ['/_synapse/client'],
    path: '/saml2/metadata.xml',
    auth: 'none',
    served: 'sso',
    class: 'sso',
    sticky: 'source_ip',
    mas: 'off',
  },
})
