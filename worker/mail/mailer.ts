/** Mail by SMTP. */

export interface Letter {
  readonly subject: string
  readonly text: string
  /** The same, as a whole page. */
  readonly html: string
}

/** Rejects where the mail server does not take it. */
export type SendMail = (to: string, letter: Letter) => Promise<void>

/** `email` of the configuration. */
export interface MailSettings {
  readonly smtpHost: string
  readonly smtpPort: number | undefined
  readonly smtpUser: string | undefined
  readonly smtpPass: string | undefined
  /** TLS from the first byte on. */
  readonly forceTls: boolean
  readonly requireTransportSecurity: boolean
  readonly enableTls: boolean
  readonly tlsname: string | undefined
  /** `Somebody <a@b.example>`; `%(app)s` stands for {@link appName}. */
  readonly notifFrom: string
  readonly appName: string
}

const PATIENCE_MS = 30_000

/** The mail server is asked when a mail is to be sent; nothing is kept open. */
export function makeMailer(settings: MailSettings): SendMail {
  const { smtpHost, smtpUser, smtpPass, forceTls, enableTls, appName } = settings
  const from = settings.notifFrom.replaceAll('%(app)s', () => appName)
  return async (to, { subject, text, html }) => {
    // When it is first needed: most processes never send any.
    const { createTransport } = await import('nodemailer')
    const transport = createTransport({
      host: smtpHost,
      port: settings.smtpPort ?? (forceTls ? 465 : 25),
      secure: forceTls,
      requireTLS: settings.requireTransportSecurity,
      ignoreTLS: !enableTls,
      ...(smtpUser !== undefined && { auth: { user: smtpUser, pass: smtpPass ?? '' } }),
      ...(settings.tlsname !== undefined && { tls: { servername: settings.tlsname } }),
      connectionTimeout: PATIENCE_MS,
      greetingTimeout: PATIENCE_MS,
      socketTimeout: PATIENCE_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    })
    try {
      await transport.sendMail({
        from,
        // As an object: what a stranger wrote is one address, and not a list of them.
        to: { name: '', address: to },
        subject,
        text,
        html,
        // RFC 3834, and what Exchange has for it: nobody who is away is to answer.
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      })
    } finally {
      transport.close()
    }
  }
}
