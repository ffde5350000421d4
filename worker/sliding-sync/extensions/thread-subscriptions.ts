/** The extension of MSC4308: threads that the user came to follow, or follows no longer. */

import { type JsonText, jsonTextOf } from '../../json-text.ts'
import { printThreadToken, type ThreadChanges } from '../../push/thread-subscriptions.ts'
import type { StreamToken } from '../../streams/tokens.ts'
import type { SlidingSyncRequest } from '../request.ts'
import type { ExtensionAnswer } from './answer.ts'

/** Undefined: there is nothing new. */
export async function threadSubscriptionsExtension(
  changes: ThreadChanges,
  { userId, from, extensions: { threadSubscriptions } }: SlidingSyncRequest,
  now: StreamToken,
): Promise<ExtensionAnswer | undefined> {
  const { limit } = threadSubscriptions!
  const { bySubscription, earliest } = await changes(
    userId,
    from?.token.threadSubscriptions ?? 0,
    now.threadSubscriptions,
    limit,
  )
  if (earliest === undefined) return undefined
  const text: JsonText = jsonTextOf({
    ...bySubscription,
    prev_batch: earliest.isCut ? printThreadToken(earliest.position - 1) : undefined,
  })
  return { text, hasNews: true }
}
