import type { delayedEventsEndpoints } from '../../shared/endpoints/client/delayed_events.ts'
import { localpartOf } from '../../shared/matrix/ids.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { type JsonObject, property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Requester } from '../http/requester.ts'
import { type DelayedEventClock, noSuchEvent } from '../rooms/delayed-events/clock.ts'
import type { RoomLimits } from '../rooms/limits.ts'
import type { Queries } from '../storage/db.ts'
import {
  type DelayedEventRow,
  restartDelayedEvent,
  selectDelayedEvent,
  selectDelayedEvents,
} from '../storage/delayed-events.ts'

export interface DelayedEventsDeps {
  readonly db: Queries
  /** Of main, which alone cancels and sends. */
  readonly clock: Pick<DelayedEventClock, 'cancel' | 'send'> | undefined
  readonly limits: Pick<RoomLimits, 'delayedEventChange'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

interface ChangeRequest {
  readonly params: { readonly delayId: string }
  readonly requester: Requester | undefined
  readonly clientIp: string
}

/** MSC4140. Whoever knows the ID of a delayed event may change when it is sent: it is a secret. */
export function delayedEventsHandlers(deps: DelayedEventsDeps): Handlers<typeof delayedEventsEndpoints> {
  const { db, limits, now } = deps

  const change =
    (work: (delayId: string) => Promise<void>) =>
    async ({ params, requester, clientIp }: ChangeRequest): Promise<object> => {
      await limits.delayedEventChange(requester ?? { ip: clientIp })
      if (params.delayId.includes('\0')) throw noSuchEvent()
      await work(params.delayId)
      return {}
    }
  const main = (): Pick<DelayedEventClock, 'cancel' | 'send'> => {
    if (deps.clock === undefined) throw new Error('only main changes delayed events')
    return deps.clock
  }
  const actions = {
    cancel: change((delayId) => main().cancel(delayId)),
    send: change((delayId) => main().send(delayId)),
    restart: change(async (delayId) => {
      if (!(await restartDelayedEvent(db, delayId, now()))) throw noSuchEvent()
    }),
  }

  return {
    async getDelayedEvents({ requester }) {
      await limits.delayedEventChange(requester)
      const rows = await selectDelayedEvents(db, localpartOf(requester.userId))
      // Names of before, which clients know.
      const events = rows.map((row) => ({ ...shown(row), delay: row.delayMs, running_since: row.sendTs - row.delayMs }))
      return { delayed_events: events }
    },
    async getDelayedEvent({ params, requester }) {
      await limits.delayedEventChange(requester)
      const { delayId } = params
      const row = delayId.includes('\0')
        ? undefined
        : await selectDelayedEvent(db, localpartOf(requester.userId), delayId)
      if (row === undefined) throw noSuchEvent()
      return shown(row)
    },
    async updateDelayedEvent(request) {
      const action = actionIn(await request.json())
      return actions[action](request)
    },
    restartDelayedEvent: actions.restart,
    sendDelayedEvent: actions.send,
    cancelDelayedEvent: actions.cancel,
  }

  function actionIn(body: JsonObject): keyof typeof actions {
    const action = property(body, 'action')
    if (action === undefined) throw new MatrixError('M_MISSING_PARAM', "'action' is missing")
    if (typeof action === 'string' && Object.hasOwn(actions, action)) return action as keyof typeof actions
    throw new MatrixError('M_INVALID_PARAM', "'action' is not one of 'cancel', 'restart', 'send'")
  }
}

function shown({ delayId, roomId, type, stateKey, delayMs, sendTs, content }: DelayedEventRow) {
  const parsed = parseJson(content)
  return {
    delay_id: delayId,
    room_id: roomId,
    type,
    ...(stateKey !== null && { state_key: stateKey }),
    delay_ms: delayMs,
    delayed_since_ts: sendTs - delayMs,
    content: parsed.ok ? parsed.value : {},
  }
}
