import { anything, object, optional, type TypeOf } from '../../schema.ts'
import { clientVersions, endpoints } from '../types.ts'

const body = object({ new_version: anything(), additional_creators: optional(anything()) })
export type UpgradeRoomBody = TypeOf<typeof body>

/** Matrix v1.19, client-server API: `room_upgrades.yaml`. */
export const roomUpgradesEndpoints = endpoints({
  upgradeRoom: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/upgrade',
    auth: 'user',
    served: 'main',
    class: 'main',
    body,
  },
})
