/** The file with the key that the server signs with, made at the first start of its main process. */

import { randomBytes } from 'node:crypto'
import { linkSync, rmSync, writeFileSync } from 'node:fs'
import { encodeBase64 } from '../shared/matrix/base64.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A new key's line, as Synapse writes it: `ed25519 a_AbCd <seed>`. */
export function newKeyFile(): string {
  const bytes = randomBytes(4)
  const name = Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('')
  return `ed25519 a_${name} ${encodeBase64(randomBytes(32))}\n`
}

/** Writes a new key to `path`, for the owner alone to read. A file that is there stays. Throws the system's error. */
export function makeSigningKey(path: string): void {
  // Whole or not at all: workers that start meanwhile look for it.
  const temporary = `${path}.${process.pid}.new`
  writeFileSync(temporary, newKeyFile(), { mode: 0o600, flag: 'wx' })
  try {
    linkSync(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(temporary)
  }
}
