/**
 * Which request the running code works for, through every await: so that log lines, and calls to other processes, name it
 * without each function passing it on.
 */

import { AsyncLocalStorage } from 'node:async_hooks'

export interface RequestContext {
  /** The router's `X-Request-ID`, or this process' own. */
  readonly requestId: string
}

const storage = new AsyncLocalStorage<RequestContext>()

/** Runs `work`, and all that it starts, as a part of that request. */
export const inRequest = <T>(context: RequestContext, work: () => T): T => storage.run(context, work)

/** Undefined outside of requests: background work. */
export const currentRequest = (): RequestContext | undefined => storage.getStore()
