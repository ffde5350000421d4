/**
 * The access log: one line of JSON for each request, in pino's format and among the log's other lines, but put together by
 * concatenation, as pino's logger takes four times as long (`bench/access-log.ts`) and every request has one.
 */

import { redactTarget } from '../../shared/redact.ts'

/** `''`: not known, or none. */
export interface AccessEntry {
  readonly requestId: string
  readonly clientIp: string
  /** The listener's port, path or `tag`. */
  readonly site: string
  readonly method: string
  /** As it came; secrets in it are redacted here. */
  readonly target: string
  readonly operation: string
  /** The user, or the server, that asked; `@admin:…|@user:…` where one acts as the other. */
  readonly requester: string
  readonly status: number
  readonly bytesSent: number
  readonly durationMs: number
  readonly userAgent: string
  /** The client left before it was answered: `status` is what it would have been told. */
  readonly hasLeft: boolean
}

/** @param write takes a line with its `\n` */
export function makeAccessLog(
  instance: string,
  write: (line: string) => void,
  now: () => number = Date.now,
): (entry: AccessEntry) => void {
  const base = `,"pid":${process.pid},"instance":${JSON.stringify(instance)},"msg":"request","request_id":`
  return (entry) => {
    let line =
      // 30 is pino's `info`.
      '{"level":30,"time":' +
      now() +
      base +
      JSON.stringify(entry.requestId) +
      ',"client_ip":' +
      JSON.stringify(entry.clientIp) +
      ',"site":' +
      JSON.stringify(entry.site) +
      ',"method":' +
      JSON.stringify(entry.method) +
      ',"target":' +
      JSON.stringify(redactTarget(entry.target)) +
      ',"operation":' +
      JSON.stringify(entry.operation) +
      ',"status":' +
      entry.status +
      ',"bytes_sent":' +
      entry.bytesSent +
      ',"duration_ms":' +
      Math.round(entry.durationMs * 10) / 10
    if (entry.requester !== '') line += `,"requester":${JSON.stringify(entry.requester)}`
    if (entry.userAgent !== '') line += `,"user_agent":${JSON.stringify(entry.userAgent)}`
    if (entry.hasLeft) line += ',"client_left":true'
    write(`${line}}\n`)
  }
}
