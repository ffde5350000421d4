/** How long a request may stay unanswered on purpose: the `timeout` of a long poll (client-server-api/#get_matrixclientv3sync). */

const QUESTION = 0x3f
const AMPERSAND = 0x26
const NAME = Buffer.from('timeout=', 'latin1')

/** No client waits longer; a larger number is somebody trying to keep a connection for good. */
const MAX_POLL_MS = 15 * 60_000

/** The `timeout` argument of the target `bytes[start, end)` in milliseconds, or 0. */
export const pollTimeoutMs = (bytes: Uint8Array, start: number, end: number): number => {
  let at = start
  while (at < end && bytes[at] !== QUESTION) at++
  while (at < end) {
    at++
    let i = 0
    while (i < NAME.length && bytes[at + i] === NAME[i]) i++
    if (i === NAME.length) {
      let timeoutMs = 0
      for (at += i; at < end && timeoutMs < MAX_POLL_MS; at++) {
        const digit = bytes[at]! - 0x30
        if (digit < 0 || digit > 9) break
        timeoutMs = timeoutMs * 10 + digit
      }
      return Math.min(timeoutMs, MAX_POLL_MS)
    }
    while (at < end && bytes[at] !== AMPERSAND) at++
  }
  return 0
}
