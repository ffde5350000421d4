import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'

/** Whom a log-in is for (client-server-api, "Identifier types"). */
export type LoginIdentifier =
  /** A user ID, or a localpart. */
  | { readonly kind: 'user'; readonly user: string }
  /** An e-mail address or a phone number. */
  | { readonly kind: 'thirdparty'; readonly medium: string; readonly address: string }

const invalid = (message: string) => new MatrixError('M_INVALID_PARAM', message)

/** `identifier`, or what came before it: `user`, or `medium` and `address`. Throws what Synapse says. */
export function readIdentifier(submission: JsonObject): LoginIdentifier {
  const { user, medium, address } = submission
  if (medium && address) return thirdParty({ medium, address })
  if (user) return ofUser(user)
  const { identifier } = submission
  if (identifier === undefined) throw invalid('Invalid login submission')
  if (!isObject(identifier) || Object.keys(identifier).length === 0) throw invalid('Invalid login submission')
  switch (identifier.type) {
    case undefined:
      throw new MatrixError('M_MISSING_PARAM', "'identifier' dict has no key 'type'")
    case 'm.id.user':
      return ofUser(identifier.user)
    case 'm.id.thirdparty':
      return thirdParty(identifier)
    case 'm.id.phone': {
      const number = identifier.phone ?? identifier.number
      if (identifier.country === undefined || typeof number !== 'string') throw invalid('Invalid phone-type identifier')
      return { kind: 'thirdparty', medium: 'msisdn', address: number }
    }
    default:
      throw new MatrixError('M_UNKNOWN', 'Unknown login identifier type')
  }
}

function ofUser(user: unknown): LoginIdentifier {
  if (user === undefined || user === '') throw new MatrixError('M_UNKNOWN', "User identifier is missing 'user' key")
  if (typeof user !== 'string') throw invalid('Invalid login submission')
  return { kind: 'user', user }
}

function thirdParty({ medium, address }: JsonObject): LoginIdentifier {
  if (typeof medium !== 'string' || typeof address !== 'string')
    throw new MatrixError('M_UNKNOWN', 'Invalid thirdparty identifier')
  return { kind: 'thirdparty', medium, address }
}
