/**
 * Push rules of users: those they made, what they changed of the default ones, and which are on. Conditions and actions are
 * JSON as text. Every change is one of the stream `push_rules`.
 */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'
import { insertAtNextId } from './next-id.ts'

export interface PushRuleRow {
  readonly userId: UserId
  /** `global/override/.m.rule.master`, as Synapse writes them. */
  readonly ruleId: string
  /** 5 override, 4 content, 3 room, 2 sender, 1 underride; -1: other actions for a default rule. */
  readonly priorityClass: number
  /** The greater, the earlier it is looked at, within its class. */
  readonly priority: number
  readonly conditions: string
  readonly actions: string
}

/** The rules of all these users, each user's in the order in which they are looked at. */
export const selectPushRules = (db: Queries, userIds: readonly UserId[]) =>
  db.rows<PushRuleRow>(
    `select user_name as "userId", rule_id as "ruleId", priority_class as "priorityClass", priority, conditions, actions
     from push_rules where user_name = any($1) order by user_name, priority_class desc, priority desc`,
    [userIds],
  )

/** Of all these users, the rules that were switched on or off. The others are as they are by default. */
export const selectPushRuleSwitches = (db: Queries, userIds: readonly UserId[]) =>
  db.rows<{ readonly userId: UserId; readonly ruleId: string; readonly isEnabled: boolean }>(
    `select user_name as "userId", rule_id as "ruleId", enabled <> 0 as "isEnabled"
     from push_rules_enable where user_name = any($1)`,
    [userIds],
  )

/** How many rules a user has: more than some thousand are not to be made. */
export const countPushRules = async (db: Queries, userId: UserId): Promise<number> =>
  (await db.one<{ count: number }>('select count(*) as count from push_rules where user_name = $1', [userId]))!.count

/** Did the user's rules change after `from`? */
export const havePushRulesChanged = async (db: Queries, userId: UserId, from: number): Promise<boolean> =>
  (await db.one<{ changed: boolean }>(
    'select exists (select from push_rules_stream where user_id = $1 and stream_id > $2) as changed',
    [userId, from],
  ))!.changed

/** Where a change stands: in the stream of push rules, and in that of events at that moment. */
export interface PushRulePosition {
  readonly streamId: number
  readonly instanceName: string
  readonly eventStreamOrdering: number
}

export interface NewPushRule {
  readonly userId: UserId
  readonly ruleId: string
  readonly priorityClass: number
  readonly conditions: string
  readonly actions: string
  /** Right before or after that rule; without it before all others of its class. */
  readonly place?: { readonly before: string } | { readonly after: string }
}

/** One at a time changes rules of a user: others wait until the transaction ends. */
const lockPushRules = (tx: Queries, userId: UserId) =>
  tx.run("select pg_advisory_xact_lock(hashtextextended('push_rules ' || $1, 0))", [userId])

/** Does the user have a rule of that ID, or other actions for a default one? */
export const hasPushRule = async (db: Queries, userId: UserId, ruleId: string): Promise<boolean> =>
  (await db.one<{ found: boolean }>(
    'select exists (select from push_rules where user_name = $1 and rule_id = $2) as found',
    [userId, ruleId],
  ))!.found

/** Would one more rule be too many? Not where it takes the place of one that is there. */
const isOneTooMany = async (tx: Queries, userId: UserId, ruleId: string, maxRules: number): Promise<boolean> =>
  (await countPushRules(tx, userId)) >= maxRules && !(await hasPushRule(tx, userId, ruleId))

/**
 * Makes a rule or replaces it; it is on unless it was switched off. Returns `no such rule` when `place` names one that the
 * user does not have, `another class` when that is of another class, `too many` when the user has `maxRules` others; nothing
 * is changed then. In one transaction, read committed: it waits for others that change rules of the user, and must see what
 * they did.
 */
export async function upsertPushRule(
  tx: Queries,
  rule: NewPushRule,
  position: PushRulePosition,
  maxRules = Number.POSITIVE_INFINITY,
): Promise<'done' | 'no such rule' | 'another class' | 'too many'> {
  const { userId, ruleId, priorityClass, conditions, actions, place } = rule
  await lockPushRules(tx, userId)
  let priority: number
  if (place === undefined) {
    if (await isOneTooMany(tx, userId, ruleId, maxRules)) return 'too many'
    const top = await tx.one<{ priority: number }>(
      `select coalesce(max(priority) + 1, 0) as priority from push_rules where user_name = $1 and priority_class = $2`,
      [userId, priorityClass],
    )
    priority = top!.priority
  } else {
    const isBefore = 'before' in place
    const other = await tx.one<{ priority: number; priorityClass: number }>(
      `select priority, priority_class as "priorityClass" from push_rules where user_name = $1 and rule_id = $2`,
      [userId, isBefore ? place.before : place.after],
    )
    if (other === undefined) return 'no such rule'
    if (other.priorityClass !== priorityClass) return 'another class'
    if (await isOneTooMany(tx, userId, ruleId, maxRules)) return 'too many'
    priority = isBefore ? other.priority + 1 : other.priority
    // Those that are looked at before it make room, the other one among them if the rule is to come after it.
    await tx.run(
      'update push_rules set priority = priority + 1 where user_name = $1 and priority_class = $2 and priority >= $3',
      [userId, priorityClass, priority],
    )
  }
  await writeRule(tx, { userId, ruleId, priorityClass, priority, conditions, actions })
  await Promise.all([
    insertAtNextId(() =>
      tx.one<{ id: number }>(
        `with kept as (select id from push_rules_enable where user_name = $1 and rule_id = $2),
         made as (
           insert into push_rules_enable (id, user_name, rule_id, enabled)
           select (select coalesce(max(id), 0) + 1 from push_rules_enable), $1, $2, 1
           where not exists (select from kept)
           on conflict do nothing returning id
         )
         select id from kept union all select id from made`,
        [userId, ruleId],
      ),
    ),
    noteChange(tx, position, 'ADD', { userId, ruleId, priorityClass, priority, conditions, actions }),
  ])
  return 'done'
}

