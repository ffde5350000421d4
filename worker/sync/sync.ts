/** `/sync` of a client: an answer at once, or as soon as there is something for it. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { JsonText } from '../json-text.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { covers } from '../streams/stream-token.ts'
import type { StreamToken } from '../streams/tokens.ts'
import { isNothing, newsOf } from './news.ts'
import type { Notifier } from './notifier.ts'
import { mayHavePresence, withPresence } from './presence.ts'
import { makeReach } from './reach.ts'
import { eventsOf, type SyncRequest } from './request.ts'
import { printNothing, type RespondDeps, respond } from './respond.ts'
import { beyond } from './room-plans.ts'
import { forgetFetched, mayHaveMessages } from './to-device.ts'

export interface SyncDeps extends RespondDeps {
  readonly streams: Pick<LiveStreams, 'instances' | 'now' | 'reach'>
  readonly memberships: Pick<Memberships, 'ofUser'>
  readonly notifier: Notifier
}

export interface SyncWait {
  /** How long to wait for something new; 0: answer at once. */
  readonly timeoutMs: number
  /** Aborts: answer now, with what there is. */
  readonly signal?: AbortSignal | undefined
}

export type Sync = (request: SyncRequest, wait: SyncWait) => Promise<JsonText>

export function makeSync(deps: SyncDeps): Sync {
  const { streams, memberships, notifier } = deps

  const reached = makeReach(streams)

  /** Undefined: there is nothing new. `moved`: to be looked again. `stuck`: it cannot be said, as this process is behind. */
  const look = async (
    request: SyncRequest,
    now: StreamToken,
    signal: AbortSignal | undefined,
  ): Promise<JsonText | undefined | 'moved' | 'stuck'> => {
    const { userId, since } = request
    const own = await memberships.ofUser(userId)
    if (since === undefined) return respond(deps, request, own, now)
    const news = newsOf(deps.recent, userId, own, since, now)
    const isQuiet =
      isNothing(news) &&
      !mayHaveMessages(deps.inbox, request, now) &&
      !mayHavePresence(deps.presence, request, own, since, now) &&
      !(news.deviceLists && (await hasOtherDevices(userId, since, now)))
    if (!request.fullState && isQuiet) return undefined
    const ahead = beyond(own, eventsOf(now))
    if (ahead === undefined) return respond(deps, request, own, now)
    // They moved since `now` was taken; soon it is known what happened before that.
    return (await reached({ ...now, room: ahead }, signal)) ? 'moved' : 'stuck'
  }

  const hasOtherDevices = async (userId: UserId, since: StreamToken, now: StreamToken) => {
    const { changed, left } = await deps.deviceLists.between(userId, since, now)
    return changed.length + left.length > 0
  }

  return async (request, { timeoutMs, signal }) => {
    const { since, fullState } = request
    const deadline = performance.now() + timeoutMs
    if (since !== undefined && !covers(streams.now(), since) && !(await reached(since, signal)))
      return printNothing(deps, request, since)
    const knowing = deps.presence.online.ready()
    if (knowing !== undefined) await knowing
    const forgetting = forgetFetched(deps.inbox, request)
    // If that fails they stay, and go with the client's next request.
    if (forgetting !== undefined) await forgetting.catch(() => undefined)
    const watch = since === undefined || fullState || timeoutMs === 0 ? undefined : await notifier.watch(request.userId)
    try {
      for (;;) {
        const version = watch?.version()
        const now = withPresence(deps.presence, streams.now(), since)
        const answer = await look(request, now, signal)
        if (answer === 'moved') continue
        if (answer === 'stuck') return await printNothing(deps, request, since!)
        if (answer !== undefined) return answer
        // Nothing of theirs is between the two tokens: the later one spares them to look there again.
        if (watch === undefined || !(await watch.changed(version!, deadline - performance.now(), signal)))
          return await printNothing(deps, request, now)
      }
    } finally {
      watch?.end()
    }
  }
}
