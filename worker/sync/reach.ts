import type { LiveStreams } from '../streams/live-streams.ts'
import type { StreamToken } from '../streams/tokens.ts'

/** How long this process may be behind the one that gave the token; a client that waits is not answered sooner. */
const MAX_BEHIND_MS = 10_000

/** Waits until this process has seen all that a token names. False: it has not in time, or `signal` aborts. */
export const makeReach =
  (streams: Pick<LiveStreams, 'reach'>) =>
  (token: StreamToken, signal: AbortSignal | undefined): Promise<boolean> =>
    Promise.race([streams.reach(token, MAX_BEHIND_MS), ...(signal === undefined ? [] : [aborted(signal)])])

const aborted = (signal: AbortSignal): Promise<false> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(false)
    else signal.addEventListener('abort', () => resolve(false), { once: true })
  })
