/** Pages of what relates to an event, and of a room's threads: places and events, not yet looked at for who may see them. */

import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import type { Queries } from '../../storage/db.ts'
import { selectRelations, selectThreads, selectThreadsOf, type ThreadRow } from '../../storage/relations.ts'
import type { EventPlace } from '../../storage/timelines.ts'
import type { HistoricToken, RoomToken } from '../../streams/tokens.ts'
import type { EventStore, KnownEvent } from '../event-store.ts'
import { type Direction, isWithin, placeFor } from '../timeline.ts'

export interface RelationsOptions {
  /** Undefined: any. */
  readonly relationType: string | undefined
  readonly eventType: string | undefined
  /** Also what relates to what relates to the event. */
  readonly recurse: boolean
  readonly direction: Direction
  readonly from: RoomToken | undefined
  readonly to: RoomToken | undefined
  readonly limit: number
}

export interface RelationsPage {
  /** Backwards: newest first. */
  readonly events: readonly KnownEvent[]
  /** Undefined: there is no more. */
  readonly next: HistoricToken | undefined
}

export interface ThreadsPage {
  /** Their roots, the one with the newest event first. */
  readonly roots: readonly KnownEvent[]
  /** The thread to go on behind; undefined: there is no more. */
  readonly next: ThreadRow | undefined
}

export interface RelationPages {
  readonly of: (target: KnownEvent, options: RelationsOptions) => Promise<RelationsPage>
  /** @param participant Only threads in which this user said something, or whose root is theirs. */
  readonly threads: (
    roomId: RoomId,
    limit: number,
    before: Omit<ThreadRow, 'threadId'> | undefined,
    participant: UserId | undefined,
  ) => Promise<ThreadsPage>
}

export interface RelationPagesDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
}

export function makeRelationPages({ db, events: store }: RelationPagesDeps): RelationPages {
  const inOrder = async (eventIds: readonly EventId[]): Promise<readonly KnownEvent[]> => {
    const found = await store.get(eventIds)
    return eventIds.flatMap((eventId) => found.get(eventId) ?? [])
  }

  return {
    async of({ event: { eventId, roomId }, redactedBecause }, options) {
      const { relationType, eventType, recurse, direction, from, to, limit } = options
      const isBackwards = direction === 'backwards'
      const rows = await selectRelations(db, {
        eventId,
        roomId,
        relationType,
        eventType,
        withEdits: redactedBecause === undefined,
        recurse,
        direction,
        from: from && placeFor(from, isBackwards),
        to: to && placeFor(to, !isBackwards),
        limit: limit + 1,
      })
      const page = rows.slice(0, limit)
      const [lower, upper] = isBackwards ? [to, from] : [from, to]
      const events = await inOrder(page.filter((row) => isWithin(lower, upper, row)).map((row) => row.eventId))
      return { events, next: rows.length > limit ? after(page.at(-1), isBackwards) : undefined }
    },

    async threads(roomId, limit, before, participant) {
      const rows = await selectThreads(db, roomId, limit + 1, before)
      const page = rows.slice(0, limit)
      let roots = await inOrder(page.map(({ threadId }) => threadId))
      if (participant !== undefined) {
        const others = roots.filter(({ event }) => event.sender !== participant)
        const own =
          others.length === 0
            ? undefined
            : await selectThreadsOf(
                db,
                participant,
                others.map(({ event }) => event.eventId),
              )
        roots = roots.filter(({ event }) => event.sender === participant || own?.has(event.eventId))
      }
      return { roots, next: rows.length > limit ? page.at(-1) : undefined }
    },
  }
}

/** Tokens are between events: backwards the next page begins with what is before the last of this one. */
const after = (last: EventPlace | undefined, isBackwards: boolean): HistoricToken | undefined =>
  last && { depth: last.topologicalOrdering, stream: isBackwards ? last.streamOrdering - 1 : last.streamOrdering }
