import { endpoints } from '../types.ts'

/** Synapse's admin API: account validity. */
export const adminAccountValidityEndpoints = endpoints({
  renewAccountValidity: {
    method: 'POST',
    under: ['/_synapse/admin/v1'],
    path: '/account_validity/validity',
    auth: 'admin',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
})
