/**
 * Whom an event notifies (client-server-api, "Push Rules"): by the rules of all users of this server who are in the room and
 * see it. What is the same for all of them is found once for each event.
 */

import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { EventId, UserId } from '../../shared/matrix/ids.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import type { PushOutcome, RuleCompiler } from '../../shared/matrix/push-rules/compile.ts'
import { evaluatePushRules } from '../../shared/matrix/push-rules/evaluate.ts'
import { jsonTextOf } from '../json-text.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { PushAction, PushEvaluator } from '../rooms/push-actions.ts'
import type { Queries } from '../storage/db.ts'
import { selectThreadOf } from '../storage/threads.ts'
import { makeDisplayNames } from './display-names.ts'
import type { Ignorers } from './ignorers.ts'
import { type ReadEvents, roomFacts, whoSees } from './room-facts.ts'
import { actionsText } from './stored-actions.ts'
import type { ThreadSubscribers } from './thread-subscribers.ts'
import type { UserRules } from './user-rules.ts'

export interface PushEvaluatorDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
  readonly memberships: Pick<Memberships, 'joinedLocals' | 'joined'>
  readonly rules: Pick<UserRules, 'compiled'>
  readonly ignorers: Ignorers
  readonly compiler: RuleCompiler
  readonly isLocal: (userId: string) => boolean
  /** Appservices are sent every event of their users: nobody has to be notified. */
  readonly isAppserviceUser?: (userId: string) => boolean
  /** Who follows a thread (MSC4306); undefined: threads are not followed on this server. */
  readonly subscribers?: ThreadSubscribers | undefined
}

export const MAIN_TIMELINE = 'main'

/** `push.enabled: false`. */
export const noPushEvaluator: PushEvaluator = { evaluate: async () => [] }

export function makePushEvaluator(deps: PushEvaluatorDeps): PushEvaluator {
  const { db, events, memberships, rules, ignorers, compiler } = deps
  const isAppserviceUser = deps.isAppserviceUser ?? (() => false)
  const displayNames = makeDisplayNames(db)

  /** A membership is news to the one whom it is about, if that is a member or invited by it. */
  async function recipients(event: RoomEvent): Promise<readonly UserId[]> {
    const locals = await memberships.joinedLocals(event.roomId)
    if (event.type !== 'm.room.member')
      return [...locals].filter((userId) => userId !== event.sender && !isAppserviceUser(userId))
    const target = event.stateKey as UserId | undefined
    if (target === undefined || target === event.sender || !deps.isLocal(target)) return []
    const isInvite = event.content.membership === 'invite'
    return isInvite || (locals.has(target) && !isAppserviceUser(target)) ? [target] : []
  }

  const subscribersOf = async (event: RoomEvent): Promise<ReadonlySet<UserId> | undefined> => {
    if (deps.subscribers === undefined || !isObject(event.content['m.relates_to'])) return undefined
    const threadId = await threadOf(db, event)
    return threadId === MAIN_TIMELINE ? undefined : deps.subscribers.of(event.roomId, threadId as EventId)
  }

  return {
    async evaluate(event, version, before, batch) {
      const userIds = await recipients(event)
      if (userIds.length === 0) return []
      const read = reader(events, batch)
      const [compiled, members, nameOf, ignoring, subscribed] = await Promise.all([
        rules.compiled(userIds),
        memberships.joined(event.roomId),
        displayNames(event, userIds, before, batch),
        ignorers.of(event.sender),
        subscribersOf(event),
      ])
      const evaluate = evaluatePushRules(compiler, event, await roomFacts(event, version, before, members.size, read))
      const outcomes = new Map<UserId, PushOutcome>()
      for (let i = 0; i < userIds.length; i++) {
        const userId = userIds[i]!
        const outcome = evaluate(compiled[i]!, {
          displayName: nameOf(userId),
          isSubscribed: subscribed?.has(userId),
        })
        if (outcome?.notify) outcomes.set(userId, outcome)
      }
      if (outcomes.size === 0) return []
      const seeing = await whoSees(event, before, [...outcomes.keys()], ignoring, read)
      if (seeing.length === 0) return []
      const threadId = await threadOf(db, event)
      return seeing.map((userId) => ({ userId, ...stored(outcomes.get(userId)!), threadId }))
    },
  }
}

const reader =
  (events: Pick<EventStore, 'get'>, batch: ReadonlyMap<EventId, RoomEvent> | undefined): ReadEvents =>
  async (eventIds) => {
    const found = new Map<EventId, RoomEvent>()
    const missing: EventId[] = []
    for (const id of eventIds) {
      const event = batch?.get(id)
      if (event === undefined) missing.push(id)
      else found.set(id, event)
    }
    if (missing.length > 0) for (const [id, known] of await events.get(missing)) found.set(id, known.event)
    return found
  }

/** The thread that the event is in, by its own relation or by that of what it is related to. */
async function threadOf(db: Queries, { content }: RoomEvent): Promise<string> {
  const relation = content['m.relates_to']
  if (!isObject(relation)) return MAIN_TIMELINE
  const { rel_type: type, event_id: parent } = relation
  if (typeof type !== 'string' || typeof parent !== 'string') return MAIN_TIMELINE
  return type === 'm.thread' ? parent : ((await selectThreadOf(db, parent as EventId)) ?? MAIN_TIMELINE)
}

type Stored = Pick<PushAction, 'actions' | 'notifies' | 'highlights' | 'isUnread'>
/** There are few outcomes: each rule has one. */
const storedOutcomes = new WeakMap<PushOutcome, Stored>()

function stored(outcome: PushOutcome): Stored {
  const known = storedOutcomes.get(outcome)
  if (known !== undefined) return known
  const { actions, notify, highlight } = outcome
  const text = jsonTextOf(actions)
  const made: Stored = {
    actions: text === actionsText(highlight) ? '' : text,
    notifies: notify,
    highlights: highlight,
    // Only counted where MSC2654 is on, which is not offered.
    isUnread: false,
  }
  storedOutcomes.set(outcome, made)
  return made
}
