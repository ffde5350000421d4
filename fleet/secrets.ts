/** Secrets of a deployment: made once, each in a file that only its owner reads. */

import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of files. */
export interface Secrets {
  readonly registration: string
  readonly replication: string
  readonly macaroon: string
  readonly form: string
}

/** Those in `folder`, which are made where they are missing. */
export const makeSecrets = (folder: string): Secrets => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const secret = (name: string): string => {
    const file = join(folder, name)
    try {
      writeFileSync(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    return file
  }
  return {
    registration: secret('registration_shared_secret'),
    replication: secret('worker_replication_secret'),
    macaroon: secret('macaroon_secret_key'),
    form: secret('form_secret'),
  }
}
