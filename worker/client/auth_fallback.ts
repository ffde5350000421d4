import type { authFallbackEndpoints } from '../../shared/endpoints/client/auth_fallback.ts'
import { type Html, html, page } from '../../shared/html.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { formOf, requiredField } from '../http/form.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Query } from '../http/query.ts'
import { html as htmlReply, type Reply } from '../http/reply.ts'
import type { UiAuth } from '../http/ui-auth.ts'

export interface AuthFallbackDeps {
  /** With the stages of registration. */
  readonly uiAuth: Pick<UiAuth, 'completeStage'>
  /** Undefined: there is no reCAPTCHA. */
  readonly recaptchaKey: string | undefined
  /** Where the policy is; undefined: there is none to agree to. */
  readonly policyUrl: string | undefined
}

/** What a stage looks like in a browser, and what its form says. */
interface Stage {
  readonly title: string
  readonly head?: Html
  /** Where a script or a frame may come from. */
  readonly sources?: readonly string[]
  readonly form: (about: { readonly session: string; readonly error: string | undefined }) => Html
  readonly auth: (form: Query) => JsonObject
}

const PATH = '/_matrix/client/v3/auth'
const RECAPTCHA = ['https://www.recaptcha.net/recaptcha/', 'https://www.gstatic.cn/recaptcha/']

const told = (error: string | undefined) => error && html`<p class="error">${error}</p>`
const formOfStage = (type: string, session: string, content: Html): Html =>
  html`<form method="post" action="${PATH}/${type}/fallback/web">
<input type="hidden" name="session" value="${session}">
${content}
</form>`

function stagesOf({ recaptchaKey, policyUrl }: AuthFallbackDeps): Readonly<Record<string, Stage>> {
  const recaptcha: Stage = {
    title: 'Are you a person?',
    head: html`<script src="https://www.recaptcha.net/recaptcha/api.js" async defer></script>`,
    sources: RECAPTCHA,
    form: ({ session, error }) =>
      html`${told(error)}${formOfStage(
        'm.login.recaptcha',
        session,
        html`<div class="g-recaptcha" data-sitekey="${recaptchaKey}"></div>
<p><button>Go on</button></p>`,
      )}`,
    auth(form) {
      const response = form.get('g-recaptcha-response')?.[0]
      if (!response) throw new MatrixError('M_UNKNOWN', 'No captcha response supplied')
      return { response }
    },
  }
  const terms: Stage = {
    title: 'Terms and conditions',
    form: ({ session, error }) =>
      html`${told(error)}<p>To go on, read the <a href="${policyUrl}" target="_blank" rel="noopener">terms and conditions</a> and agree to them.</p>
${formOfStage('m.login.terms', session, html`<button>I agree</button>`)}`,
    auth: () => ({}),
  }
  const token: Stage = {
    title: 'Registration token',
    form: ({ session, error }) =>
      html`${told(error)}<p>To register here you need a token of the server's admin.</p>
${formOfStage(
  'm.login.registration_token',
  session,
  html`<p><label>Token <input name="token" required autocomplete="off"></label></p><button>Go on</button>`,
)}`,
    auth: (form) => ({ token: requiredField(form, 'token') }),
  }
  return { 'm.login.recaptcha': recaptcha, 'm.login.terms': terms, 'm.login.registration_token': token }
}

/** Tells the client, whose window this is, that it is done (client-server-api, "Fallback"). */
const DONE = `if (window.onAuthDone) window.onAuthDone()
else if (window.opener) window.opener.postMessage('authDone', '*')`
const DONE_PAGE = page(
  'Thank you',
  html`<p>You may close this page now and go on in your client.</p><script>${{ html: DONE }}</script>`,
)

/** client-server-api, "Fallback" of user-interactive authentication. */
export const authFallbackHandlers = (deps: AuthFallbackDeps): Handlers<typeof authFallbackEndpoints> => {
  const stages = stagesOf(deps)
  const stageOf = (type: string): Stage => {
    const stage = Object.hasOwn(stages, type) ? stages[type] : undefined
    if (stage === undefined) throw new MatrixError('M_UNKNOWN', 'Unknown auth stage type', {}, 404)
    return stage
  }
  const sessionIn = (form: Query): string => {
    const session = form.get('session')?.[0]
    if (!session) throw new MatrixError('M_UNKNOWN', 'No session supplied')
    return session
  }
  const show = ({ title, head, sources, form }: Stage, session: string, error?: string): Reply =>
    htmlReply(page(title, form({ session, error }), head), { headers: { 'Content-Security-Policy': policy(sources) } })

  return {
    getAuthFallbackPage({ params: { authType }, query }) {
      const session = sessionIn(query)
      return show(stageOf(authType), session)
    },

    async submitAuthFallbackPage(request) {
      const form = await formOf(request)
      const session = sessionIn(form)
      const { authType } = request.params
      const stage = stageOf(authType)
      const auth = { ...stage.auth(form), session }
      try {
        await deps.uiAuth.completeStage(authType, auth, { sessionId: session, clientIp: request.clientIp })
      } catch (error) {
        if (!(error instanceof MatrixError) || error.message.startsWith('Unknown session ID')) throw error
        return show(stage, session, error.message)
      }
      return htmlReply(DONE_PAGE, { headers: { 'Content-Security-Policy': `${policy()} script-src 'unsafe-inline';` } })
    },
  }
}

/** Nothing of anyone else's, but for `sources`. */
const policy = (sources: readonly string[] = []): string =>
  [
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none';",
    ...(sources.length > 0
      ? [`script-src ${sources.join(' ')}; frame-src ${sources.join(' ')}; connect-src ${sources.join(' ')};`]
      : []),
  ].join(' ')
