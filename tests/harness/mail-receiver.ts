/** A mail server for tests: takes what it is sent, by SMTP on loopback, and keeps it. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { until } from './until.ts'

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly isEncrypted: boolean
  /** Who logged in. */
  readonly user: string | undefined
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** Decoded. */
  readonly text: string
  readonly html: string
}

export interface MailReceiver {
  readonly port: number
  readonly mails: readonly Mail[]
  /** The next one to that address that was not given yet. Rejects after some seconds. */
  readonly next: (to: string) => Promise<Mail>
}

export async function startMailReceiver(
  t: { after(fn: () => Promise<void>): void },
  options: SMTPServerOptions = {},
): Promise<MailReceiver> {
  const mails: Mail[] = []
  const given = new Set<Mail>()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: options.onAuth === undefined ? ['STARTTLS', 'AUTH'] : [],
    ...options,
    onData(stream, session, callback) {
      textOf(stream).then((raw) => {
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          isEncrypted: session.secure,
          user: session.user === undefined ? undefined : String(session.user),
          ...parse(raw),
        })
        callback()
      }, callback)
    },
  })
  // A client that does not like our certificate.
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  t.after(() => new Promise((resolve) => server.close(() => resolve())))
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    async next(to) {
      const find = () => mails.find((mail) => mail.to.includes(to) && !given.has(mail))
      await until(() => find() !== undefined, 10_000)
      const mail = find()!
      given.add(mail)
      return mail
    },
  }
}

/** As much of MIME as these mails have: two parts, side by side. */
function parse(raw: string): Pick<Mail, 'headers' | 'text' | 'html'> {
  const { headers, body } = split(raw)
  const boundary = /boundary="?([^";]+)/.exec(headers.get('content-type') ?? '')?.[1]
  const parts = boundary === undefined ? [raw] : body.split(`--${boundary}`).map((part) => part.replace(/^\r?\n/, ''))
  const partOf = (type: string): string => {
    const found = parts.map(split).find((part) => part.headers.get('content-type')?.startsWith(type))
    return found === undefined ? '' : decode(found.body, found.headers.get('content-transfer-encoding'))
  }
  return { headers, text: partOf('text/plain'), html: partOf('text/html') }
}

function split(text: string): { readonly headers: Map<string, string>; readonly body: string } {
  const [head, ...rest] = text.split(/\r?\n\r?\n/)
  const lines = head!.replaceAll(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)
  const headers = new Map(
    lines.flatMap((line) => {
      const colon = line.indexOf(':')
      return colon === -1 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const]
    }),
  )
  return { headers, body: rest.join('\n\n') }
}

function decode(body: string, encoding = '7bit'): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString()
  if (encoding !== 'quoted-printable') return body
  const bytes = body
    .replaceAll(/=\r?\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
