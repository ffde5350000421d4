/** A homeserver whose directories are kept by a process of their own, and what they must be, worked out from the rooms' state. */

import type { TestContext } from 'node:test'
import { type Db, makeDb } from '../../../worker/storage/db.ts'
import type { StorageSettings } from '../../../worker/storage/postgres/settings.ts'
import { type Homeserver, homeserver } from '../../harness/homeserver.ts'
import type { TestPostgres } from '../../harness/postgres.ts'

export interface DirectoryWorld {
  readonly hs: Homeserver
  readonly db: Db
  /** What is wrong in the directories at this moment, told by table. */
  readonly faults: () => Promise<readonly string[]>
}

export async function directoryWorld(t: TestContext, postgres: TestPostgres): Promise<DirectoryWorld> {
  let settings: StorageSettings | undefined
  const hs = await homeserver(
    t,
    {
      ...postgres,
      database: async () => {
        settings = await postgres.database()
        return settings
      },
    },
    {
      workers: ['client', 'client', 'background', 'persister', 'persister'],
      settings: {
        run_background_tasks_on: 'background1',
        update_user_directory_from_worker: 'background1',
        room_list_publication_rules: [{ action: 'allow' }],
        rc_user_directory: { per_second: 1e6, burst_count: 1e6 },
      },
    },
  )
  const db = makeDb({ ...settings!, connections: 2 })
  t.after(() => db.close())
  return { hs, db, faults: () => faultsIn(db) }
}

const LISTED = `(select name from users where deactivated = 0 and is_guest = 0 and user_type is distinct from 'support'
  and appservice_id is null)`
const JOINED = `(select room_id, state_key as user_id from current_state_events
  where type = 'm.room.member' and membership = 'join' and state_key in ${LISTED})`
const CONTENT = (type: string) => `(select s.room_id, (j.json::json -> 'content') as content
  from current_state_events s join event_json j using (event_id) where s.type = '${type}' and s.state_key = '')`
const OPEN = `(select room_id from ${CONTENT('m.room.join_rules')} c where content ->> 'join_rule' = 'public'
  union select room_id from ${CONTENT('m.room.history_visibility')} c
  where content ->> 'history_visibility' = 'world_readable')`

/** By name: two queries that must have the same rows. */
const same: Readonly<Record<string, readonly [is: string, mustBe: string]>> = {
  'joined members': [
    'select room_id, joined_members::bigint from room_stats_current',
    `select room_id, count(*) filter (where membership = 'join') from current_state_events group by room_id`,
  ],
  'other members': [
    `select room_id, invited_members::bigint, left_members::bigint, banned_members::bigint, current_state_events::bigint
     from room_stats_current`,
    `select room_id, count(*) filter (where membership = 'invite'), count(*) filter (where membership = 'leave'),
       count(*) filter (where membership = 'ban'), count(*) from current_state_events group by room_id`,
  ],
  'rooms of users': [
    'select user_id, joined_rooms from user_stats_current where joined_rooms > 0',
    `select user_id, count(*) from local_current_membership where membership = 'join' group by user_id`,
  ],
  'names of rooms': [
    'select room_id, name from room_stats_state where name is not null',
    `select room_id, content ->> 'name' from ${CONTENT('m.room.name')} c where content ->> 'name' is not null`,
  ],
  'join rules': [
    'select room_id, join_rules from room_stats_state',
    `select room_id, content ->> 'join_rule' from ${CONTENT('m.room.join_rules')} c`,
  ],
  'users in public rooms': [
    'select user_id, room_id from users_in_public_rooms',
    `select user_id, room_id from ${JOINED} j where room_id in ${OPEN}`,
  ],
  'users who share private rooms': [
    'select user_id, other_user_id, room_id from users_who_share_private_rooms',
    `select a.user_id, b.user_id, a.room_id from ${JOINED} a join ${JOINED} b on a.room_id = b.room_id
       and a.user_id <> b.user_id where a.room_id not in ${OPEN}`,
  ],
  'names of users': [
    'select user_id, display_name from user_directory',
    `select u.name, p.displayname from users u left join profiles p on p.full_user_id = u.name where u.name in ${LISTED}`,
  ],
  'searched users': ['select user_id from user_directory_search', `select name from users where name in ${LISTED}`],
}

async function faultsIn(db: Db): Promise<readonly string[]> {
  const faults: string[] = []
  for (const [what, [is, mustBe]] of Object.entries(same)) {
    const [missing, extra] = await Promise.all([
      db.rows(`(${mustBe}) except (${is}) limit 3`),
      db.rows(`(${is}) except (${mustBe}) limit 3`),
    ])
    if (missing.length > 0) faults.push(`${what}: missing ${JSON.stringify(missing)}`)
    if (extra.length > 0) faults.push(`${what}: too much ${JSON.stringify(extra)}`)
  }
  return faults
}
