/**
 * Every key of Synapse's files: its type, default, documentation and an example, or what becomes of it. The reader
 * (read.ts) reads with it, the messages quote it, and docs/worker-configuration.md is printed from it (reference.ts).
 */

import type { ValuesOf } from './keys.ts'
import { accountKeys } from './schema/accounts.ts'
import { keyKeys } from './schema/keys.ts'
import { mailKeys } from './schema/mail.ts'
import { processKeys } from './schema/process.ts'
import { rateLimitKeys } from './schema/ratelimits.ts'
import { roomKeys } from './schema/rooms.ts'
import { serverKeys } from './schema/server.ts'
import { storageKeys } from './schema/storage.ts'
import { tellingKeys } from './schema/telling.ts'

export const synapseKeys = {
  ...processKeys,
  ...serverKeys,
  ...accountKeys,
  ...mailKeys,
  ...storageKeys,
  ...keyKeys,
  ...roomKeys,
  ...rateLimitKeys,
  ...tellingKeys,
}

/** What the files of a process say, each key by itself. */
export type SynapseValues = ValuesOf<typeof synapseKeys>
