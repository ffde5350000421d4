import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { isLongerThan } from '../../shared/code-points.ts'
import type { adminUsersEndpoints } from '../../shared/endpoints/admin/users.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Passwords } from '../users/passwords.ts'
import { printSession } from '../users/print-session.ts'
import type { Registration } from '../users/registration.ts'
import type { Sessions } from '../users/sessions.ts'

type Served = Pick<typeof adminUsersEndpoints, 'getRegisterNonce' | 'registerUser'>

export interface AdminUsersDeps {
  readonly registration: Registration
  readonly sessions: Pick<Sessions, 'begin'>
  readonly passwords: Pick<Passwords, 'hash'>
  readonly serverName: string
  /** `registration_shared_secret`; undefined: nobody may register so. */
  readonly secret: string | undefined
  /** Milliseconds that never go back. */
  readonly now: () => number
}

const NONCE_MS = 60_000
const MAX_LENGTH = 512

/** Registration by who knows a secret, as `register_new_matrix_user` does it (Synapse, "Shared-Secret Registration"). */
export const adminUsersHandlers = (deps: AdminUsersDeps): Handlers<Served> => {
  const { registration, sessions, passwords, serverName, secret, now } = deps
  /** In the order they were made. */
  const nonces = new Map<string, number>()

  function forget(): void {
    for (const [nonce, madeAt] of nonces) {
      if (now() - madeAt <= NONCE_MS) break
      nonces.delete(nonce)
    }
  }

  return {
    getRegisterNonce() {
      forget()
      const nonce = randomBytes(64).toString('hex')
      nonces.set(nonce, now())
      return { nonce }
    },

    async registerUser(request) {
      forget()
      if (secret === undefined || secret === '') throw invalid('Shared secret registration is not enabled')
      const body = await request.json()
      const { nonce, user_type: userType, mac } = body
      if (nonce === undefined) throw missing('nonce')
      // Once, even if it fails.
      if (typeof nonce !== 'string' || !nonces.delete(nonce)) throw invalid('unrecognised nonce')
      const username = textOf(body, 'username')
      const password = textOf(body, 'password')
      if (userType !== undefined && userType !== null && userType !== 'bot' && userType !== 'support')
        throw invalid('Invalid user type')
      if (mac === undefined) throw missing('mac')
      const isAdmin = Boolean(body.admin)
      const signed = [nonce, username, password, isAdmin ? 'admin' : 'notadmin', ...(userType ? [userType] : [])]
      const expected = createHmac('sha1', secret).update(signed.join('\0')).digest()
      if (typeof mac !== 'string' || !isSame(expected, mac))
        throw new MatrixError('M_UNKNOWN', 'HMAC incorrect', {}, 403)
      const { refresh_token: wantsRefreshToken = false } = body
      if (typeof wantsRefreshToken !== 'boolean') throw invalid('refresh_token must be a boolean')
      const displayName = optionalTextOf(body, 'displayname')
      const deviceId = optionalTextOf(body, 'device_id')
      const deviceName = optionalTextOf(body, 'initial_device_display_name')

      const userId = await registration.register({
        localpart: username.toLowerCase(),
        passwordHash: await passwords.hash(password),
        isAdmin,
        userType: userType ?? null,
        displayName,
      })
      const answer = { user_id: userId, home_server: serverName }
      if (body.inhibit_login) return answer
      const session = await sessions.begin({
        userId,
        deviceId,
        displayName: deviceName,
        wantsRefreshToken,
      })
      return { ...answer, ...printSession(session) }
    },
  }
}

const invalid = (message: string) => new MatrixError('M_UNKNOWN', message)
const missing = (name: string) => new MatrixError('M_BAD_JSON', `${name} must be specified`)

function textOf(body: JsonObject, name: 'username' | 'password'): string {
  const value = body[name]
  if (value === undefined) throw missing(name)
  if (typeof value !== 'string' || isLongerThan(value, MAX_LENGTH) || value.includes('\0'))
    throw invalid(`Invalid ${name}`)
  return value
}

/** Anything but a string is nothing, as in Synapse. Throws for what the database has no place for. */
function optionalTextOf(body: JsonObject, name: string): string | undefined {
  const value = body[name]
  if (typeof value !== 'string') return undefined
  if (isLongerThan(value, MAX_LENGTH) || value.includes('\0') || !value.isWellFormed()) throw invalid(`Invalid ${name}`)
  return value
}

const isSame = (expected: Buffer, given: string): boolean =>
  /^[0-9a-f]{40}$/.test(given) && timingSafeEqual(expected, Buffer.from(given, 'hex'))
