/** End-to-end encryption: keys of devices, cross-signing, backups of room keys, dehydrated devices. */

import { crossSigningEndpoints } from '../../shared/endpoints/client/cross_signing.ts'
import { dehydratedDevicesEndpoints } from '../../shared/endpoints/client/dehydrated_devices.ts'
import { keyBackupEndpoints } from '../../shared/endpoints/client/key_backup.ts'
import { keysEndpoints } from '../../shared/endpoints/client/keys.ts'
import type { ConfirmUser } from '../client/confirm-user.ts'
import { crossSigningHandlers } from '../client/cross_signing.ts'
import { dehydratedDevicesHandlers } from '../client/dehydrated_devices.ts'
import { keyBackupHandlers } from '../client/key_backup.ts'
import { keysHandlers } from '../client/keys.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, only, operations } from '../http/handlers.ts'
import { makeBackups } from '../keys/backup.ts'
import { makeClaimKeys } from '../keys/claim.ts'
import { makeCrossSigning } from '../keys/cross-signing.ts'
import { makeDehydratedDevices } from '../keys/dehydrated.ts'
import { makeQueryKeys } from '../keys/query.ts'
import { makeUploadSignatures } from '../keys/signatures.ts'
import { makeUploadKeys } from '../keys/upload.ts'
import type { Db } from '../storage/db.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'
import type { Inbox } from '../to-device/inbox.ts'
import type { Devices } from './devices.ts'

export interface EncryptionDeps {
  readonly config: Pick<WorkerConfig, 'serverName' | 'experimentalFeatures'>
  readonly db: Db
  readonly streams: LiveStreams
  readonly caches: CacheInvalidation
  readonly devices: Devices
  readonly inbox: Inbox
  readonly confirmUser: ConfirmUser
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export function encryptionOperations(deps: EncryptionDeps): readonly Operation[] {
  const { config, db, streams, caches, devices, inbox, confirmUser, now } = deps
  const { serverName } = config
  const { changes } = devices
  const dehydrated = makeDehydratedDevices({ db, changes, inbox, streams, now })
  return [
    ...operations(
      'client/keys',
      keysEndpoints,
      keysHandlers({
        uploadKeys: makeUploadKeys({ changes, caches, now }),
        queryKeys: makeQueryKeys({ db, serverName }),
        claimKeys: makeClaimKeys({ caches, serverName }),
        deviceLists: devices.lists,
        streams,
      }),
    ),
    ...operations(
      'client/cross_signing',
      crossSigningEndpoints,
      crossSigningHandlers({
        crossSigning: makeCrossSigning({ db, changes, instance: streams.instance, now }),
        uploadSignatures: makeUploadSignatures({ db, changes, caches }),
        confirmUser,
      }),
    ),
    ...operations('client/key_backup', keyBackupEndpoints, keyBackupHandlers({ backups: makeBackups({ db }) })),
    ...(config.experimentalFeatures.msc3814Enabled
      ? operations(
          'client/dehydrated_devices',
          only(
            dehydratedDevicesEndpoints,
            'getDehydratedDevice',
            'putDehydratedDevice',
            'deleteDehydratedDevice',
            'getDehydratedDeviceEvents',
            'postDehydratedDeviceEvents',
          ),
          dehydratedDevicesHandlers({ devices: dehydrated }),
        )
      : []),
  ]
}
