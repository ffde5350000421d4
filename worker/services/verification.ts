/** Mail, and the addresses that are proven with it, put together. */

import type { RequestTokenDeps } from '../client/request-token.ts'
import type { WorkerConfig } from '../config/types.ts'
import { makeRateLimiter } from '../http/rate-limit.ts'
import type { LetterNames } from '../mail/letters.ts'
import { makeMailer, type SendMail } from '../mail/mailer.ts'
import type { Pushers } from '../push/pushers.ts'
import type { Db } from '../storage/db.ts'
import { makeThreepidValidation, type ThreepidValidation } from '../users/threepid-validation.ts'
import { makeThreepids, type Threepids } from '../users/threepids.ts'

export interface VerificationDeps {
  readonly config: WorkerConfig
  readonly db: Db
  readonly pushers: Pick<Pushers, 'remove'>
  readonly onProblem: (problem: string, error?: unknown) => void
}

export interface Verification {
  readonly names: LetterNames
  /** Undefined, both: there is no mail. */
  readonly sendMail: SendMail | undefined
  readonly validation: ThreepidValidation | undefined
  readonly threepids: Threepids
  /** For the handlers that send links. */
  readonly requests: RequestTokenDeps
}

export function makeVerification({ config, db, pushers, onProblem }: VerificationDeps): Verification {
  const { email, serverName, publicBaseUrl } = config
  const names = { serverName, appName: email?.appName ?? 'Matrix', subjects: email?.subjects ?? {} }
  const sendMail = email && makeMailer({ ...email, notifFrom: email.notifFrom! })
  const validation =
    email &&
    makeThreepidValidation({
      db,
      sendMail: sendMail!,
      names,
      publicBaseUrl,
      lifetimeMs: email.validationTokenLifetimeMs,
      hidesSessions: config.requestTokenInhibit3pidErrors,
      onProblem,
    })
  const limiter = () => makeRateLimiter(config.rc3pidValidation, () => performance.now())
  return {
    names,
    sendMail,
    validation,
    threepids: makeThreepids({ db, removePusher: pushers.remove, allowed: config.allowedLocal3pids }),
    requests: {
      validation,
      limits: { ip: limiter(), address: limiter() },
      nextLinkDomains: config.nextLinkDomainWhitelist,
    },
  }
}
