import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { dummyStage, type Stage, type Stages } from '../http/ui-auth.ts'

/** What a registration must prove: keys of homeserver.yaml. */
export interface RegistrationRules {
  readonly registrationRequiresToken: boolean
  readonly enableRegistrationCaptcha: boolean
  readonly registrationsRequire3pid: readonly string[]
}

const REGISTRATION_TOKEN = 'm.login.registration_token'

/** A stage that is asked for by the configuration and that this server cannot check: nobody passes it. */
const notToBePassed = (what: string): Stage => ({
  async check() {
    throw new MatrixError('M_FORBIDDEN', `${what} cannot be verified by this server: nobody can register`)
  },
})

const unverifiable: Stages = {
  'm.login.recaptcha': notToBePassed('A CAPTCHA'),
  'm.login.email.identity': notToBePassed('An e-mail address'),
  'm.login.msisdn': notToBePassed('A phone number'),
}

/** The flow of `POST /register` (client-server-api, "Account registration"): its stages, and how they are checked. */
export function registrationFlows(
  { registrationRequiresToken, enableRegistrationCaptcha, registrationsRequire3pid }: RegistrationRules,
  tokenStage: Stage,
): { readonly flows: readonly (readonly string[])[]; readonly stages: Stages } {
  const [email, msisdn] = ['email', 'msisdn'].map((medium) => registrationsRequire3pid.includes(medium))
  const flow = [
    ...(registrationRequiresToken ? [REGISTRATION_TOKEN] : []),
    ...(enableRegistrationCaptcha ? ['m.login.recaptcha'] : []),
    ...(msisdn ? ['m.login.msisdn'] : []),
    ...(email ? ['m.login.email.identity'] : []),
  ]
  const needed = email || msisdn ? flow : [...flow, 'm.login.dummy']
  const known: Stages = { 'm.login.dummy': dummyStage, [REGISTRATION_TOKEN]: tokenStage, ...unverifiable }
  return { flows: [needed], stages: Object.fromEntries(needed.map((stage) => [stage, known[stage]!])) }
}
