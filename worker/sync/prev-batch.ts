import type { LiveStreams } from '../streams/live-streams.ts'
import { printStreamToken, type StreamToken } from '../streams/tokens.ts'
import { tokenAt } from '../streams/vector-clock.ts'

/** From before the event at that position on the client goes back; all other positions are those of the answer. */
export function prevBatchPrinter(now: StreamToken, instances: LiveStreams['instances']) {
  const end = printStreamToken(now, instances)
  const rest = printStreamToken({ ...now, room: tokenAt(0) }, instances).slice('s0'.length)
  return (before: number | undefined): string => (before === undefined ? end : `s${Math.max(0, before - 1)}${rest}`)
}
