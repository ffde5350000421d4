import { endpoints } from '../types.ts'

const under = ['/_synapse/admin/v1']

/** Synapse's admin API: registration tokens. */
export const adminRegistrationTokensEndpoints = endpoints({
  listRegistrationTokens: {
    method: 'GET',
    under,
    path: '/registration_tokens',
    auth: 'admin',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
  createRegistrationToken: {
    method: 'POST',
    under,
    path: '/registration_tokens/new',
    auth: 'admin',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
  getRegistrationToken: {
    method: 'GET',
    under,
    path: '/registration_tokens/{token}',
    auth: 'admin',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
  updateRegistrationToken: {
    method: 'PUT',
    under,
    path: '/registration_tokens/{token}',
    auth: 'admin',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
  deleteRegistrationToken: {
    method: 'DELETE',
    under,
    path: '/registration_tokens/{token}',
    auth: 'admin',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
})
