/** An answer of another process that is no success, to be given on to the client as it is. */
export class ReplicationError extends Error {
  readonly status: number
  /** `{errcode, error, …}`. */
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, body: Readonly<Record<string, unknown>>, message: string) {
    super(message)
    this.name = 'ReplicationError'
    this.status = status
    this.body = body
  }
}
