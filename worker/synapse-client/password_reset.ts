import type { synapsePasswordResetEndpoints } from '../../shared/endpoints/synapse-client/password_reset.ts'
import { html, page } from '../../shared/html.ts'
import { followLink, readLink } from '../client/submit-token.ts'
import { unrecognized } from '../http/errors.ts'
import { formOf } from '../http/form.ts'
import type { Handlers } from '../http/handlers.ts'
import { html as htmlReply } from '../http/reply.ts'
import type { ThreepidValidation } from '../users/threepid-validation.ts'
import { inBrowser } from './error-page.ts'

export interface PasswordResetDeps {
  /** Undefined: there is no mail, and no such page. */
  readonly validation: Pick<ThreepidValidation, 'follow'> | undefined
}

/** Behind the link of a mail: who opens it by mistake has changed nothing yet. */
export const passwordResetHandlers = ({
  validation,
}: PasswordResetDeps): Handlers<typeof synapsePasswordResetEndpoints> => ({
  getPasswordResetConfirmation: ({ query }) =>
    inBrowser(() => {
      if (validation === undefined) throw unrecognized(404)
      const { sid, token, clientSecret } = readLink(query)
      return htmlReply(
        page(
          'Reset your password?',
          html`<p>You are about to confirm that your password is to be reset. If you did not ask for it, close this page.</p>
<form method="post">
<input type="hidden" name="sid" value="${sid}">
<input type="hidden" name="token" value="${token}">
<input type="hidden" name="client_secret" value="${clientSecret}">
<button>Confirm</button>
</form>`,
        ),
      )
    }),

  submitPasswordReset: (request) =>
    inBrowser(async () => {
      if (validation === undefined) throw unrecognized(404)
      return await followLink(validation, readLink(await formOf(request)), {
        title: 'Reset your password',
        done: 'That is confirmed. Go back to your client and set your new password there.',
      })
    }),
})
