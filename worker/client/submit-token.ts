/** The pages behind links in mails. */

import { html, page } from '../../shared/html.ts'
import { requiredField } from '../http/form.ts'
import type { Query } from '../http/query.ts'
import { html as htmlReply, type Reply, redirect } from '../http/reply.ts'
import { LinkRefused, mustBeClientSecret, type ThreepidValidation } from '../users/threepid-validation.ts'

export interface FollowedLink {
  readonly sid: string
  readonly token: string
  readonly clientSecret: string
}

/** Throws M_MISSING_PARAM, M_INVALID_PARAM. */
export function readLink(arguments_: Query): FollowedLink {
  const sid = requiredField(arguments_, 'sid')
  const token = requiredField(arguments_, 'token')
  const clientSecret = requiredField(arguments_, 'client_secret')
  mustBeClientSecret(clientSecret)
  return { sid, token, clientSecret }
}

/** `title`, `done`: what the page says where there is no other to go to. */
export async function followLink(
  validation: Pick<ThreepidValidation, 'follow'>,
  { sid, token, clientSecret }: FollowedLink,
  { title, done }: { readonly title: string; readonly done: string },
): Promise<Reply> {
  try {
    const next = await validation.follow(sid, clientSecret, token)
    if (next !== undefined && !next.startsWith('file:')) return redirect(next)
    return htmlReply(page(title, html`<p>${done}</p>`))
  } catch (error) {
    if (!(error instanceof LinkRefused)) throw error
    const body = html`<p>Your address could not be confirmed: ${error.message}.</p>`
    return htmlReply(page(title, body), { status: 400 })
  }
}
