/** Another Matrix server, as far as federation needs one: its keys, signed requests, signed events, and a place to send to. */

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import { join } from 'node:path'
import { withProbe } from './access-log.ts'
import { command } from './children.ts'
import type { Installed } from './install.ts'
import { Failed } from './report.ts'
import type { Answer, Traffic } from './session.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

const canonical = (value: Json): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.entries(value as JsonObject).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`
}
const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')
const without = (event: JsonObject, ...keys: string[]): JsonObject =>
  Object.fromEntries(Object.entries(event).filter(([key]) => !keys.includes(key)))

/** The event as it is signed and hashed: of the contents this file makes, redaction keeps a membership and nothing else. */
const redacted = (event: JsonObject): JsonObject => ({
  ...event,
  content: event.type === 'm.room.member' ? { membership: (event.content as JsonObject).membership! } : {},
})

export interface RemoteServer {
  readonly name: string
  /** Signs and sends a federation request to the homeserver through the edge. */
  readonly ask: (method: string, target: string, content?: JsonObject) => Promise<Answer>
  /** Adds hash and signature; returns the event with its ID (room versions 4 and later). */
  readonly signEvent: (event: JsonObject) => { readonly event: JsonObject; readonly eventId: string }
  /** Events that the homeserver sent here. */
  readonly received: readonly JsonObject[]
  readonly close: () => Promise<void>
}

const CERTIFICATE = `
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
now = datetime.datetime.now(datetime.timezone.utc)
cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
  .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=2))
  .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False).sign(key, hashes.SHA256()))
open(sys.argv[1], "wb").write(cert.public_bytes(serialization.Encoding.PEM))
open(sys.argv[2], "wb").write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
`

export const startRemoteServer = async (
  installed: Installed,
  folder: string,
  port: number,
  destination: string,
  traffic: Traffic,
): Promise<RemoteServer> => {
  const certificate = join(folder, 'remote.crt')
  const certificateKey = join(folder, 'remote.key')
  await command('making a certificate', installed.python, ['-c', CERTIFICATE, certificate, certificateKey])
  const name = `localhost:${port}`
  const keyId = 'ed25519:one'
  const pair = generateKeyPairSync('ed25519')
  const privateKey = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const publicKey = unpadded(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(-32))
  const signed = (value: JsonObject): JsonObject => ({
    ...value,
    signatures: { [name]: { [keyId]: unpadded(sign(null, Buffer.from(canonical(value)), privateKey)) } },
  })
  const received: JsonObject[] = []

  const server: Server = createServer(
    { cert: await readFile(certificate), key: await readFile(certificateKey) },
    (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        const path = request.url ?? ''
        let answer: JsonObject | undefined
        if (path.startsWith('/_matrix/key/v2/server')) {
          answer = signed({
            server_name: name,
            valid_until_ts: Date.now() + 3_600_000,
            verify_keys: { [keyId]: { key: publicKey } },
            old_verify_keys: {},
          })
        } else if (path.startsWith('/_matrix/federation/v1/send/')) {
          const transaction = JSON.parse(Buffer.concat(chunks).toString()) as { pdus?: JsonObject[] }
          received.push(...(transaction.pdus ?? []))
          answer = { pdus: {} }
        } else if (path.startsWith('/_matrix/federation/v1/user/devices/')) {
          answer = { user_id: decodeURIComponent(path.split('/').at(-1)!), stream_id: 1, devices: [] }
        }
        response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' })
        response.end(JSON.stringify(answer ?? { errcode: 'M_UNRECOGNIZED', error: 'Unrecognized request' }))
      })
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })

  return {
    name,
    received,
    async ask(method, target, content) {
      // The signature covers the target with its mark, which `ask` adds with the number of the request to come.
      const uri = withProbe(target, `p${traffic.sent.length}`)
      const request = signed({ method, uri, origin: name, destination, ...(content === undefined ? {} : { content }) })
      const signature = (request.signatures as Record<string, Record<string, string>>)[name]![keyId]
      return traffic.ask(method, target, {
        headers: {
          authorization: `X-Matrix origin="${name}",destination="${destination}",key="${keyId}",sig="${signature}"`,
        },
        ...(content === undefined ? {} : { body: content }),
      })
    },
    signEvent(event) {
      const bare = without(event, 'signatures', 'unsigned', 'hashes', 'event_id', 'origin')
      const hashed = { ...bare, hashes: { sha256: unpadded(createHash('sha256').update(canonical(bare)).digest()) } }
      const signatures = signed(redacted(hashed)).signatures!
      const eventId = `$${createHash('sha256')
        .update(canonical(redacted(hashed)))
        .digest('base64url')}`
      return { event: { ...hashed, signatures }, eventId }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** `user` of the other server joins a room of the homeserver. Throws with the answer if it may not. */
export const joinRemotely = async (remote: RemoteServer, roomId: string, user: string) => {
  const room = encodeURIComponent(roomId)
  const versions = ['10', '11', '12'].map((version) => `ver=${version}`).join('&')
  const template = await remote.ask(
    'GET',
    `/_matrix/federation/v1/make_join/${room}/${encodeURIComponent(user)}?${versions}`,
  )
  if (template.status !== 200) throw new Failed(`make_join: ${template.status} ${template.text}`)
  const join = remote.signEvent({ ...template.json.event, origin_server_ts: Date.now() })
  const path = `/_matrix/federation/v2/send_join/${room}/${encodeURIComponent(join.eventId)}`
  const joined = await remote.ask('PUT', path, join.event)
  if (joined.status !== 200) throw new Failed(`send_join: ${joined.status} ${joined.text.slice(0, 300)}`)
  return { eventId: join.eventId, authEvents: template.json.event.auth_events as readonly string[] }
}
