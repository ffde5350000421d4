/** A copy of the table `instance_map`: small, and never changed but by new rows. */

import type { Result } from '../../shared/matrix/result.ts'
import type { StreamDatabase } from './load-positions.ts'
import type { InstanceIds } from './tokens.ts'

export interface InstanceTable extends InstanceIds {
  /** Gives numbers to those of `names` that have none: the writers of streams with several, before tokens are printed. */
  readonly ensure: (names: readonly string[]) => Promise<void>
  /**
   * Reads a token that a client sent. Where that fails the table is read again, as another process may have named an
   * instance since; but at most once a second, for clients may send what they like.
   */
  readonly parse: <T>(parse: (text: string, instances: InstanceIds) => Result<T>, text: string) => Promise<Result<T>>
}

const REFRESH_MS = 1_000

export async function loadInstanceIds(db: StreamDatabase, now: () => number = Date.now): Promise<InstanceTable> {
  const names = new Map<number, string>()
  const ids = new Map<string, number>()
  let readAt = Number.NEGATIVE_INFINITY

  const refresh = async () => {
    readAt = now()
    const rows = await db.rows<{ instance_id: number; instance_name: string }>(
      'select instance_id, instance_name from instance_map',
    )
    for (const { instance_id, instance_name } of rows) {
      names.set(instance_id, instance_name)
      ids.set(instance_name, instance_id)
    }
  }
  await refresh()

  const lookup: InstanceIds = { nameOf: (id) => names.get(id), idOf: (name) => ids.get(name) }
  return {
    ...lookup,
    async ensure(wanted) {
      const missing = () => wanted.filter((name) => !ids.has(name))
      if (missing().length > 0) await refresh()
      // Read first: an insert that finds its row there has used up a number all the same.
      if (missing().length === 0) return
      await db.rows(
        'insert into instance_map (instance_name) select unnest($1::text[]) on conflict (instance_name) do nothing',
        // In one order for all, or two processes that start together wait for each other.
        [missing().sort()],
      )
      await refresh()
    },
    async parse(parse, text) {
      const result = parse(text, lookup)
      if (result.ok || !text.includes('~') || now() - readAt < REFRESH_MS) return result
      await refresh()
      return parse(text, lookup)
    },
  }
}
