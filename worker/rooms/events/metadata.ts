/** `event_json.internal_metadata`: what this server keeps about an event, under Synapse's keys. */

import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import type { EventMetadata } from '../event-store.ts'

/** Keys of Synapse that nobody here reads are kept as they are. */
export interface InternalMetadata {
  readonly txn_id?: string
  readonly device_id?: string
  readonly delay_id?: string
  readonly soft_failed?: boolean
  /** Of a redaction whose sender may redact only what its server sent: to be looked at when the event is read. */
  readonly recheck_redaction?: boolean
  readonly outlier?: boolean
}

export const readMetadata = (text: string): InternalMetadata => {
  const json = JSON.parse(text) as JsonObject
  return json as InternalMetadata
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

export const metadataOf = (internal: InternalMetadata): EventMetadata => ({
  transactionId: text(internal.txn_id),
  deviceId: text(internal.device_id),
  delayId: text(internal.delay_id),
  isSoftFailed: internal.soft_failed === true,
})
