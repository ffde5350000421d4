import type { UserId } from '../../shared/matrix/ids.ts'

/** What application services have reserved, as far as the directories ask. */
export interface ReservedNames {
  /** Whether the alias is in a namespace of that appservice, its own alone or not. */
  readonly isAliasOf: (appserviceId: string, alias: string) => boolean
  /** Whether the alias is in a namespace that is an appservice's alone, and the user is not its sender. */
  readonly isAliasReserved: (alias: string, userId: UserId) => boolean
  /** Whether the user is in a namespace of an appservice, or its sender. */
  readonly isAppserviceUser: (userId: UserId) => boolean
}

/** Where there are none. */
export const noReservedNames: ReservedNames = {
  isAliasOf: () => false,
  isAliasReserved: () => false,
  isAppserviceUser: () => false,
}
