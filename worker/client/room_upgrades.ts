import type { roomUpgradesEndpoints } from '../../shared/endpoints/client/room_upgrades.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { roomVersion } from '../../shared/matrix/room-version.ts'
import type { Handlers } from '../http/handlers.ts'
import { additionalCreatorsIn } from '../rooms/additional-creators.ts'
import type { UpgradeRoom } from '../rooms/upgrade/upgrade-room.ts'
import { givenRoomId } from './given-ids.ts'

export interface RoomUpgradesDeps {
  readonly upgradeRoom: UpgradeRoom
}

/** Client-server-api, "`POST …/rooms/{roomId}/upgrade`". */
export const roomUpgradesHandlers = ({ upgradeRoom }: RoomUpgradesDeps): Handlers<typeof roomUpgradesEndpoints> => ({
  async upgradeRoom({ params, body, requester }) {
    const { new_version: id, additional_creators: additional } = body
    const version = typeof id === 'string' ? roomVersion(id) : undefined
    if (version === undefined)
      throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', 'Your homeserver does not support this room version', {}, 400)
    const isGiven = additional !== undefined && additional !== null && version.creatorsAbovePowerLevels
    const additionalCreators = isGiven ? additionalCreatorsIn(additional) : undefined
    const roomId = givenRoomId(params.roomId)
    return { replacement_room: await upgradeRoom(requester, { roomId, version, additionalCreators }) }
  },
})
