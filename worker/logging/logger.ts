import { type DestinationStream, type Logger, pino } from 'pino'
import { redactText } from '../../shared/redact.ts'
import { currentRequest } from './request-context.ts'

export interface LoggerOptions {
  /** Of pino: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`. */
  readonly level: string
  /** `master`, or the worker's name: in every line. */
  readonly instance: string
  /** Absent: standard output. */
  readonly destination?: DestinationStream
}

/**
 * The process' logger, in pino's format. Each line names the instance, and the request it was written for; tokens in messages
 * and errors are redacted.
 */
export function makeLogger({ level, instance, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { pid: process.pid, instance },
    mixin: () => {
      const request = currentRequest()
      return request === undefined ? {} : { request_id: request.requestId }
    },
    serializers: { err: serializeError },
    hooks: {
      logMethod(this: Logger, args: Parameters<Logger['info']>, method: (...args: Parameters<Logger['info']>) => void) {
        method.apply(
          this,
          args.map((arg) => (typeof arg === 'string' ? redactText(arg) : arg)) as Parameters<Logger['info']>,
        )
      },
    },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

/** How many causes are followed: errors may cause each other in a circle. */
const MAX_CAUSES = 5

function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return redactText(String(error))
  const { code } = error as NodeJS.ErrnoException
  return {
    type: error.name,
    message: redactText(error.message),
    ...(error.stack !== undefined && { stack: redactText(error.stack) }),
    ...(code !== undefined && { code }),
    ...(error.cause !== undefined && depth < MAX_CAUSES && { cause: serializeError(error.cause, depth + 1) }),
  }
}
