import { randomBytes } from 'node:crypto'

/** What may stand in a log line and a header without harm: the router's IDs, UUIDs, trace IDs. */
const VALID = /^[\w.:@/+=-]{1,128}$/

/** Says what a request is called: as it was called before, if that is a name, or by a name no other process gives. */
export function makeRequestIds(): (before: string | undefined) => string {
  const prefix = randomBytes(6).toString('base64url')
  let count = 0
  return (before) => (before !== undefined && VALID.test(before) ? before : `${prefix}-${(count++).toString(36)}`)
}
