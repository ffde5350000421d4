/** What Element sends, as bytes, and what is expected in return. Shared by the load generator and the stand-in workers. */

export type Kind = 'sync' | 'send' | 'pushrules' | 'download' | 'upload'

/** A stretch of a measurement: long against a scheduler's tick, up to which its counters lag; short against what neighbours do. */
export const WINDOW_MS = 60

export const MEDIA_BYTES = 1024 * 1024

export interface KindFacts {
  readonly title: string
  /** The group of `rivals/table.ts` that must have answered. */
  readonly group: string
  readonly answerBytes: number
  /** The answers' framing as Synapse's: JSON is chunked, media has a length. */
  readonly chunked: boolean
}

export const KINDS: Readonly<Record<Kind, KindFacts>> = {
  sync: { title: 'incremental sync, nothing new', group: 'sync', answerBytes: 400, chunked: true },
  send: { title: 'send an event (PUT …/send/m.room.message/…)', group: 'room', answerBytes: 60, chunked: true },
  pushrules: { title: 'GET /pushrules/', group: 'push_rules', answerBytes: 400, chunked: true },
  download: { title: 'download 1 MiB of media', group: 'media', answerBytes: MEDIA_BYTES, chunked: false },
  upload: { title: 'upload 1 MiB of media', group: 'media', answerBytes: 77, chunked: true },
}

/** A request as one buffer; `counterAt` is where seven digits stand that make each sending of it different. */
export interface Template {
  readonly head: Buffer
  /** Sent after `head`; small bodies are part of `head`. */
  readonly body?: Buffer
  readonly counterAt: number
  /** The worker that answered it before: its key's owner. */
  worker?: string
}

const BROWSERS: readonly string[] = [
  [
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
    'Accept: application/json',
    'Accept-Language: en-GB,en;q=0.5',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Referer: https://app.element.io/',
    'Origin: https://app.element.io',
    'Sec-Fetch-Dest: empty',
    'Sec-Fetch-Mode: cors',
    'Sec-Fetch-Site: cross-site',
    'Connection: keep-alive',
  ].join('\r\n'),
  [
    'Connection: keep-alive',
    'sec-ch-ua-platform: "Windows"',
    'User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
    'Accept: application/json',
    'sec-ch-ua-mobile: ?0',
    'Origin: https://app.element.io',
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Mode: cors',
    'Sec-Fetch-Dest: empty',
    'Referer: https://app.element.io/',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Accept-Language: de-DE,de;q=0.9,en;q=0.8',
  ].join('\r\n'),
]

const COUNTER = '0000000'
const media = Buffer.alloc(MEDIA_BYTES, 'plexus bench media ')
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** `n` letters that depend on `seed` alone, so that every round and contestant sees the same users and rooms. */
const letters = (n: number, seed: number): string => {
  let state = (seed * 2654435761 + 12345) >>> 0
  let text = ''
  for (let i = 0; i < n; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    text += LETTERS[(state >>> 8) % LETTERS.length]
  }
  return text
}

/** The request of user number `user`, who writes to a room of their own (one in eight, to a v12 room without a domain). */
export const template = (kind: Kind, user: number): Template => {
  const localpart = Buffer.from(`${letters(5, user).toLowerCase()}.${user}`)
    .toString('base64')
    .replaceAll('=', '')
  const token = `syt_${localpart}_${letters(20, user + 1e6)}_${letters(6, user + 2e6)}`
  const room = user % 8 === 0 ? `%21${letters(43, user + 3e6)}` : `!${letters(18, user + 3e6)}%3Amatrix.example.org`
  const common = `Host: matrix.example.org\r\nAuthorization: Bearer ${token}\r\n${BROWSERS[user % BROWSERS.length]}\r\n`
  let text: string
  let body: Buffer | undefined
  switch (kind) {
    case 'sync':
      text = `GET /_matrix/client/v3/sync?filter=${user}&timeout=0&set_presence=online&since=s${COUNTER}_1757_52_${user}_4711_2003_35_108_0_8 HTTP/1.1\r\n${common}\r\n`
      break
    case 'send': {
      const json = `{"msgtype":"m.text","body":"message ${COUNTER} of many","m.mentions":{}}`
      text =
        `PUT /_matrix/client/v3/rooms/${room}/send/m.room.message/m1757000${COUNTER}.${user} HTTP/1.1\r\n${common}` +
        `Content-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`
      break
    }
    case 'pushrules':
      text = `GET /_matrix/client/v3/pushrules/?t=${COUNTER} HTTP/1.1\r\n${common}\r\n`
      break
    case 'download':
      text = `GET /_matrix/client/v1/media/download/matrix.example.org/${letters(17, user + 4e6)}${COUNTER} HTTP/1.1\r\n${common}\r\n`
      break
    case 'upload':
      text =
        `POST /_matrix/media/v3/upload?filename=photo${COUNTER}.jpg HTTP/1.1\r\n${common}` +
        `Content-Type: image/jpeg\r\nContent-Length: ${media.length}\r\n\r\n`
      body = media
      break
  }
  const head = Buffer.from(text, 'latin1')
  return { head, counterAt: head.indexOf(COUNTER), ...(body && { body }) }
}

/** Writes `n` in decimal over the template's counter. */
export const setCounter = ({ head, counterAt }: Template, n: number): void => {
  let rest = n
  for (let at = counterAt + COUNTER.length - 1; at >= counterAt; at--) {
    head[at] = 48 + (rest % 10)
    rest = Math.floor(rest / 10)
  }
}
