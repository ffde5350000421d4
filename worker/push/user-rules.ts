/** Push rules of users, in memory until the stream `push_rules` says that they changed. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { CompiledRules, RuleCompiler } from '../../shared/matrix/push-rules/compile.ts'
import { noUserRules, type UserPushRules } from '../../shared/matrix/push-rules/rule.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { selectPushRuleSwitches, selectPushRules } from '../storage/push-rules.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { userRulesOf } from './rule-rows.ts'

export interface UserRules {
  readonly of: (userId: UserId) => Promise<UserPushRules>
  /** Ready to be evaluated, of all these users, in their order. */
  readonly compiled: (userIds: readonly UserId[]) => Promise<readonly CompiledRules[]>
}

export interface UserRulesDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'follow'>
  readonly compiler: RuleCompiler
  /** How many users' rules are kept. */
  readonly maxUsers?: number
}

interface Entry {
  readonly rules: UserPushRules
  /** Compiled when they are needed: who only looks at rules does not need it. */
  compiled: CompiledRules | undefined
}

const MAX_USERS = 50_000

export function makeUserRules({ db, streams, compiler, maxUsers = MAX_USERS }: UserRulesDeps): UserRules {
  const entries = makeLru<UserId, Entry>(maxUsers)
  /** Of each look into the tables that is under way, whose rules changed meanwhile: what it finds of them may be old. */
  const loads = new Set<Set<string>>()
  streams.follow('push_rules', (rows) => {
    for (const { userId } of rows) {
      entries.delete(userId as UserId)
      for (const changed of loads) changed.add(userId)
    }
  })

  async function load(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Entry>> {
    const changed = new Set<string>()
    loads.add(changed)
    try {
      const [rows, switches] = await Promise.all([selectPushRules(db, userIds), selectPushRuleSwitches(db, userIds)])
      const [rowsOf, switchesOf] = [byUser(rows), byUser(switches)]
      const found = new Map<UserId, Entry>()
      for (const userId of userIds) {
        const [own, switched] = [rowsOf.get(userId) ?? [], switchesOf.get(userId) ?? []]
        const entry = {
          rules: own.length + switched.length === 0 ? noUserRules : userRulesOf(own, switched),
          compiled: undefined,
        }
        found.set(userId, entry)
        if (!changed.has(userId)) entries.set(userId, entry)
      }
      return found
    } finally {
      loads.delete(changed)
    }
  }

  const compile = (userId: UserId, entry: Entry): CompiledRules => {
    entry.compiled ??= compiler.compile(userId, entry.rules)
    return entry.compiled
  }

  return {
    async of(userId) {
      return (entries.get(userId) ?? (await load([userId])).get(userId)!).rules
    },
    async compiled(userIds) {
      const known = userIds.map((userId) => entries.get(userId))
      const missing = userIds.filter((_, i) => known[i] === undefined)
      const loaded = missing.length === 0 ? undefined : await load(missing)
      return userIds.map((userId, i) => compile(userId, known[i] ?? loaded!.get(userId)!))
    },
  }
}

function byUser<Row extends { readonly userId: UserId }>(rows: readonly Row[]): ReadonlyMap<UserId, readonly Row[]> {
  const map = new Map<UserId, Row[]>()
  for (const row of rows) {
    const list = map.get(row.userId)
    if (list === undefined) map.set(row.userId, [row])
    else list.push(row)
  }
  return map
}
