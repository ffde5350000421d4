/** What users keep here, and what they are told by it: typing, receipts, account data, tags, push rules, unread counts. */

import { pushrulesEndpoints } from '../../shared/endpoints/client/pushrules.ts'
import { readMarkersEndpoints } from '../../shared/endpoints/client/read_markers.ts'
import { receiptsEndpoints } from '../../shared/endpoints/client/receipts.ts'
import { tagsEndpoints } from '../../shared/endpoints/client/tags.ts'
import { typingEndpoints } from '../../shared/endpoints/client/typing.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { makeRuleCompiler } from '../../shared/matrix/push-rules/compile.ts'
import { defaultRules, synapseFeatures } from '../../shared/matrix/push-rules/default-rules.ts'
import { type AccountData, makeAccountData } from '../account-data/account-data.ts'
import { carryOverAccountData } from '../account-data/carry-over.ts'
import {
  accountDataHandlers,
  accountDataRemovalEndpoints,
  accountDataRemovalHandlers,
  servedAccountDataEndpoints,
} from '../client/account-data.ts'
import { pushrulesHandlers } from '../client/pushrules.ts'
import { readMarkersHandlers } from '../client/read_markers.ts'
import { receiptsHandlers } from '../client/receipts.ts'
import { tagsHandlers } from '../client/tags.ts'
import { typingHandlers } from '../client/typing.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, operations } from '../http/handlers.ts'
import { carryOverPushRules } from '../push/carry-over.ts'
import { makePushEvaluator, noPushEvaluator } from '../push/evaluator.ts'
import { makeIgnorers } from '../push/ignorers.ts'
import { makeRuleChanges } from '../push/rule-changes.ts'
import { makeRuleset, type Ruleset } from '../push/ruleset.ts'
import { startPushSummaries } from '../push/summaries.ts'
import { makeThreadSubscribers } from '../push/thread-subscribers.ts'
import { makeUnreadCounts, type UnreadCounts } from '../push/unread-counts.ts'
import { makeUserRules } from '../push/user-rules.ts'
import { makeFullyRead } from '../receipts/fully-read.ts'
import { makeReceipts } from '../receipts/receipts.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { OwnUpdates } from '../replication/stream-updates.ts'
import type { EventStore } from '../rooms/event-store.ts'
import { beforeRefusing, type Memberships } from '../rooms/memberships.ts'
import type { PushEvaluator } from '../rooms/push-actions.ts'
import type { Visibility } from '../rooms/visibility.ts'
import type { Db } from '../storage/db.ts'
import type { StreamName } from '../streams/definitions.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'
import { makeTyping, type Typing } from '../typing/typing.ts'

export interface UserDataDeps {
  readonly config: Pick<
    WorkerConfig,
    'serverName' | 'instanceName' | 'duties' | 'push' | 'pushRules' | 'experimentalFeatures'
  >
  readonly db: Db
  readonly streams: LiveStreams
  readonly caches: CacheInvalidation
  readonly client: Pick<ReplicationClient, 'call'>
  readonly events: EventStore
  readonly memberships: Memberships
  readonly visibility: Visibility
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface UserData {
  readonly typing: Typing
  readonly accountData: AccountData
  readonly ruleset: Ruleset
  readonly unreadCounts: UnreadCounts
  /** For the persister, or whoever makes events. */
  readonly push: PushEvaluator
  /** What a user keeps of a room that was replaced, for its replacement too. */
  readonly carryOver: (userId: UserId, from: RoomId, to: RoomId) => Promise<void>
  readonly operations: readonly Operation[]
  readonly replicationHandlers: ReplicationHandlers
  readonly ownUpdates: ReadonlyMap<StreamName, OwnUpdates>
  readonly close: () => Promise<void>
}

/** To be made before the process is connected: it follows streams. */
export function makeUserData(deps: UserDataDeps): UserData {
  const { config, db, streams, caches, client, events, memberships, visibility, onProblem, now } = deps
  const { limits } = config.pushRules

  const typing = makeTyping({ streams, client, onProblem })
  const accountData = makeAccountData({ db, streams, caches, client })
  const receipts = makeReceipts({ db, streams, client, now })
  const fullyRead = makeFullyRead({ db, events, accountData })

  const canRemove = config.experimentalFeatures.msc3391Enabled
  const followsThreads = config.experimentalFeatures.msc4306Enabled
  const defaults = defaultRules({ ...synapseFeatures, threadSubscriptions: followsThreads })
  const compiler = makeRuleCompiler(defaults)
  const rules = makeUserRules({ db, streams, compiler })
  const ruleset = makeRuleset(rules, defaults)
  const changes = makeRuleChanges({ db, streams, client, limits })
  const isLocal = (userId: string) => userId.endsWith(`:${config.serverName}`)
  const push = config.push.enabled
    ? makePushEvaluator({
        db,
        events,
        memberships,
        rules,
        ignorers: makeIgnorers({ db, streams, caches }),
        compiler,
        isLocal,
        subscribers: followsThreads ? makeThreadSubscribers(db, streams) : undefined,
      })
    : noPushEvaluator
  const summaries =
    config.duties.backgroundTasks === config.instanceName
      ? startPushSummaries({ db, streams, onProblem, now })
      : undefined

  const allowed = beforeRefusing(memberships)
  const readable = { events, memberships: allowed, visibility, receipts, fullyRead }
  return {
    typing,
    accountData,
    ruleset,
    unreadCounts: makeUnreadCounts({ db, streams }),
    push,
    async carryOver(userId, from, to) {
      await carryOverAccountData({ db, accountData }, userId, from, to)
      await carryOverPushRules({ rules, changes }, userId, from, to)
    },
    operations: [
      ...operations('client/typing', typingEndpoints, typingHandlers({ memberships: allowed, typing })),
      ...operations('client/receipts', receiptsEndpoints, receiptsHandlers({ db, ...readable })),
      ...operations('client/read_markers', readMarkersEndpoints, readMarkersHandlers(readable)),
      ...operations(
        'client/account-data',
        servedAccountDataEndpoints,
        accountDataHandlers({ db, accountData, ruleset, canRemove }),
      ),
      ...(canRemove
        ? operations('client/account-data', accountDataRemovalEndpoints, accountDataRemovalHandlers({ accountData }))
        : []),
      ...operations('client/tags', tagsEndpoints, tagsHandlers({ db, accountData, memberships: allowed })),
      ...operations('client/pushrules', pushrulesEndpoints, pushrulesHandlers({ ruleset, defaults, changes, limits })),
    ],
    replicationHandlers: {
      ...(streams.writes('typing') && typing.replicationHandlers),
      ...(streams.writes('receipts') && receipts.replicationHandlers),
      ...(streams.writes('account_data') && accountData.replicationHandlers),
      ...(streams.writes('push_rules') && changes.replicationHandlers),
    },
    ownUpdates: new Map(streams.writes('typing') ? [['typing', typing.updates]] : []),
    async close() {
      typing.close()
      await summaries?.close()
    },
  }
}
