import { createHash } from 'node:crypto'
import { table } from './table.ts'

/**
 * A short name for this very table: processes that tell another one are of another release. Of what routing depends on; the
 * schemas of bodies are functions and not in it.
 */
export const tableDigest = (): string =>
  createHash('sha256')
    .update(JSON.stringify(table, (key, value: unknown) => (key === 'body' ? undefined : value)))
    .digest('hex')
    .slice(0, 16)
