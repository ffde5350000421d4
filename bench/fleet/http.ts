/** Requests over kept connections to processes' unix sockets. */

import { Agent, request } from 'node:http'

export interface Reply {
  readonly status: number
  readonly text: string
}

export type Ask = (
  socketPath: string,
  method: string,
  path: string,
  token: string | undefined,
  body?: object,
) => Promise<Reply>

/** Synapse lets 50 wait for their connection, and on a unix socket the kernel refuses who comes then. */
const MAX_SOCKETS = 48

export const makeAsk = (): Ask => {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: MAX_SOCKETS })
  return (socketPath, method, path, token, body) =>
    new Promise((resolve, reject) => {
      const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
      const asked = request({
        agent,
        socketPath,
        method,
        path,
        headers: {
          host: 'hs.test',
          // Somebody has to be the client, and a unix socket names nobody.
          'x-forwarded-for': '127.0.0.1',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(bytes && { 'content-type': 'application/json', 'content-length': bytes.length }),
        },
      })
      asked.once('error', reject)
      asked.once('response', (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.once('error', reject)
        response.once('end', () =>
          resolve({ status: response.statusCode!, text: Buffer.concat(parts).toString('utf8') }),
        )
      })
      asked.end(bytes)
    })
}

/** The body of a 200; rejects otherwise. */
// biome-ignore lint/suspicious/noExplicitAny: of answers only what the scenarios need is read
export const bodyOf = ({ status, text }: Reply): any => {
  if (status !== 200) throw new Error(`${status} ${text.slice(0, 300)}`)
  return JSON.parse(text)
}
