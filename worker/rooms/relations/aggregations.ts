/**
 * What is bundled with events (`unsigned.m.relations`): client-server-api, "Aggregations of child events", v1.19. Reactions are
 * not: clients count them themselves. What the user may not see is not told of here either.
 */

import type { EventId, UserId } from '../../../shared/matrix/ids.ts'
import type { EventStore, KnownEvent } from '../event-store.ts'
import type { IgnoredUsers } from '../ignored-users.ts'
import type { Visibility, VisibleEvent } from '../visibility.ts'
import type { Related, RelatedEvents } from './related.ts'
import { relationTypeOf } from './relation.ts'

/** At least one of them is there. */
export interface Bundle {
  /** `m.replace`: the newest edit. */
  readonly edit: VisibleEvent | undefined
  /** `m.reference`. */
  readonly references: readonly EventId[]
  readonly thread: ThreadBundle | undefined
}

export interface ThreadBundle {
  readonly last: VisibleEvent
  /** Of {@link last}: no thread of its own. */
  readonly ofLast: Bundle | undefined
  readonly count: number
  readonly hasParticipated: boolean
}

export type Bundles = ReadonlyMap<EventId, Bundle>

export interface Aggregations {
  /** By event, of those that have any; at once where memory says that none has. */
  readonly of: (userId: UserId, events: readonly VisibleEvent[]) => Bundles | Promise<Bundles>
}

export interface AggregationsDeps {
  readonly related: RelatedEvents
  readonly events: Pick<EventStore, 'get'>
  readonly visibility: Pick<Visibility, 'filter'>
  readonly ignoredUsers: IgnoredUsers
}

export const NO_BUNDLES: Bundles = new Map()
/** Of a thread whose last event the user may not see, what others said last is tried. */
const MAX_TRIED = 5

export function makeAggregations({ related, events: store, visibility, ignoredUsers }: AggregationsDeps): Aggregations {
  const load = async (userId: UserId, asked: readonly VisibleEvent[]): Promise<Bundles> => {
    const found = new Map(await related.of(asked.map(({ known }) => known)))
    if (found.size === 0) return NO_BUNDLES
    const ignored = await ignoredUsers.of(userId)
    const threadOf = (known: KnownEvent): Related['thread'] => {
      const of = found.get(known.event.eventId)
      // What relates to something itself begins no thread.
      if (of === undefined || relationTypeOf(known.event) !== undefined) return []
      return ignored.size === 0 ? of.thread : of.thread.filter(({ sender }) => !ignored.has(sender))
    }

    const seen = await visibleOf(
      userId,
      asked.flatMap(({ known }) => [
        ...threadOf(known)
          .slice(0, MAX_TRIED)
          .map(({ last }) => last),
        ...bundled(found.get(known.event.eventId)),
      ]),
    )
    const lastOf = (known: KnownEvent): VisibleEvent | undefined => {
      for (const { last } of threadOf(known).slice(0, MAX_TRIED)) if (seen.has(last)) return seen.get(last)
      return undefined
    }
    // The last event of a thread is shown as it is now: edited.
    const lasts = asked.flatMap(({ known }) => lastOf(known) ?? [])
    const later = lasts.filter(({ known }) => !related.hasNone(known))
    if (later.length > 0) {
      const ofLasts = await related.of(later.map(({ known }) => known))
      for (const [eventId, of] of ofLasts) found.set(eventId, of)
      for (const [eventId, event] of await visibleOf(userId, [...ofLasts.values()].flatMap(bundled)))
        seen.set(eventId, event)
    }

    const simple = ({ known, isPruned }: VisibleEvent, thread?: ThreadBundle): Bundle | undefined => {
      const of = found.get(known.event.eventId)
      const hasContent = !isPruned && known.redactedBecause === undefined
      const edit = hasContent && of?.edit !== undefined ? seen.get(of.edit) : undefined
      const references = of?.references.filter((eventId) => seen.has(eventId)) ?? []
      return edit === undefined && references.length === 0 && thread === undefined
        ? undefined
        : { edit, references, thread }
    }
    const bundles = new Map<EventId, Bundle>()
    for (const event of asked) {
      const { known } = event
      const last = lastOf(known)
      const parts = threadOf(known)
      const bundle = simple(
        event,
        last && {
          last,
          ofLast: simple(last),
          count: parts.reduce((sum, { count }) => sum + count, 0),
          hasParticipated: known.event.sender === userId || parts.some(({ sender }) => sender === userId),
        },
      )
      if (bundle !== undefined) bundles.set(known.event.eventId, bundle)
    }
    return bundles
  }

  const visibleOf = async (userId: UserId, eventIds: readonly EventId[]): Promise<Map<EventId, VisibleEvent>> => {
    const known = await store.get(eventIds)
    const visible = await visibility.filter(userId, [...known.values()])
    return new Map(visible.map((event) => [event.known.event.eventId, event]))
  }

  return {
    of(userId, events) {
      const asked = events.filter(({ known }) => mayHaveAny(known) && !related.hasNone(known))
      return asked.length === 0 ? NO_BUNDLES : load(userId, asked)
    },
  }
}

const bundled = (of: Related | undefined): readonly EventId[] =>
  of === undefined ? [] : of.edit === undefined ? of.references : [of.edit, ...of.references]

/** State has none, nor have edits and reactions. */
function mayHaveAny({ event }: KnownEvent): boolean {
  if (event.stateKey !== undefined) return false
  const relation = relationTypeOf(event)
  return relation !== 'm.replace' && relation !== 'm.annotation'
}
