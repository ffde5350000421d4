/** Some of Synapse's tables have a number for key and no sequence that gives it: the next is one above the greatest. */

/** As many rivals at once: in each round one of them gets its number. */
const ROUNDS = 50

/**
 * The id that `insert` gave its row. It is to be `insert … select coalesce(max(id), 0) + 1 … on conflict (id) do nothing
 * returning id`, which has no row when another process took the number meanwhile: then it is asked again. In a
 * repeatable-read transaction that is a conflict instead, after which all of the transaction runs again.
 *
 * NOTSPEC: Synapse counts in the memory of its main process, which therefore must not write the same tables meanwhile.
 */
export async function insertAtNextId(insert: () => Promise<{ readonly id: number } | undefined>): Promise<number> {
  for (let round = 0; round < ROUNDS; round++) {
    const row = await insert()
    if (row !== undefined) return row.id
  }
  throw new Error(`no free id in ${ROUNDS} attempts`)
}
