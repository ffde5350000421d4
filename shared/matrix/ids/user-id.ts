import { localpartOf, type UserId } from '../ids.ts'
import { accepted, type Result, refused } from '../result.ts'
import { checkDomainForm } from './domain-form.ts'

/**
 * A user ID that may exist (appendices, "Historical User IDs"): its localpart may be anything without `:` and NUL, empty too.
 * For all that comes from others; {@link parseNewUserId} is for IDs that are given to users.
 */
export const parseUserId = (text: string): Result<UserId> =>
  checkDomainForm(text, '@', 'user ID') ?? accepted(text as UserId)

export const isUserId = (text: string): text is UserId => checkDomainForm(text, '@', 'user ID') === undefined

/** A user ID as servers may give to new users (appendices, "User Identifiers"). */
export function parseNewUserId(text: string): Result<UserId> {
  const userId = parseUserId(text)
  if (!userId.ok) return userId
  const localpart = localpartOf(userId.value)
  if (localpart === '') return refused('user ID has an empty localpart')
  if (!isNewLocalpart(localpart))
    return refused('user ID has characters other than a-z, 0-9 and . _ = - / + before its server')
  return userId
}

/** Whether new users may have that localpart: one or more of `a-z`, `0-9` and `._=-/+`. */
export const isNewLocalpart = (localpart: string): boolean => /^[a-z0-9._=\-/+]+$/.test(localpart)

/**
 * Whether clients may be told of the user outside of events, of device lists for example (appendices, "Historical User IDs"):
 * the localpart is not empty and of characters in U+0021 to U+007E.
 */
export const isCompliantUserId = (userId: UserId): boolean => /^@[\x21-\x39\x3b-\x7e]+:/.test(userId)
