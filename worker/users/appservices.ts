/** Application services as this server knows them: whose tokens they have, and which users and aliases are theirs. */

import { addressMatcher } from '../../shared/address-ranges.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'

interface Namespace {
  readonly pattern: RegExp
  readonly exclusive: boolean
}

/** What is asked here of `AppserviceConfig`. */
export interface Appservice {
  readonly id: string
  readonly asToken: string
  readonly sender: UserId
  readonly namespaces: { readonly users: readonly Namespace[]; readonly aliases: readonly Namespace[] }
  readonly isRateLimited: boolean
  readonly ipRangeWhitelist: readonly string[]
  readonly managesDevices: boolean
}

export interface Appservices {
  readonly byToken: (token: string) => Appservice | undefined
  readonly byId: (id: string | undefined) => Appservice | undefined
  /** May requests of it come from there? */
  readonly mayAskFrom: (appservice: Appservice, ip: string) => boolean
  /** Its sender, and the users of its namespaces. */
  readonly isTheirs: (appservice: Appservice, userId: string) => boolean
  /** Whether nobody else may have that user, as its namespaces say. */
  readonly isExclusive: (appservice: Appservice, userId: string) => boolean
  /** Throws M_EXCLUSIVE for a user of another one's than `by`. */
  readonly mustNotBeReserved: (userId: string, by?: Appservice) => void
  /** Whether the alias is in a namespace of that application service. */
  readonly isAliasOf: (appserviceId: string, alias: string) => boolean
  /** Whether it is in a namespace that is an application service's alone, and the user is not its sender. */
  readonly isAliasReserved: (alias: string, userId: UserId) => boolean
  /** Whether the user is one's of any. */
  readonly isAppserviceUser: (userId: UserId) => boolean
}

const found = (namespaces: readonly Namespace[], text: string) => namespaces.find(({ pattern }) => pattern.test(text))

export function makeAppservices(all: readonly Appservice[]): Appservices {
  const tokens = new Map(all.map((appservice) => [appservice.asToken, appservice]))
  const ids = new Map(all.map((appservice) => [appservice.id, appservice]))
  const matchers = new Map(
    all.flatMap(({ id, ipRangeWhitelist }) =>
      ipRangeWhitelist.length === 0 ? [] : [[id, addressMatcher(ipRangeWhitelist)] as const],
    ),
  )
  const isTheirs: Appservices['isTheirs'] = ({ sender, namespaces }, userId) =>
    userId === sender || found(namespaces.users, userId) !== undefined
  // The first namespace that it is in decides, as in Synapse.
  const isExclusive: Appservices['isExclusive'] = ({ sender, namespaces }, userId) =>
    userId === sender || (found(namespaces.users, userId)?.exclusive ?? false)

  return {
    byToken: (token) => tokens.get(token),
    byId: (id) => (id === undefined ? undefined : ids.get(id)),
    mayAskFrom: ({ id }, ip) => matchers.get(id)?.(ip) ?? true,
    isTheirs,
    isExclusive,
    mustNotBeReserved(userId, by) {
      if (all.some((appservice) => appservice !== by && isExclusive(appservice, userId)))
        throw new MatrixError('M_EXCLUSIVE', 'This user ID is reserved by an application service.')
    },
    isAliasOf(appserviceId, alias) {
      const appservice = ids.get(appserviceId)
      return appservice !== undefined && found(appservice.namespaces.aliases, alias) !== undefined
    },
    isAliasReserved(alias, userId) {
      const interested = all.filter(({ namespaces }) => found(namespaces.aliases, alias) !== undefined)
      // A sender that has a token of its own besides.
      if (interested.some(({ sender }) => sender === userId)) return false
      return interested.some(({ namespaces }) => found(namespaces.aliases, alias)!.exclusive)
    },
    isAppserviceUser: (userId) => all.some((appservice) => isTheirs(appservice, userId)),
  }
}
