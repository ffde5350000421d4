/** An SMTP server that keeps what it is sent. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface Mail {
  readonly to: readonly string[]
  /** Headers and body, as they were sent; quoted-printable is not read. */
  readonly text: string
}

export interface MailServer {
  readonly port: number
  /** Oldest first. */
  readonly mails: readonly Mail[]
}

export async function startMailServer(t: { after(fn: () => void | Promise<void>): void }): Promise<MailServer> {
  const mails: Mail[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    converse(socket, (mail) => mails.push(mail))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, mails }
}

function converse(socket: Socket, keep: (mail: Mail) => void): void {
  let unread = ''
  let to: string[] = []
  let isData = false
  const say = (line: string) => socket.write(`${line}\r\n`)
  const hear = (line: string) => {
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'RCPT') to.push(/<(.*)>/.exec(line)?.[1] ?? '')
    if (verb === 'DATA') {
      isData = true
      return say('354 go on')
    }
    if (verb === 'QUIT') return socket.end('221 bye\r\n')
    say('250 fine')
  }
  say('220 mail.test ESMTP')
  socket.setEncoding('utf8').on('data', (text: string) => {
    unread += text
    for (;;) {
      const end = unread.indexOf(isData ? '\r\n.\r\n' : '\r\n')
      if (end === -1) return
      const heard = unread.slice(0, end)
      unread = unread.slice(end + (isData ? 5 : 2))
      if (!isData) {
        hear(heard)
        continue
      }
      keep({ to, text: heard.replaceAll('\r\n..', '\r\n.') })
      to = []
      isData = false
      say('250 kept')
    }
  })
}
