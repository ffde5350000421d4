/** What is read of events' contents, which say what their senders like. */

import type { JsonValue } from '../../shared/matrix/json/value.ts'

/** Text as Postgres can hold it; null: it is none. */
export const storableText = (value: JsonValue | undefined): string | null =>
  typeof value === 'string' && !value.includes('\0') && value.isWellFormed() ? value : null
