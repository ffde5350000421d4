/** Work that goes on after its request was answered, and after the process that began it ended. */

import type { Queries } from './db.ts'

export interface ScheduledTask {
  readonly id: string
  /** What it is about: a user's ID. */
  readonly resourceId: string
  /** JSON, as text: how far it got. */
  readonly result: string | null
}

/** Takes the place of the action's tasks for the same resource: they are not gone on with. In one transaction. */
export async function replaceTask(
  tx: Queries,
  { id, action, resourceId, params }: { id: string; action: string; resourceId: string; params: string },
  nowMs: number,
): Promise<void> {
  await tx.run(
    `delete from scheduled_tasks where action = $1 and resource_id = $2 and status in ('scheduled', 'active')`,
    [action, resourceId],
  )
  await tx.run(
    `insert into scheduled_tasks (id, action, status, "timestamp", resource_id, params)
     values ($1, $2, 'active', $3, $4, $5)`,
    [id, action, nowMs, resourceId, params],
  )
}

/** Says how far it got, and that somebody is at it. False: another has taken its place. */
export const noteTaskProgress = async (db: Queries, id: string, result: string, nowMs: number): Promise<boolean> =>
  (await db.run(`update scheduled_tasks set result = $2, "timestamp" = $3 where id = $1 and status = 'active'`, [
    id,
    result,
    nowMs,
  ])) === 1

export const deleteTask = (db: Queries, id: string) => db.run('delete from scheduled_tasks where id = $1', [id])

/** Takes over those of which nobody has said anything since `sinceMs`: whoever was at it is gone. */
export const claimTasks = (db: Queries, action: string, sinceMs: number, nowMs: number) =>
  db.rows<ScheduledTask>(
    `update scheduled_tasks set status = 'active', "timestamp" = $3
     where id in (select id from scheduled_tasks where action = $1 and status in ('scheduled', 'active')
       and "timestamp" < $2 for update skip locked)
     returning id, resource_id as "resourceId", result`,
    [action, sinceMs, nowMs],
  )
