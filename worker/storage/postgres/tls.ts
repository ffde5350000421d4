/** libpq's `sslmode` as what Node's TLS is told, attempt by attempt. */

import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { TlsSettings } from './settings.ts'

/** `false`: without TLS. */
export type TlsAttempt = ConnectionOptions | false

/**
 * The ways to connect, in order; the next is tried only when the server does not do the one before. A Unix socket is
 * never encrypted, as with libpq. Reads the files each time, so that a renewed certificate is seen.
 */
export function tlsAttempts(tls: TlsSettings, host: string): readonly TlsAttempt[] {
  if (tls.mode === 'disable' || host.startsWith('/')) return [false]
  const options = tlsOptions(tls)
  if (tls.mode === 'allow') return [false, options]
  return tls.mode === 'prefer' ? [options, false] : [options]
}

function tlsOptions({ mode, rootCert, cert, key, keyPassphrase, minVersion }: TlsSettings): ConnectionOptions {
  const known = rootCert !== undefined
  // As libpq, which checks against a root certificate wherever one is found: "require" with one is "verify-ca".
  const verifies = mode === 'verify-full' || mode === 'verify-ca' || (mode === 'require' && known)
  return {
    rejectUnauthorized: verifies,
    ...(known && rootCert !== 'system' ? { ca: readFileSync(rootCert) } : {}),
    ...(mode === 'verify-full' || rootCert === 'system' ? {} : { checkServerIdentity: () => undefined }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
    ...(keyPassphrase === undefined ? {} : { passphrase: keyPassphrase }),
    ...(minVersion === undefined ? {} : { minVersion }),
  }
}
