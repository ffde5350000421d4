import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** A certificate of its own for a name, written into the folder, over one that is there. Undefined: there is no openssl. */
export function selfSigned(
  folder: string,
  name: string,
): { readonly certificateFile: string; readonly keyFile: string } | undefined {
  const [certificateFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
  const { status } = spawnSync('openssl', ['req', '-x509', ...key, '-out', certificateFile, '-subj', `/CN=${name}`])
  return status === 0 ? { certificateFile, keyFile } : undefined
}
