/**
 * Changes of push rules (client-server-api, "Push Rules"): made by the process of the stream `push_rules`, which others ask.
 * Errors are worded as Synapse's.
 */

import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { Db, Transaction } from '../storage/db.ts'
import {
  deletePushRule,
  hasPushRule,
  type PushRulePosition,
  switchPushRule,
  updatePushRuleActions,
  upsertPushRule,
} from '../storage/push-rules.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

/** Of a rule by its stored ID, `global/override/mine`; conditions and actions are JSON as text. */
export type RuleChange =
  | {
      readonly op: 'put'
      readonly ruleId: string
      readonly priorityClass: number
      readonly conditions: string
      readonly actions: string
      /** Stored IDs of other rules of the user. */
      readonly before?: string | undefined
      readonly after?: string | undefined
    }
  | { readonly op: 'delete'; readonly ruleId: string }
  /** `isDefault`: a rule of the server's, which the caller knows to exist. */
  | { readonly op: 'switch'; readonly ruleId: string; readonly isDefault: boolean; readonly isEnabled: boolean }
  | { readonly op: 'actions'; readonly ruleId: string; readonly isDefault: boolean; readonly actions: string }

export interface RuleChanges {
  /**
   * Throws M_NOT_FOUND for a rule that is not there, M_UNKNOWN for a place beside one that is not there or is of another
   * kind, or beyond the limit of rules.
   */
  readonly change: (userId: UserId, change: RuleChange) => Promise<void>
  readonly replicationHandlers: ReplicationHandlers
}

export interface RuleChangesDeps {
  readonly db: Db
  readonly streams: Pick<LiveStreams, 'instance' | 'current' | 'write' | 'writes' | 'writersOf'>
  readonly client: Pick<ReplicationClient, 'call'>
  readonly limits: RuleLimits
}

export interface RuleLimits {
  /** Rules of a user. */
  readonly ruleCount: number
  /** Of conditions and actions together, in bytes of JSON. */
  readonly ruleSize: number
}

export function makeRuleChanges({ db, streams, client, limits }: RuleChangesDeps): RuleChanges {
  const changeHere = (userId: UserId, change: RuleChange): Promise<void> =>
    streams.write('push_rules', 1, async ([streamId]) => {
      const position = {
        streamId: streamId!,
        instanceName: streams.instance,
        eventStreamOrdering: streams.current('events').stream,
      }
      await db.transaction('read committed', (tx) => apply(tx, userId, change, position, limits), 'change_push_rule')
      return { result: undefined, rows: [[streamId!, [{ userId }]]] }
    })
  return {
    async change(userId, change) {
      if (streams.writes('push_rules')) return changeHere(userId, change)
      const [instance] = streams.writersOf('push_rules')
      await client.call('plexus_change_push_rule', { instance: instance!, body: { user_id: userId, change } })
    },
    replicationHandlers: {
      async plexus_change_push_rule({ body }) {
        await changeHere(body.user_id as UserId, body.change as RuleChange)
        return {}
      },
    },
  }
}

async function apply(
  tx: Transaction,
  userId: UserId,
  change: RuleChange,
  position: PushRulePosition,
  limits: RuleLimits,
): Promise<void> {
  const { ruleId } = change
  switch (change.op) {
    case 'put': {
      const { priorityClass, conditions, actions, before, after } = change
      const place = before === undefined ? (after === undefined ? undefined : { after }) : { before }
      const rule = { userId, ruleId, priorityClass, conditions, actions, ...(place && { place }) }
      const outcome = await upsertPushRule(tx, rule, position, limits.ruleCount)
      if (outcome === 'no such rule') throw refusal(`before/after rule not found: ${before ?? after}`)
      if (outcome === 'another class') throw refusal('Given priority class does not match class of relative rule')
      if (outcome === 'too many') throw tooMany(limits.ruleCount)
      return
    }
    case 'delete':
      if (!(await deletePushRule(tx, userId, ruleId, position))) throw new MatrixError('M_NOT_FOUND', 'Not found')
      return
    case 'switch':
      if (!change.isDefault && !(await hasPushRule(tx, userId, ruleId))) throw unknownRule()
      return switchPushRule(tx, userId, ruleId, change.isEnabled, position)
    case 'actions': {
      const { actions, isDefault } = change
      const outcome = await updatePushRuleActions(tx, userId, ruleId, actions, isDefault, position, limits)
      if (outcome === 'no such rule') throw unknownRule()
      if (outcome === 'too many') throw tooMany(limits.ruleCount)
      if (outcome === 'too large') throw ruleTooLarge(limits.ruleSize)
      return
    }
  }
}

const refusal = (message: string) => new MatrixError('M_UNKNOWN', message)
export const unknownRule = () => new MatrixError('M_NOT_FOUND', 'Unknown rule')
export const ruleTooLarge = (limit: number) =>
  new MatrixError('M_UNKNOWN', `Push rule size exceeds server limit (${limit} bytes).`, {}, 413)
const tooMany = (limit: number) =>
  refusal(`Creating a push rule would exceed the limit on the number of push rules of your account (${limit} rules)`)
