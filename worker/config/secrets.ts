/** Secrets, which stand in the configuration or in a file that it names; and other files that are read at the start. */

import { createHash } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { readText } from '../../shared/config/text-file.ts'
import { decodeBase64 } from '../../shared/matrix/base64.ts'
import { type SigningKey, seedOf } from '../../shared/matrix/signing/ed25519.ts'
import { readKeyFile } from '../../shared/matrix/signing/key-file.ts'
import type { SynapseValues } from './schema.ts'
import type { Telling } from './telling.ts'
import type { RedisConfig, WorkerConfig } from './types.ts'

/** The secret, or undefined where there is none; an empty one is none. Of a file all but the white space around it. */
export const secretOf = (
  key: string,
  written: string | undefined,
  file: string | undefined,
  { error }: Telling,
  fileKey = `${key}_path`,
): string | undefined => {
  if (file === undefined) return written || undefined
  if (written) error(fileKey, `stands beside ${key}: one of the two`)
  const source = readText(resolve(file))
  if ('text' in source) {
    const secret = source.text.trim()
    if (secret === '') error(fileKey, `${resolve(file)}: is empty`)
    return secret || undefined
  }
  error(fileKey, `${resolve(file)}: ${source.mistake}`)
  return undefined
}

type SigningConfig = Pick<WorkerConfig, 'signingKeyPath' | 'signingKeys'>

/** The keys that the server signs with. A file that is not there is no error: main makes it at its first start. */
export const signingOf = (values: SynapseValues, lastFile: string | undefined, telling: Telling): SigningConfig => {
  const { error, warn } = telling
  if (values.signingKey !== undefined) {
    const keys = readKeyFile(values.signingKey)
    if (!keys.ok) error('signing_key', keys.reason)
    return { signingKeyPath: undefined, signingKeys: keys.ok ? keys.value : [] }
  }
  // Its default has the server's name; that it is missing is told.
  if (values.signingKeyPath === undefined && values.serverName === undefined)
    return { signingKeyPath: undefined, signingKeys: [] }
  const signingKeyPath = resolve(
    values.signingKeyPath ?? join(dirname(lastFile ?? '.'), `${values.serverName}.signing.key`),
  )
  const source = readText(signingKeyPath)
  if ('mistake' in source) {
    const message = `${signingKeyPath}: ${source.mistake}`
    if (source.isMissing) warn('signing_key_path', `${message}: the main process makes it at its first start`)
    else error('signing_key_path', message)
    return { signingKeyPath, signingKeys: [] }
  }
  const keys = readKeyFile(source.text)
  if (!keys.ok) error('signing_key_path', `${signingKeyPath}: ${keys.reason}`)
  return { signingKeyPath, signingKeys: keys.ok ? keys.value : [] }
}

/** Old keys must be keys: other servers are told of them. */
export const checkOldKeys = ({ oldSigningKeys }: SynapseValues, { error }: Telling): void => {
  for (const [id, key] of oldSigningKeys)
    if (key && decodeBase64(key.key)?.length !== 32)
      error(`old_signing_keys["${id}"].key`, 'expected the 32 bytes of a public key, in base64')
}

/** As Synapse: a key of its own, else the secret for registrations, else the digest of the signing key. */
export const macaroonKeyOf = (
  own: string | undefined,
  registration: string | undefined,
  [signing]: readonly SigningKey[],
): Uint8Array => {
  const secret = own ?? registration
  if (secret !== undefined) return Buffer.from(secret, 'utf8')
  return signing
    ? createHash('sha256')
        .update(decodeBase64(seedOf(signing))!)
        .digest()
    : new Uint8Array()
}

/** The certificate for listeners with TLS, after a look whether it can be used. */
export const certificateOf = (
  { tlsCertificatePath, tlsPrivateKeyPath }: SynapseValues,
  isNeeded: boolean,
  { error }: Telling,
): WorkerConfig['certificate'] => {
  if (tlsCertificatePath === undefined || tlsPrivateKeyPath === undefined) {
    if (isNeeded)
      for (const [key, path] of [
        ['tls_certificate_path', tlsCertificatePath],
        ['tls_private_key_path', tlsPrivateKeyPath],
      ] as const)
        if (path === undefined) error(key, 'missing: a listener has tls: true')
    return undefined
  }
  const certificate = { certificateFile: resolve(tlsCertificatePath), keyFile: resolve(tlsPrivateKeyPath) }
  if (!isNeeded) return certificate
  const read = (key: string, file: string) => {
    const source = readText(file)
    if ('text' in source) return source.text
    error(key, `${file}: ${source.mistake}`)
    return undefined
  }
  const cert = read('tls_certificate_path', certificate.certificateFile)
  const key = read('tls_private_key_path', certificate.keyFile)
  if (cert !== undefined && key !== undefined)
    try {
      createSecureContext({ cert, key })
    } catch (reason) {
      error('tls_certificate_path', `certificate and key cannot be used: ${(reason as Error).message}`)
    }
  return certificate
}

/** Redis, if it is enabled. */
export const redisOf = ({ redis }: SynapseValues, telling: Telling): RedisConfig | undefined => {
  if (!redis.enabled) return undefined
  const { error } = telling
  const password = secretOf('redis.password', redis.password, redis.passwordPath, telling)
  if (redis.username && password === undefined && redis.password === undefined)
    error('redis.username', 'needs a password: Redis knows no user without one')
  const pem = (name: string, file: string | undefined) => {
    if (file === undefined) return undefined
    const source = readText(resolve(file))
    if ('text' in source) return source.text
    error(`redis.${name}`, `${resolve(file)}: ${source.mistake}`)
    return undefined
  }
  const [ca, cert, key] = redis.useTls
    ? [
        pem('ca_file', redis.caFile),
        pem('certificate_file', redis.certificateFile),
        pem('private_key_file', redis.privateKeyFile),
      ]
    : []
  return {
    host: redis.host,
    port: redis.port,
    ...(redis.path !== undefined && { path: redis.path }),
    ...(redis.dbid !== undefined && { dbid: redis.dbid }),
    ...(redis.username && { username: redis.username, password: password ?? '' }),
    ...(password !== undefined && { password }),
    ...(redis.useTls && {
      tls: { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) },
    }),
  }
}
