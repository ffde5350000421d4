/** Policies that users agree to (`user_consent`): the admin's pages, with a form that is signed for the user. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { synapseConsentEndpoints } from '../../shared/endpoints/synapse-client/consent.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { unrecognized } from '../http/errors.ts'
import { formOf, requiredField } from '../http/form.ts'
import type { Handlers } from '../http/handlers.ts'
import { html as htmlReply, type Reply } from '../http/reply.ts'
import type { Queries } from '../storage/db.ts'
import { selectUser } from '../storage/users.ts'
import type { Consent } from '../users/consent.ts'
import { inBrowser } from './error-page.ts'
import { parseTemplate, type TemplateValues } from './template.ts'

export interface ConsentDeps {
  readonly db: Queries
  readonly serverName: string
  /** Undefined: there is nothing to agree to, and no such page. */
  readonly policy: { readonly version: string; readonly templateDir: string } | undefined
  /** `form_secret` */
  readonly formSecret: string | undefined
  readonly consent: Consent
}

const notFound = (message: string) => new MatrixError('M_NOT_FOUND', message)
/** A file's name, and no path. */
const VERSION = /^[\w.-]+$/

export const consentHandlers = (deps: ConsentDeps): Handlers<typeof synapseConsentEndpoints> => {
  const { db, policy, formSecret, consent } = deps
  const idOf = (user: string): UserId => (user.startsWith('@') ? user : `@${user}:${deps.serverName}`) as UserId

  function mustBeSigned(user: string, given: string): void {
    const expected = createHmac('sha256', formSecret ?? '')
      .update(user)
      .digest('hex')
    const [a, b] = [Buffer.from(expected), Buffer.from(given)]
    if (formSecret === undefined || a.length !== b.length || !timingSafeEqual(a, b))
      throw new MatrixError('M_UNKNOWN', 'HMAC incorrect', {}, 403)
  }

  /** Read whenever it is shown: admins change their pages. */
  async function show(name: string, values: TemplateValues, missing: string): Promise<Reply> {
    let source: string
    try {
      source = await readFile(join(policy!.templateDir, 'en', name), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw notFound(missing)
      throw error
    }
    return htmlReply(parseTemplate(source)(values))
  }

  return {
    getConsentForm: ({ query }) =>
      inBrowser(async () => {
        if (policy === undefined) throw unrecognized(404)
        const version = query.get('v')?.[0] ?? policy.version
        const user = query.get('u')?.[0] ?? ''
        let hasConsented = false
        let signature: string | undefined
        if (user !== '') {
          signature = requiredField(query, 'h')
          mustBeSigned(user, signature)
          const known = await selectUser(db, idOf(user))
          if (known === undefined) throw notFound('Unknown user')
          hasConsented = known.consentVersion === version
        }
        if (!VERSION.test(version) || version.includes('..')) throw notFound('Unknown policy version')
        const values = {
          user,
          userhmac: signature,
          version,
          has_consented: hasConsented,
          public_version: user === '',
        }
        return await show(`${version}.html`, values, 'Unknown policy version')
      }),

    postConsentForm: (request) =>
      inBrowser(async () => {
        if (policy === undefined) throw unrecognized(404)
        const form = await formOf(request)
        const version = requiredField(form, 'v')
        const user = requiredField(form, 'u')
        mustBeSigned(user, requiredField(form, 'h'))
        if (version.includes('\0') || !(await consent.agree(idOf(user), version))) throw notFound('Unknown user')
        return await show('success.html', {}, 'success.html not found')
      }),
  }
}
