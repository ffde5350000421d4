/** The small number that stands for a writer's name in tokens. It is given once and never changed. */

import type { Queries } from './db.ts'

export interface InstanceRow {
  readonly instanceId: number
  readonly instanceName: string
}

export const selectInstances = (db: Queries) =>
  db.rows<InstanceRow>(
    'select instance_id as "instanceId", instance_name as "instanceName" from instance_map order by instance_id',
  )

/** Its number; a new one for a name that is new. */
export async function instanceIdOf(db: Queries, instanceName: string): Promise<number> {
  // Looked for first: an insert that finds it there takes a number nevertheless.
  const select = () =>
    db.one<{ id: number }>('select instance_id as id from instance_map where instance_name = $1', [instanceName])
  const known = await select()
  if (known !== undefined) return known.id
  const inserted = await db.one<{ id: number }>(
    `insert into instance_map (instance_name) values ($1)
     on conflict (instance_name) do nothing returning instance_id as id`,
    [instanceName],
  )
  return (inserted ?? (await select()))!.id
}
