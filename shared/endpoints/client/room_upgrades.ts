import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `room_upgrades.yaml`. */
export const roomUpgradesEndpoints = endpoints({
  upgradeRoom: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/upgrade',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
})
