/**
 * The access log: one line of JSON for each request, in pino's format, so that pino-pretty and whatever else reads pino's
 * lines reads these. Written by concatenation, not by pino, as it runs for every request: 1.4 µs of CPU a line, writing
 * it included, where pino's logger takes 5.7 (`bench/access-log.ts`, a busy EPYC core). Bytes copied one by one into a
 * buffer were no faster than strings.
 */

import { redactTarget } from '../../shared/redact.ts'

/** What the data path knows when a request has ended; its own object for the exchange may be one. `''`: not known, or none. */
export interface AccessEntry {
  readonly requestId: string
  readonly clientIp: string
  readonly method: string
  /** As it came, a character for each byte; secrets in it are redacted here. */
  readonly target: string
  /** 499: the client left before there was an answer. */
  readonly status: number
  readonly bytesSent: number
  readonly durationMs: number
  readonly route: string
  readonly pool: string
  readonly worker: string
  readonly retries: number
  readonly error: string
}

export interface AccessLog {
  /** Never throws. */
  log(entry: AccessEntry): void
}

/** `write` takes a line with its `\n`; see `log-file.ts`. */
export function makeAccessLog(write: (line: string) => void, now: () => number = Date.now): AccessLog {
  const tail = `,"pid":${process.pid},"msg":"request","request_id":"`
  return {
    log(entry) {
      let line =
        // 30 and 40 are pino's `info` and `warn`.
        (entry.error === '' ? '{"level":30,"time":' : '{"level":40,"time":') +
        now() +
        tail +
        escaped(entry.requestId) +
        '","client_ip":"' +
        escaped(entry.clientIp) +
        '","method":"' +
        escaped(entry.method) +
        '","target":"' +
        escaped(redactTarget(entry.target)) +
        '","status":' +
        entry.status +
        ',"bytes_sent":' +
        entry.bytesSent +
        ',"duration_ms":' +
        tenths(entry.durationMs) +
        ',"retries":' +
        entry.retries +
        ',"route":"' +
        escaped(entry.route)
      if (entry.pool !== '') line += `","pool":"${escaped(entry.pool)}`
      if (entry.worker !== '') line += `","worker":"${escaped(entry.worker)}`
      if (entry.error !== '') line += `","error":"${escaped(entry.error)}`
      write(`${line}"}\n`)
    },
  }
}

/** Integers are turned into text several times faster than fractions. */
function tenths(ms: number): string {
  const all = Math.round(ms * 10)
  const whole = Math.floor(all / 10)
  return `${whole}.${all - whole * 10}`
}

const EACH_UNSAFE = /[^ !#-[\]-~]/g

/** What stands between the quotes of a JSON string, in ASCII. */
function escaped(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return escapeUnsafe(text)
  }
  return text
}

const escapeUnsafe = (text: string): string =>
  text.replace(EACH_UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
