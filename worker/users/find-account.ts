import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from '../storage/db.ts'
import { selectUsersIgnoringCase } from '../storage/users.ts'
import type { Passwords } from './passwords.ts'

/**
 * The user whom a log-in means: by the exact ID, or the only one that differs in case alone. Undefined: nobody, or it cannot
 * be said who.
 */
export async function findAccount(db: Queries, userId: string) {
  // Postgres has no U+0000, so that no user has.
  if (userId.includes('\0')) return undefined
  const users = await selectUsersIgnoringCase(db, userId)
  return users.find((user) => user.userId === userId) ?? (users.length === 1 ? users[0] : undefined)
}

export interface CheckPasswordDeps {
  readonly db: Queries
  readonly passwords: Passwords
  readonly serverName: string
}

/**
 * The user, if it is their password: `user` is a user ID or a localpart. Of a user who is not there it takes as long to say
 * so, so that nobody can ask who is.
 */
export async function checkUserPassword(
  user: string,
  password: string,
  { db, passwords, serverName }: CheckPasswordDeps,
): Promise<UserId | undefined> {
  const account = await findAccount(db, user.startsWith('@') ? user : `@${user}:${serverName}`)
  return (await passwords.verify(password, account?.passwordHash ?? null)) ? account!.userId : undefined
}
