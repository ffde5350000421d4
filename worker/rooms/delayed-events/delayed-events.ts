/** Events that clients have sent later, unless they say otherwise meanwhile (MSC4140). What any process does of it. */

import { randomBytes } from 'node:crypto'
import { localpartOf, type RoomId, type ServerName } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import { jsonTextOf } from '../../json-text.ts'
import type { Db } from '../../storage/db.ts'
import { insertDelayedEvent } from '../../storage/delayed-events.ts'
import { checkContent } from '../check-content.ts'
import type { Actor, RoomLimits } from '../limits.ts'
import type { RoomVersions } from '../room-versions.ts'

export interface DelayedEventSettings {
  /** 0: nothing may be delayed. */
  readonly maxDelayMs: number
  /** Events of a user that may wait. 0: none. */
  readonly maxPerUser: number
}

export interface AddDelayedEventDeps {
  readonly db: Db
  readonly serverName: ServerName
  readonly settings: DelayedEventSettings
  readonly versions: RoomVersions
  readonly limits: Pick<RoomLimits, 'event'>
  /** There is one more: main is to know when it is to be sent. */
  readonly onAdded: (sendTs: number) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface DelayedIntent {
  readonly type: string
  readonly stateKey?: string | undefined
  readonly content: JsonObject
  readonly originServerTs?: number | undefined
}

/**
 * Has an event sent after a while: the ID by which that can be changed. Whether it may be sent is looked at when it is.
 *
 * Throws M_FORBIDDEN where nothing may be delayed, ORG.MATRIX.MSC4140_DELAY_TOO_LARGE, M_LIMIT_EXCEEDED, M_NOT_FOUND for
 * a room that is not known, and what is wrong with the content ({@link checkContent}).
 */
export type AddDelayedEvent = (actor: Actor, roomId: RoomId, intent: DelayedIntent, delayMs: number) => Promise<string>

export function makeAddDelayedEvent(deps: AddDelayedEventDeps): AddDelayedEvent {
  const { db, serverName, settings, versions, limits, onAdded, now } = deps
  const { maxDelayMs, maxPerUser } = settings

  return async (actor, roomId, intent, delayMs) => {
    await limits.event(actor)
    if (maxDelayMs === 0 || maxPerUser === 0)
      throw new MatrixError('M_FORBIDDEN', 'Sending delayed events has been disallowed')
    if (delayMs > maxDelayMs)
      throw new MatrixError(
        'ORG.MATRIX.MSC4140_DELAY_TOO_LARGE',
        `The requested delay (${delayMs}ms) exceeds the allowed maximum (${maxDelayMs}ms)`,
      )
    const version = await versions.of(roomId)
    if (version === undefined) throw new MatrixError('M_NOT_FOUND', `Could not find room_version for ${roomId}`)
    checkContent(intent, { roomId, version, serverName })
    const { type, stateKey, content, originServerTs } = intent
    const sendTs = now() + delayMs
    const delayId = newDelayId()
    const inserted = await insertDelayedEvent(
      db,
      {
        delayId,
        localpart: localpartOf(actor.userId),
        deviceId: actor.deviceId ?? null,
        roomId,
        type,
        stateKey: stateKey ?? null,
        content: jsonTextOf(content),
        originServerTs: originServerTs ?? null,
        delayMs,
        sendTs,
      },
      maxPerUser,
    )
    if (inserted.isFull) {
      const waitMs = inserted.freeAtTs - now()
      throw new MatrixError(
        'M_LIMIT_EXCEEDED',
        'The maximum number of delayed events has been reached.',
        waitMs > 0 ? { retry_after_ms: waitMs } : {},
      )
    }
    onAdded(sendTs)
    return delayId
  }
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
/** As Synapse's. Whoever knows it may send or cancel the event: 113 bits. */
const newDelayId = (): string => {
  let id = 'syd_'
  while (id.length < 24) for (const byte of randomBytes(24)) if (byte < 208 && id.length < 24) id += LETTERS[byte % 52]
  return id
}
