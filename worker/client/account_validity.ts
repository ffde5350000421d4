import type { accountValidityEndpoints } from '../../shared/endpoints/client/account_validity.ts'
import { html, page } from '../../shared/html.ts'
import type { Handlers } from '../http/handlers.ts'
import { requiredString } from '../http/query.ts'
import { html as htmlReply } from '../http/reply.ts'
import type { AccountValidity } from '../users/account-validity.ts'

export interface AccountValidityHandlerDeps {
  readonly validity: Pick<AccountValidity, 'renew' | 'sendMail'>
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** Synapse's own: an account that ends, and is renewed by a link in a mail. */
export const accountValidityHandlers = ({
  validity,
}: AccountValidityHandlerDeps): Handlers<typeof accountValidityEndpoints> => ({
  async renewAccount({ query }) {
    const { outcome, expiresAtMs } = await validity.renew(requiredString(query, 'token'))
    const say = { renewed: 'is renewed, and', stale: 'was renewed before with this link, and' }
    return outcome === 'unknown'
      ? htmlReply(page('Your account', html`<p>This link is not valid, or is not the newest one.</p>`), { status: 404 })
      : htmlReply(page('Your account', html`<p>Your account ${say[outcome]} is valid until ${day(expiresAtMs)}.</p>`))
  },

  async sendAccountValidityMail({ requester }) {
    await validity.sendMail(requester.userId)
    return {}
  },
})
