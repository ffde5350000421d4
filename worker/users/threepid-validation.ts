/** Proof that somebody reads mail to an address: a link in a mail, which leads back here (identity of "3PIDs"). */

import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { type LetterNames, type Purpose, validationLetter } from '../mail/letters.ts'
import type { SendMail } from '../mail/mailer.ts'
import type { Db } from '../storage/db.ts'
import {
  deleteExpiredValidationTokens,
  deleteValidationSession,
  insertValidationToken,
  markSessionValidated,
  selectOpenSession,
  selectValidatedSession,
  selectValidation,
  upsertSession,
} from '../storage/threepids.ts'
import { randomLetters } from './session-tokens.ts'

export interface ValidationRequest {
  readonly purpose: Purpose
  /** Canonical. */
  readonly email: string
  readonly clientSecret: string
  /** One that was made before sends no second mail. */
  readonly sendAttempt: number
  /** Where the link leads in the end. */
  readonly nextLink: string | undefined
}

export interface ProvenAddress {
  readonly medium: string
  readonly address: string
  /** Milliseconds since 1970. */
  readonly validatedAt: number
}

export interface ThreepidValidation {
  /** Writes a mail. The session's ID. Throws M_UNKNOWN with status 500 where the mail cannot be sent. */
  readonly begin: (request: ValidationRequest) => Promise<string>
  /** The link was followed: where to go next, if somewhere. Throws {@link LinkRefused}. */
  readonly follow: (sessionId: string, clientSecret: string, token: string) => Promise<string | undefined>
  /** What was proven in a session; undefined: nothing yet. */
  readonly proven: (sessionId: string, clientSecret: string) => Promise<ProvenAddress | undefined>
  /** As {@link proven}, for once. */
  readonly take: (sessionId: string, clientSecret: string) => Promise<ProvenAddress | undefined>
  readonly sweep: () => Promise<void>
}

/** For the page that whoever follows a link sees. */
export class LinkRefused extends Error {}

export interface ThreepidValidationDeps {
  readonly db: Db
  readonly sendMail: SendMail
  readonly names: LetterNames
  /** Ends in `/`. */
  readonly publicBaseUrl: string
  /** `email.validation_token_lifetime` */
  readonly lifetimeMs: number
  /** `request_token_inhibit_3pid_errors`: nobody is told that there is no such session. */
  readonly hidesSessions: boolean
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const PATHS: Readonly<Record<Purpose, string>> = {
  register: '_matrix/client/unstable/registration/email/submit_token',
  add_threepid: '_matrix/client/unstable/add_threepid/email/submit_token',
  password_reset: '_synapse/client/password_reset/email/submit_token',
}

const CLIENT_SECRET = /^[0-9a-zA-Z.=_-]{1,255}$/

/** Throws M_INVALID_PARAM. */
export function mustBeClientSecret(secret: string): void {
  if (!CLIENT_SECRET.test(secret)) throw new MatrixError('M_INVALID_PARAM', 'Invalid client_secret parameter')
}

export function makeThreepidValidation(deps: ThreepidValidationDeps): ThreepidValidation {
  const { db, sendMail, names, publicBaseUrl, lifetimeMs, onProblem, now = Date.now } = deps
  const isText = (...texts: readonly string[]) => texts.every((text) => !text.includes('\0'))

  const proven: ThreepidValidation['proven'] = async (sessionId, clientSecret) => {
    if (!isText(sessionId, clientSecret)) return undefined
    const session = await selectValidatedSession(db, 'email', sessionId, clientSecret)
    return session && { medium: session.medium, address: session.address, validatedAt: session.validatedAt! }
  }

  return {
    async begin({ purpose, email, clientSecret, sendAttempt, nextLink }) {
      const open = await selectOpenSession(db, 'email', email, clientSecret)
      if (open !== undefined && sendAttempt <= open.lastSendAttempt) return open.id
      const id = open?.id ?? randomLetters(16)
      const token = randomLetters(32)
      const query = new URLSearchParams({ token, client_secret: clientSecret, sid: id })
      const link = `${publicBaseUrl}${PATHS[purpose]}?${query}`
      try {
        await sendMail(email, validationLetter(purpose, link, names))
      } catch (error) {
        onProblem('a mail could not be sent', error)
        throw new MatrixError('M_UNKNOWN', 'An error was encountered when sending the email', {}, 500)
      }
      const session = { id, medium: 'email', address: email, clientSecret, lastSendAttempt: sendAttempt }
      const next = nextLink
        ? `${nextLink}${nextLink.includes('?') ? '&' : '?'}sid=${encodeURIComponent(id)}`
        : undefined
      await db.transaction(
        'read committed',
        async (tx) => {
          await upsertSession(tx, session)
          await insertValidationToken(tx, { token, sessionId: id, nextLink: next, expiresMs: now() + lifetimeMs })
        },
        'begin validation',
      )
      return id
    },

    async follow(sessionId, clientSecret, token) {
      const found = isText(sessionId, token) ? await selectValidation(db, sessionId, token) : undefined
      if (found === undefined && !deps.hidesSessions) throw new LinkRefused('Unknown session_id')
      if (found === undefined || found.expiresMs === null)
        throw new LinkRefused('Validation token not found or has expired')
      if (found.clientSecret !== clientSecret)
        throw new LinkRefused('This client_secret does not match the provided session_id')
      const next = found.nextLink ?? undefined
      // A link that is followed twice.
      if (found.validatedAt !== null) return next
      if (found.expiresMs <= now()) throw new LinkRefused('This token has expired. Please request a new one')
      await markSessionValidated(db, sessionId, now())
      return next
    },

    proven,

    async take(sessionId, clientSecret) {
      const address = await proven(sessionId, clientSecret)
      if (address === undefined) return undefined
      const isFirst = await db.transaction(
        'read committed',
        (tx) => deleteValidationSession(tx, sessionId),
        'take validation',
      )
      return isFirst ? address : undefined
    },

    sweep: async () => void (await deleteExpiredValidationTokens(db, now())),
  }
}
