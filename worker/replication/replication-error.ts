import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'

/** An answer of another process that is no success: a refusal that is given on to the client as it is. */
export class ReplicationError extends MatrixError {
  declare readonly status: number
  /** `{errcode, error, …}`. */
  readonly body: Readonly<Record<string, unknown>>
  /** What happened between the processes, for the log. */
  readonly detail: string

  constructor(status: number, body: Readonly<Record<string, unknown>>, detail: string) {
    const { errcode, error, ...extra } = body
    super(
      typeof errcode === 'string' ? errcode : 'M_UNKNOWN',
      typeof error === 'string' ? error : 'Internal server error',
      extra as JsonObject,
      status,
    )
    this.name = 'ReplicationError'
    this.body = body
    this.detail = detail
  }
}