async function writeRule(tx: Queries, rule: PushRuleRow): Promise<void> {
  const { userId, ruleId, priorityClass, priority, conditions, actions } = rule
  const params = [userId, ruleId, priorityClass, priority, conditions, actions]
  await insertAtNextId(() =>
    tx.one<{ id: number }>(
      `with changed as (
         update push_rules set priority_class = $3, priority = $4, conditions = $5, actions = $6
         where user_name = $1 and rule_id = $2 returning id
       ), made as (
         insert into push_rules (id, user_name, rule_id, priority_class, priority, conditions, actions)
         select (select coalesce(max(id), 0) + 1 from push_rules), $1, $2, $3, $4, $5, $6
         where not exists (select from changed)
         on conflict (id) do nothing returning id
       )
       select id from changed union all select id from made`,
      params,
    ),
  )
}

/** False if the user has no such rule. In one transaction. */
export async function deletePushRule(
  tx: Queries,
  userId: UserId,
  ruleId: string,
  position: PushRulePosition,
): Promise<boolean> {
  const deleted = await tx.run('delete from push_rules where user_name = $1 and rule_id = $2', [userId, ruleId])
  if (deleted === 0) return false
  await Promise.all([
    tx.run('delete from push_rules_enable where user_name = $1 and rule_id = $2', [userId, ruleId]),
    noteChange(tx, position, 'DELETE', { userId, ruleId }),
  ])
  return true
}

/** Switches a rule on or off, a default one too: whether there is such a rule is for the caller to know. */
export async function switchPushRule(
  tx: Queries,
  userId: UserId,
  ruleId: string,
  isEnabled: boolean,
  position: PushRulePosition,
): Promise<void> {
  await insertAtNextId(() =>
    tx.one<{ id: number }>(
      `with changed as (
         update push_rules_enable set enabled = $3 where user_name = $1 and rule_id = $2 returning id
       ), made as (
         insert into push_rules_enable (id, user_name, rule_id, enabled)
         select (select coalesce(max(id), 0) + 1 from push_rules_enable), $1, $2, $3
         where not exists (select from changed)
         on conflict (id) do nothing returning id
       )
       select id from changed union all select id from made`,
      [userId, ruleId, isEnabled ? 1 : 0],
    ),
  )
  await noteChange(tx, position, isEnabled ? 'ENABLE' : 'DISABLE', { userId, ruleId })
}

/**
 * Other actions for a rule. For a default one a row of class -1 keeps them; of their own rules `no such rule` says that there
 * is none, and `too large` that its conditions and the actions are of more than `ruleSize` bytes; nothing is changed then, nor
 * where that row would be one `too many`. In one transaction, read committed.
 */
export async function updatePushRuleActions(
  tx: Queries,
  userId: UserId,
  ruleId: string,
  actions: string,
  isDefaultRule: boolean,
  position: PushRulePosition,
  limits: { readonly ruleCount: number; readonly ruleSize: number } = NO_LIMITS,
): Promise<'done' | 'no such rule' | 'too large' | 'too many'> {
  await lockPushRules(tx, userId)
  if (isDefaultRule) {
    if (await isOneTooMany(tx, userId, ruleId, limits.ruleCount)) return 'too many'
    const rule = { userId, ruleId, priorityClass: -1, priority: 1, conditions: '[]', actions }
    await writeRule(tx, rule)
  } else {
    const rule = await tx.one<{ readonly conditions: string }>(
      'select conditions from push_rules where user_name = $1 and rule_id = $2',
      [userId, ruleId],
    )
    if (rule === undefined) return 'no such rule'
    if (Buffer.byteLength(rule.conditions) + Buffer.byteLength(actions) > limits.ruleSize) return 'too large'
    await tx.run('update push_rules set actions = $3 where user_name = $1 and rule_id = $2', [userId, ruleId, actions])
  }
  await noteChange(tx, position, 'ACTIONS', { userId, ruleId, actions })
  return 'done'
}

const NO_LIMITS = { ruleCount: Number.POSITIVE_INFINITY, ruleSize: Number.POSITIVE_INFINITY }

type Operation = 'ADD' | 'DELETE' | 'ENABLE' | 'DISABLE' | 'ACTIONS'

const noteChange = (
  tx: Queries,
  { streamId, instanceName, eventStreamOrdering }: PushRulePosition,
  operation: Operation,
  rule: Pick<PushRuleRow, 'userId' | 'ruleId'> & Partial<PushRuleRow>,
) =>
  tx.run(
    `insert into push_rules_stream (stream_id, instance_name, event_stream_ordering, user_id, rule_id, op, priority_class,
       priority, conditions, actions)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      streamId,
      instanceName,
      eventStreamOrdering,
      rule.userId,
      rule.ruleId,
      operation,
      rule.priorityClass,
      rule.priority,
      rule.conditions,
      rule.actions,
    ],
  )
