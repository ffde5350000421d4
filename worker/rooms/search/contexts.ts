/** What was said around events: of all of them together, so that the statements are as many as for one. */

import type { EventId, UserId } from '../../../shared/matrix/ids.ts'
import type { Queries } from '../../storage/db.ts'
import { selectAround } from '../../storage/search.ts'
import type { HistoricToken } from '../../streams/tokens.ts'
import type { EventStore, KnownEvent } from '../event-store.ts'
import type { StateStore } from '../state-store.ts'
import { placeOf } from '../timeline.ts'
import type { Visibility, VisibleEvent } from '../visibility.ts'

export interface Context {
  /** The nearest first. */
  readonly before: readonly VisibleEvent[]
  readonly after: readonly VisibleEvent[]
  /** From where on there is more, backwards and forwards. */
  readonly start: HistoricToken
  readonly end: HistoricToken
  /** Of who sent these events: their membership at the last of them. */
  readonly members: readonly KnownEvent[]
}

export interface ContextsOptions {
  /** Of each event. */
  readonly before: number
  readonly after: number
  readonly withMembers: boolean
}

export type Contexts = (
  userId: UserId,
  events: readonly VisibleEvent[],
  options: ContextsOptions,
) => Promise<ReadonlyMap<EventId, Context>>

export interface ContextsDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
  readonly state: Pick<StateStore, 'some'>
  readonly visibility: Pick<Visibility, 'filter'>
}

export function makeContexts({ db, events: store, state, visibility }: ContextsDeps): Contexts {
  const membersOf = async (groups: ReadonlyMap<EventId, readonly VisibleEvent[]>) => {
    const lasts = new Map([...groups].map(([eventId, events]) => [eventId, events.at(-1)!.known.stateGroup] as const))
    const senders = new Set<string>()
    for (const events of groups.values()) for (const { known } of events) senders.add(known.event.sender)
    const filters = [...senders].map((stateKey) => ({ type: 'm.room.member', stateKey }))
    const maps = await state.some([...new Set([...lasts.values()].filter((group) => group !== undefined))], filters)
    const idsOf = (eventId: EventId): readonly EventId[] => {
      const members = maps.get(lasts.get(eventId) ?? Number.NaN)?.get('m.room.member')
      const own = new Set(groups.get(eventId)!.map(({ known }) => known.event.sender))
      return [...own].flatMap((sender) => members?.get(sender) ?? [])
    }
    const known = await store.get([...groups.keys()].flatMap(idsOf))
    return (eventId: EventId) => idsOf(eventId).flatMap((id) => known.get(id) ?? [])
  }

  return async (userId, events, { before, after, withMembers }) => {
    const anchors = events.map(({ known: { event, topologicalOrdering, streamOrdering } }) => ({
      eventId: event.eventId,
      roomId: event.roomId,
      topologicalOrdering,
      streamOrdering,
    }))
    const [rowsBefore, rowsAfter] = await Promise.all([
      anchors.length === 0 || before === 0 ? [] : selectAround(db, anchors, 'before', before),
      anchors.length === 0 || after === 0 ? [] : selectAround(db, anchors, 'after', after),
    ])
    const ids = [...new Set([...rowsBefore, ...rowsAfter].map(({ eventId }) => eventId))]
    const known = await store.get(ids)
    const visible = new Map<EventId, VisibleEvent>()
    for (const event of await visibility.filter(userId, [...known.values()]))
      visible.set(event.known.event.eventId, event)

    const [byBefore, byAfter] = [rowsBefore, rowsAfter].map((rows) => Map.groupBy(rows, ({ anchorId }) => anchorId))
    const around = events.map((event) => {
      const { eventId } = event.known.event
      const [rows, later] = [byBefore!.get(eventId) ?? [], byAfter!.get(eventId) ?? []]
      const [oldest, newest] = [rows.at(-1) ?? event.known, later.at(-1) ?? event.known]
      const { depth, stream } = placeOf(oldest)
      return {
        event,
        before: rows.flatMap((row) => visible.get(row.eventId) ?? []),
        after: later.flatMap((row) => visible.get(row.eventId) ?? []),
        start: { depth, stream: stream - 1 },
        end: placeOf(newest),
      }
    })
    const members = withMembers
      ? await membersOf(
          new Map(around.map((of) => [of.event.known.event.eventId, [...of.before, of.event, ...of.after]] as const)),
        )
      : () => []
    return new Map(
      around.map(({ event, ...of }) => {
        const { eventId } = event.known.event
        return [eventId, { ...of, members: members(eventId) }]
      }),
    )
  }
}
