import type { notificationsEndpoints } from '../../shared/endpoints/client/notifications.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { queryInteger, queryString } from '../http/query.ts'
import { jsonText } from '../http/reply.ts'
import { arrayText, asJsonText, jsonTextOf, objectText } from '../json-text.ts'
import { actionsText } from '../push/stored-actions.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { Visibility } from '../rooms/visibility.ts'
import type { Queries } from '../storage/db.ts'
import { selectNotifications } from '../storage/push-actions.ts'
import { readerOf } from './event-answers.ts'

export interface NotificationsDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
  readonly visibility: Visibility
  readonly printer: EventPrinter
}

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 500

/** client-server-api, "Listing Notifications". */
export const notificationsHandlers = (deps: NotificationsDeps): Handlers<typeof notificationsEndpoints> => ({
  async getNotifications({ query, requester }) {
    const { db, events, visibility, printer } = deps
    const from = queryString(query, 'from')
    if (from !== undefined && !/^\s*[+-]?\d{1,15}\s*$/.test(from))
      throw new MatrixError('M_UNKNOWN', 'Query parameter "from" contains unrecognised token')
    const limit = Math.min(queryInteger(query, 'limit') ?? DEFAULT_LIMIT, MAX_LIMIT)
    const rows = await selectNotifications(db, requester.userId, {
      // 0 is no place, as in Synapse.
      before: Number(from ?? 0) || undefined,
      limit,
      onlyHighlights: queryString(query, 'only') === 'highlight',
    })

    const known = await events.get(rows.map(({ eventId }) => eventId))
    // They may have been redacted since, or the user may be out of the room. That they were asked in they may know.
    const own = new Set<string>()
    for (const { event } of known.values())
      if (event.type === 'm.room.member' && event.stateKey === requester.userId) own.add(event.eventId)
    const visible = await visibility.filter(requester.userId, [...known.values()], { alwaysInclude: own })
    const printed = await printer.print(
      visible.map((event) => ({ ...event, membership: undefined })),
      readerOf(requester),
      { withRoomId: false, withRelations: false, now: Date.now() },
    )
    const texts = new Map(visible.map(({ known: { event } }, i) => [event.eventId, printed[i]!] as const))
    const notifications = rows.flatMap(({ eventId, roomId, actions, highlights, profileTag, receivedTs, isRead }) => {
      const event = texts.get(eventId)
      if (event === undefined) return []
      return objectText({
        room_id: jsonTextOf(roomId),
        profile_tag: profileTag === null || profileTag === '' ? undefined : jsonTextOf(profileTag),
        actions: actions === '' ? actionsText(highlights) : asJsonText(actions),
        ts: jsonTextOf(receivedTs),
        event,
        read: jsonTextOf(isRead),
      })
    })
    const last = rows.at(-1)
    return jsonText(
      objectText({
        notifications: arrayText(notifications),
        next_token: last && jsonTextOf(String(last.streamOrdering)),
      }),
    )
  },
})
