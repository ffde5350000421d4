import type { reportContentEndpoints } from '../../shared/endpoints/client/report_content.ts'
import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { type JsonObject, property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { jsonTextOf } from '../json-text.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { RoomLimits } from '../rooms/limits.ts'
import type { Memberships } from '../rooms/memberships.ts'
import { isPeeking } from '../rooms/reading-access.ts'
import type { Visibility } from '../rooms/visibility.ts'
import type { Queries } from '../storage/db.ts'
import { insertEventReport, insertRoomReport, insertUserReport } from '../storage/reports.ts'
import { selectRoom } from '../storage/rooms.ts'
import { selectUsers } from '../storage/users.ts'
import { givenRoomId, givenText } from './given-ids.ts'

export interface ReportContentDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
  readonly memberships: Pick<Memberships, 'of'>
  readonly visibility: Pick<Visibility, 'filter'>
  readonly limits: Pick<RoomLimits, 'report'>
  /** `experimental_features.msc4277_enabled`: what is not there is reported as well as what is. */
  readonly hidesWhatIsThere: boolean
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const MAX_REASON = 1000

/** Client-server-api, "Reporting Content". Admins read the reports; nothing else comes of them. */
export function reportContentHandlers(deps: ReportContentDeps): Handlers<typeof reportContentEndpoints> {
  const { db, events, memberships, visibility, limits, hidesWhatIsThere, now } = deps

  async function sees(userId: UserId, roomId: RoomId, eventId: EventId): Promise<boolean> {
    const known = (await events.get([eventId])).get(eventId)
    if (known === undefined || known.isRejected || known.event.roomId !== roomId) return false
    const own = await memberships.of(userId, roomId)
    return (await visibility.filter(userId, [known], { isPeeking: isPeeking(own) })).length > 0
  }

  return {
    async reportEvent(request) {
      const { params, requester } = request
      const body = await request.json()
      checkEventReport(body, hidesWhatIsThere)
      const roomId = givenRoomId(params.roomId)
      const eventId = givenText('eventId', params.eventId) as EventId
      if (!(await sees(requester.userId, roomId, eventId))) {
        if (hidesWhatIsThere) return {}
        throw new MatrixError('M_NOT_FOUND', "Unable to report event: it does not exist or you aren't able to see it.")
      }
      await insertEventReport(db, {
        roomId,
        eventId,
        reporter: requester.userId,
        reason: typeof body.reason === 'string' ? storable(body.reason) : null,
        // An escaped NUL is text like any other.
        content: jsonTextOf(body),
        receivedTs: now(),
      })
      return {}
    },

    async reportRoom({ params, body, requester }) {
      await limits.report(requester)
      const roomId = givenRoomId(params.roomId)
      if ((await selectRoom(db, roomId)) === undefined) {
        if (hidesWhatIsThere) return {}
        throw new MatrixError('M_NOT_FOUND', 'Room does not exist')
      }
      await insertRoomReport(db, {
        roomId,
        reporter: requester.userId,
        reason: storable(body.reason),
        receivedTs: now(),
      })
      return {}
    },

    async reportUser({ params, body, requester }) {
      await limits.report(requester)
      const { reason } = body
      if ([...reason].length > MAX_REASON)
        throw new MatrixError('M_BAD_JSON', `Reason must be less than ${MAX_REASON} characters`)
      const target = givenText('userId', params.userId) as UserId
      // Who is not there, or is another server's, is nobody's business: they have no row.
      if ((await selectUsers(db, [target])).length > 0)
        await insertUserReport(db, {
          target,
          reporter: requester.userId,
          reason: storable(reason),
          receivedTs: now(),
        })
      return {}
    },
  }
}

/** Postgres has no NUL in text. */
const storable = (text: string): string => text.replaceAll('\0', '\ufffd')

function checkEventReport(body: JsonObject, withoutScore: boolean): void {
  const [reason, score] = [property(body, 'reason'), property(body, 'score')]
  if (reason !== undefined && typeof reason !== 'string')
    throw new MatrixError('M_BAD_JSON', "Param 'reason' must be a string")
  if (!withoutScore && score !== undefined && typeof score !== 'number' && typeof score !== 'bigint')
    throw new MatrixError('M_BAD_JSON', "Param 'score' must be an integer")
}
