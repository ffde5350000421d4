/** Those who read, as clients do: a sync that goes on from its last token, whatever happens, and fills gaps with /messages. */

import { type ClientEvent, Refused, type SyncAnswer, type User } from '../harness/matrix-client.ts'
import type { Shown } from './ledger.ts'
import { numberOf } from './sender.ts'

export interface Reader {
  readonly name: string
  /** By room, in the order in which they were shown. */
  readonly shown: ReadonlyMap<string, readonly Shown[]>
  /** How often a timeline was cut off, and the rest was fetched. */
  readonly gaps: () => number
  readonly failure: () => string | undefined
  readonly stop: () => Promise<void>
}

const V3 = '/_matrix/client/v3'
const FILTER = encodeURIComponent(
  JSON.stringify({ room: { timeline: { limit: 50 }, state: { lazy_load_members: true } } }),
)

/** Reads from where the user is now. */
export const startReader = async (name: string, user: User, rooms: readonly string[]): Promise<Reader> => {
  const shown = new Map<string, Shown[]>(rooms.map((room) => [room, []]))
  let isStopping = false
  let failure: string | undefined
  let gaps = 0

  const messagesIn = (events: readonly ClientEvent[]): Shown[] =>
    events
      .filter(({ type }) => type === 'm.room.message')
      .map(({ event_id: eventId, sender, content }) => ({ eventId, sender, number: numberOf(content.body) }))

  const sync = (since: string | undefined, timeout: number): Promise<SyncAnswer> =>
    user.ask(
      'GET',
      `${V3}/sync?timeout=${timeout}&filter=${FILTER}${since === undefined ? '' : `&since=${since}`}`,
      undefined,
      timeout + 15_000,
    )

  /** What lies between the last that was shown and a timeline that was cut off, oldest first. */
  const fill = async (room: string, before: string, since: string): Promise<Shown[]> => {
    const found: ClientEvent[] = []
    for (let from = before; ; ) {
      const path = `${V3}/rooms/${encodeURIComponent(room)}/messages?dir=b&limit=50&from=${from}&to=${since}`
      const { chunk, end } = await persistently(() => user.ask('GET', path))
      found.push(...chunk)
      if (end === undefined || chunk.length === 0) return messagesIn(found.toReversed())
      from = end
    }
  }

  const persistently = async <T>(attempt: () => Promise<T>): Promise<T> => {
    for (;;)
      try {
        return await attempt()
      } catch (error) {
        if (error instanceof Refused && error.status < 500 && error.status !== 429) throw error
        if (isStopping) throw error
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
  }

  let since = (await persistently(() => sync(undefined, 0))).next_batch
  const loop = async () => {
    while (!isStopping) {
      const answer = await persistently(() => sync(since, 2_000))
      for (const [room, { timeline }] of Object.entries(answer.rooms?.join ?? {})) {
        const view = shown.get(room)
        if (view === undefined) continue
        if (timeline.limited) {
          gaps++
          view.push(...(await fill(room, timeline.prev_batch, since)))
        }
        view.push(...messagesIn(timeline.events))
      }
      since = answer.next_batch
    }
  }
  const reading = loop().catch((error: Error) => {
    failure ??= `${name}: ${error.message}`
  })
  return {
    name,
    shown,
    gaps: () => gaps,
    failure: () => failure,
    async stop() {
      isStopping = true
      await reading
    },
  }
}

/** All messages of a room, as somebody sees them who pages through it from its end, oldest first. */
export const pageThrough = async (user: User, room: string): Promise<readonly Shown[]> => {
  const events: ClientEvent[] = []
  for (let from = ''; ; ) {
    const path = `${V3}/rooms/${encodeURIComponent(room)}/messages?dir=b&limit=100${from && `&from=${from}`}`
    const { chunk, end } = await user.ask('GET', path)
    events.push(...chunk)
    if (end === undefined || chunk.length === 0) break
    from = end
  }
  return events
    .toReversed()
    .filter(({ type }) => type === 'm.room.message')
    .map(({ event_id: eventId, sender, content }) => ({ eventId, sender, number: numberOf(content.body) }))
}
