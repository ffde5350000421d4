import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'

type Body = Readonly<Record<string, unknown>>

/** An answer of another process that is no success: given on to the client as it is. */
export class ReplicationError extends MatrixError {
  declare readonly status: number
  /** `{errcode, error, …}`. */
  readonly body: Body
  /** What happened, for logs: clients are told `body`. */
  readonly reason: string

  constructor(status: number, body: Body, reason: string) {
    const { errcode, error, ...extra } = body
    super(
      typeof errcode === 'string' ? errcode : 'M_UNKNOWN',
      typeof error === 'string' ? error : 'Internal server error',
      extra as JsonObject,
      status,
    )
    this.name = 'ReplicationError'
    this.body = body
    this.reason = reason
  }
}
