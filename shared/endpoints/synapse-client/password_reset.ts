import { endpoints } from '../types.ts'

/** The pages behind the link of a password reset mail. */
export const synapsePasswordResetEndpoints = endpoints({
  getPasswordResetConfirmation: {
    method: 'GET',
    under: ['/_synapse/client'],
    path: '/password_reset/email/submit_token',
    auth: 'none',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
  submitPasswordReset: {
    method: 'POST',
    under: ['/_synapse/client'],
    path: '/password_reset/email/submit_token',
    auth: 'none',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
})
