import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'

/** `password_config.policy`. */
export interface PasswordPolicy {
  readonly enabled: boolean
  readonly minimumLength: number
  readonly requireDigit: boolean
  readonly requireSymbol: boolean
  readonly requireLowercase: boolean
  readonly requireUppercase: boolean
}

/** Throws the error code of MSC2000 for the first thing that a new password lacks. */
export function checkPassword(password: string, policy: PasswordPolicy): void {
  if (!policy.enabled) return
  const { minimumLength, requireDigit, requireSymbol, requireUppercase, requireLowercase } = policy
  if ([...password].length < minimumLength)
    throw new MatrixError('M_PASSWORD_TOO_SHORT', `The password must be at least ${minimumLength} characters long`)
  const need = (isRequired: boolean, pattern: RegExp, errcode: string, what: string): void => {
    if (isRequired && !pattern.test(password))
      throw new MatrixError(errcode, `The password must include at least one ${what}`)
  }
  need(requireDigit, /[0-9]/, 'M_PASSWORD_NO_DIGIT', 'digit')
  need(requireSymbol, /[^a-zA-Z0-9]/, 'M_PASSWORD_NO_SYMBOL', 'symbol')
  need(requireUppercase, /[A-Z]/, 'M_PASSWORD_NO_UPPERCASE', 'uppercase letter')
  need(requireLowercase, /[a-z]/, 'M_PASSWORD_NO_LOWERCASE', 'lowercase letter')
}

/** As clients are told of it (MSC2000). */
export const printPasswordPolicy = (policy: PasswordPolicy): JsonObject =>
  policy.enabled
    ? {
        'm.minimum_length': policy.minimumLength,
        'm.require_digit': policy.requireDigit,
        'm.require_symbol': policy.requireSymbol,
        'm.require_lowercase': policy.requireLowercase,
        'm.require_uppercase': policy.requireUppercase,
      }
    : {}
