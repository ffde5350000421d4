/** What other processes are told of a batch: the rows of the stream `events`. */

import type { StateChange } from '../../storage/current-state.ts'
import type { StreamRow } from '../../streams/definitions.ts'
import { relationOf } from './relation.ts'
import type { PlacedEvent } from './write.ts'

type Rows = readonly (readonly [id: number, rows: readonly StreamRow<'events'>[]])[]

/** By position: the event, and what it changed in the current state. */
export function rowsOf(events: readonly PlacedEvent[], changes: readonly StateChange[]): Rows {
  const changesAt = Map.groupBy(changes, ({ streamId }) => streamId)
  return events.map((added) => {
    const { event, streamOrdering, isOutlier, rejectedReason } = added
    const { eventId, roomId, type, stateKey, redacts, content } = event
    const membership = type === 'm.room.member' && stateKey !== undefined ? content.membership : undefined
    const rows: StreamRow<'events'>[] = [
      {
        kind: 'ev',
        eventId,
        roomId,
        type,
        stateKey: stateKey ?? null,
        redacts: redacts ?? null,
        relatesTo: relationOf(event)?.relatesTo ?? null,
        membership: typeof membership === 'string' ? membership : null,
        rejected: rejectedReason !== null,
        outlier: isOutlier,
      },
    ]
    for (const change of changesAt.get(streamOrdering) ?? [])
      rows.push({ kind: 'state', roomId, type: change.type, stateKey: change.stateKey, eventId: change.eventId })
    return [streamOrdering, rows] as const
  })
}
