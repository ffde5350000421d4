import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { dummyStage, type Stage, type Stages, termsStage } from '../http/ui-auth.ts'

/** What a registration must prove: keys of homeserver.yaml. */
export interface RegistrationRules {
  readonly registrationRequiresToken: boolean
  readonly enableRegistrationToken3pidBypass: boolean
  readonly enableRegistrationCaptcha: boolean
  readonly registrationsRequire3pid: readonly string[]
}

export interface RegistrationStages {
  readonly token: Stage
  /** Undefined, each: there is no means of it. */
  readonly email: Stage | undefined
  readonly recaptcha: Stage | undefined
  /** Policies to be agreed to, where that is asked for. */
  readonly policies: JsonObject | undefined
}

const EMAIL = 'm.login.email.identity'
const REGISTRATION_TOKEN = 'm.login.registration_token'

/**
 * The flows of `POST /register` (client-server-api, "Account registration"), in Synapse's order: their stages, and how they are
 * checked. Phone numbers are not verified, so that no flow has `m.login.msisdn`.
 */
export function registrationFlows(
  rules: RegistrationRules,
  { token, email, recaptcha, policies }: RegistrationStages,
): { readonly flows: readonly (readonly string[])[]; readonly stages: Stages } {
  const endings = [
    // Without it, who has done a CAPTCHA would be registered, who perhaps wanted to give an address next.
    ...(rules.registrationsRequire3pid.includes('email') ? [] : [['m.login.dummy']]),
    ...(email === undefined ? [] : [[EMAIL]]),
    ...(rules.enableRegistrationToken3pidBypass ? [[REGISTRATION_TOKEN]] : []),
  ]
  const before = [
    ...(rules.enableRegistrationCaptcha ? ['m.login.recaptcha'] : []),
    ...(policies === undefined ? [] : ['m.login.terms']),
  ]
  const flows = endings.map((ending) => {
    const flow = [...before, ...ending]
    return rules.registrationRequiresToken && !flow.includes(REGISTRATION_TOKEN) ? [REGISTRATION_TOKEN, ...flow] : flow
  })
  const known: Readonly<Record<string, Stage | undefined>> = {
    'm.login.dummy': dummyStage,
    'm.login.terms': policies && termsStage(policies),
    'm.login.recaptcha': recaptcha,
    [EMAIL]: email,
    [REGISTRATION_TOKEN]: token,
  }
  const needed = new Set(flows.flat())
  const stages = Object.entries(known).filter(([name, stage]) => stage !== undefined && needed.has(name))
  return { flows, stages: Object.fromEntries(stages) as Stages }
}
