/** `email`: mail that the server sends. */

import { optional, type Type, withDefault } from '../../../shared/config/decode.ts'
import { duration, filledText, flag, plainMap, text, whole } from '../../../shared/synapse-config/types.ts'
import { ms, noEffect, notYet, section } from '../keys.ts'

const template = noEffect('mails and pages have texts of their own', { example: 'a.html' })

const httpUrl: Type<string> = {
  expected: 'an http or https URL',
  read: (node, path, reading) => {
    const value = filledText('an http or https URL').read(node, path, reading)
    if (value === undefined || /^https?:\/\//.test(value)) return value
    reading.problem(path, 'expected an http or https URL', node && { node })
    return undefined
  },
}

export const emailSection = section(
  {
    smtp_host: withDefault(filledText('a host'), 'localhost', 'The mail server.', 'mail.example.org'),
    smtp_port: optional(whole('a port', 1, 65_535), '25; 465 with `force_tls`', 'Its port.', '587'),
    smtp_user: optional(text('a name'), 'nobody', 'Who logs in there. Without log-ins there nothing is sent.', 'me'),
    smtp_pass: optional(text('a secret'), 'none', 'Their password.', 'sEcReT'),
    force_tls: withDefault(flag, 'false', 'TLS from the first byte on, instead of `STARTTLS`.', 'true'),
    require_transport_security: withDefault(flag, 'false', 'Whether nothing is sent without TLS.', 'true'),
    enable_tls: withDefault(flag, 'true', 'Whether TLS is used where the server offers it.', 'false'),
    tlsname: optional(filledText('a name'), '`smtp_host`', 'The name in its certificate.', 'mail.example.org'),
    notif_from: optional(
      filledText('an address'),
      'none, which is a mistake',
      'From whom mails are. `%(app)s` is `app_name`.',
      '"Your %(app)s <noreply@example.org>"',
    ),
    app_name: withDefault(text('a name'), 'Matrix', 'What the server is called in mails.', 'Example'),
    validation_token_lifetime: ms(withDefault(duration, '1h', 'For how long links in mails are good.', '15m')),
    subjects: withDefault(
      plainMap('a map of subjects'),
      '{}',
      '`password_reset`, `email_validation`, `email_already_in_use`; `%(server_name)s` and `%(app)s` stand for these names.',
      "{password_reset: 'Your password at %(server_name)s'}",
    ),
    invite_client_location: optional(
      httpUrl,
      'none',
      'The client that invites by mail lead to.',
      'https://app.example.org',
    ),
    enable_notifs: notYet('nobody is told of messages by mail'),
    notif_for_new_users: noEffect('belongs to enable_notifs'),
    client_base_url: noEffect('belongs to enable_notifs', { example: 'https://app.example.org' }),
    riot_base_url: noEffect('belongs to enable_notifs', { example: 'https://app.example.org' }),
    notif_delay_before_mail: noEffect('belongs to enable_notifs', { example: '10m' }),
    template_dir: notYet('mails and pages have texts of their own', { example: '/etc/templates' }),
    notif_template_html: template,
    notif_template_text: template,
    password_reset_template_html: template,
    password_reset_template_text: template,
    password_reset_template_failure_html: template,
    password_reset_template_success_html: template,
    registration_template_html: template,
    registration_template_text: template,
    registration_template_failure_html: template,
    registration_template_success_html: template,
    add_threepid_template_html: template,
    add_threepid_template_text: template,
    add_threepid_template_failure_html: template,
    add_threepid_template_success_html: template,
    expiry_template_html: template,
    expiry_template_text: template,
  },
  'a map with notif_from',
)

export const mailKeys = {
  email: optional(
    emailSection,
    'no mail is sent, and no address verified',
    'Mail; see below.',
    '{notif_from: noreply@example.org}',
  ),
}
