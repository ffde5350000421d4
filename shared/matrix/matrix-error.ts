import type { JsonObject } from './json/value.ts'

/**
 * A refusal that whoever asked should see (client-server-api, "Standard error response"). Whatever else is thrown is a bug
 * of ours. The status of the answer follows from `errcode`: `worker/http/errors.ts`.
 */
export class MatrixError extends Error {
  readonly errcode: string
  /** Further members of the answer: `retry_after_ms`, `soft_logout`, `current_version` … */
  readonly extra: JsonObject
  /** Where it is not the error code's usual one. */
  readonly status: number | undefined

  /** @param message is shown to the client: no secrets, nothing of the inside. */
  constructor(errcode: string, message: string, extra: JsonObject = {}, status?: number) {
    // Clients make us throw these by the thousand, and where it was says no more than the code: a stack takes longer to make
    // than the answer.
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = limit
    this.name = 'MatrixError'
    this.errcode = errcode
    this.extra = extra
    this.status = status
  }
}
