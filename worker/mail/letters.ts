/** What is written in mails. */

import { html, page } from '../../shared/html.ts'
import type { Letter } from './mailer.ts'

export interface LetterNames {
  readonly serverName: string
  /** `email.app_name` */
  readonly appName: string
  /** `email.subjects` */
  readonly subjects: Readonly<Record<string, unknown>>
}

/** What a link in a mail proves: that whoever follows it reads mail to that address. */
export type Purpose = 'register' | 'add_threepid' | 'password_reset'

const SUBJECTS = {
  password_reset: '[%(server_name)s] Password reset',
  email_validation: '[%(server_name)s] Validate your email',
  email_already_in_use: '[%(server_name)s] Email already in use',
} as const

function subjectOf(kind: keyof typeof SUBJECTS, { serverName, appName, subjects }: LetterNames): string {
  const wanted = subjects[kind]
  return fillNames(typeof wanted === 'string' ? wanted : SUBJECTS[kind], { serverName, appName })
}

/** `%(server_name)s`, `%(app)s`, as Python fills them in. */
export const fillNames = (text: string, { serverName, appName }: Pick<LetterNames, 'serverName' | 'appName'>): string =>
  text.replaceAll(/%\((server_name|app)\)s/g, (_, name) => (name === 'app' ? appName : serverName))

interface Parts {
  readonly title: string
  readonly says: string
  readonly action?: { readonly name: string; readonly link: string }
  readonly otherwise: string
}

const print = (subject: string, { title, says, action, otherwise }: Parts): Letter => ({
  subject,
  text: [says, ...(action ? [action.link] : []), otherwise].join('\n\n').concat('\n'),
  html: page(
    title,
    html`<p>${says}</p>
${
  action &&
  html`<p><a class="button" href="${action.link}">${action.name}</a></p>
<p>Or open this link: ${action.link}</p>`
}
<p>${otherwise}</p>`,
  ),
})

/** With the link that proves it. */
export function validationLetter(purpose: Purpose, link: string, names: LetterNames): Letter {
  const { serverName } = names
  switch (purpose) {
    case 'password_reset':
      return print(subjectOf('password_reset', names), {
        title: 'Password reset',
        says: `A password reset was asked for, for your account at ${serverName}. If it was you who asked for it, open this link to confirm it.`,
        action: { name: 'Reset my password', link },
        otherwise: 'If it was not you, do not open it, and nothing changes.',
      })
    case 'register':
      return print(subjectOf('email_validation', names), {
        title: 'Confirm your e-mail address',
        says: `This address was given to register an account at ${serverName}. If it was you who did it, open this link to go on.`,
        action: { name: 'Confirm my address', link },
        otherwise: 'If it was not you, you need not do anything.',
      })
    case 'add_threepid':
      return print(subjectOf('email_validation', names), {
        title: 'Confirm your e-mail address',
        says: `This address was given to be added to an account at ${serverName}. If it was you who did it, open this link to confirm it.`,
        action: { name: 'Confirm my address', link },
        otherwise: 'If it was not you, do not open it, and nothing changes.',
      })
  }
}

/** To who has an account, when somebody wants to register another one with the address. */
export const alreadyInUseLetter = (names: LetterNames): Letter =>
  print(subjectOf('email_already_in_use', names), {
    title: 'Your address is in use already',
    says: `This address was given to register an account at ${names.serverName}, and you have one already. If it was you who did it, log in to that one; you can set a new password if you forgot yours.`,
    otherwise: 'If it was not you, you need not do anything.',
  })

export interface Expiry {
  readonly displayName: string
  readonly expiresAtMs: number
  readonly link: string
  /** `account_validity.renew_email_subject` */
  readonly subject: string
}

/** The account ends soon. */
export function renewalLetter({ displayName, expiresAtMs, link, subject }: Expiry, names: LetterNames): Letter {
  const day = new Date(expiresAtMs).toISOString().slice(0, 10)
  return print(fillNames(subject, names), {
    title: 'Your account ends soon',
    says: `Hello ${displayName}, your account at ${names.serverName} ends on ${day}. To keep it, open this link.`,
    action: { name: 'Renew my account', link },
    otherwise: 'If you do not, you cannot use it from then on.',
  })
}
