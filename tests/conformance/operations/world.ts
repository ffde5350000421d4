/** What the calls of all operations have in common: users, a room, and servers that the homeserver speaks to. */

import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { MailReceiver } from '../../harness/mail-receiver.ts'
import { ask, logIn, makeUser, Refused, type User } from '../../harness/matrix-client.ts'

export const V1 = '/_matrix/client/v1'
export const V3 = '/_matrix/client/v3'
export const e = encodeURIComponent

export interface World {
  readonly url: string
  readonly serverName: string
  readonly alice: User
  readonly bob: User
  readonly admin: User
  /** An application service's own user. */
  readonly bridge: User
  /** Alice's, public, with Bob in it. */
  readonly room: string
  readonly mail: MailReceiver
  /** Calls an operation, and keeps what went wrong. Resolves to what `run` does; undefined where it failed. */
  readonly step: <T>(operation: string, run: () => Promise<T>) => Promise<T | undefined>
}

/** Calls some operations, one after the other. */
export type Calls = (world: World) => Promise<void>

/**
 * A user who may administer the server, made as Synapse's `register_new_matrix_user` does. `main`: the address of the process
 * that has the admin API, as the router's listener for clients does not.
 */
export const registerAdmin = async (url: string, main: string, folder: string, name: string): Promise<User> => {
  const secret = readFileSync(join(folder, 'secrets', 'registration_shared_secret'), 'utf8').trim()
  const path = '/_synapse/admin/v1/register'
  const { nonce } = (await ask(main, 'GET', path)).body
  const password = `the password of ${name}`
  const mac = createHmac('sha1', secret).update([nonce, name, password, 'admin'].join('\0')).digest('hex')
  const body = { nonce, username: name, password, admin: true, mac }
  const answer = await ask(main, 'POST', path, { body })
  if (answer.status !== 200) throw new Refused('registration of an administrator', answer)
  return logIn(url, answer.body.user_id, password)
}

const AS_TOKEN = 'the-token-of-the-bridge'

/** The application service's user, by its token. */
export const bridgeUser = (url: string, serverName: string): User =>
  makeUser(url, { user_id: `@bridge:${serverName}`, device_id: '', access_token: AS_TOKEN }, '')

export interface OtherServers {
  readonly port: number
  /** The application service's registration. */
  readonly registration: string
}

/** An application service, and a server that sends codes to telephones, in one. */
export const startOtherServers = async (t: { after(fn: () => void): void }, folder: string): Promise<OtherServers> => {
  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!
    const body =
      Object.entries(ANSWERS).find(([start]) => path.startsWith(start))?.[1] ??
      (path.includes('/ping') ? {} : undefined)
    request.resume()
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body ?? {}))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const registration = join(folder, 'bridge.yaml')
  const content = {
    id: 'bridge',
    url: `http://127.0.0.1:${port}`,
    as_token: AS_TOKEN,
    hs_token: 'the-token-of-the-homeserver',
    sender_localpart: 'bridge',
    namespaces: { users: [{ regex: '@bridged_.*', exclusive: false }], aliases: [], rooms: [] },
    protocols: ['telegraph'],
    rate_limited: false,
  }
  writeFileSync(registration, stringify(content))
  return { port, registration }
}

const ICON = 'mxc://hs.test/icon'
const LOCATION = { alias: '#wire:hs.test', protocol: 'telegraph', fields: { wire: '1' } }
const PERSON = { userid: '@bridged_a:hs.test', protocol: 'telegraph', fields: { operator: 'a' } }
const ANSWERS: Readonly<Record<string, unknown>> = {
  '/_matrix/app/v1/thirdparty/protocol/telegraph': {
    user_fields: ['operator'],
    location_fields: ['wire'],
    icon: ICON,
    field_types: {
      operator: { regexp: '.*', placeholder: 'a' },
      wire: { regexp: '[0-9]+', placeholder: '1' },
    },
    instances: [{ network_id: 'west', desc: 'West', icon: ICON, fields: {} }],
  },
  '/_matrix/app/v1/thirdparty/location': [LOCATION],
  '/_matrix/app/v1/thirdparty/user': [PERSON],
  '/_matrix/app/v1/ping': {},
  '/_matrix/identity/api/v1/validate/msisdn/requestToken': { sid: 'a.session' },
}
