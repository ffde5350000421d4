import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** A certificate for localhost and its key, as files in `folder`; signed by itself. */
export const selfSigned = (folder: string): { readonly certificate: string; readonly key: string } => {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const subject = ['-subj', '/CN=localhost', '-days', '2']
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, '-keyout', key, '-out', certificate],
    { stdio: 'ignore' },
  )
  return { certificate, key }
}
