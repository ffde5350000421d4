import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** A certificate for a name and its key, as files in `folder`, over those that are there; signed by itself. */
export const selfSigned = (
  folder: string,
  name = 'localhost',
): { readonly certificate: string; readonly key: string } => {
  const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key]
  const subject = ['-subj', `/CN=${name}`, '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...made, '-out', certificate, ...subject], { stdio: 'ignore' })
  return { certificate, key }
}
