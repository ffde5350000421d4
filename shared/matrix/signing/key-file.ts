import type { KeyId } from '../ids.ts'
import { accepted, type Result, refused } from '../result.ts'
import { readSigningKey, type SigningKey, seedOf } from './ed25519.ts'

/**
 * The keys of a `signing.key` file as Synapse writes it: a line `ed25519 a_AbCd base64` each, for the key `ed25519:a_AbCd`
 * of that seed. A server signs with the first. Reasons name the line, never the seed.
 */
export function readKeyFile(text: string): Result<readonly SigningKey[]> {
  const keys: SigningKey[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.trim().split(/\s+/)
    if (words[0] === '') continue
    const [algorithm, version, seed] = words
    if (words.length !== 3) return refused(`line ${index + 1}: expected 'ed25519 <version> <seed in base64>'`)
    const key = readSigningKey(`${algorithm}:${version}` as KeyId, seed!)
    if (!key.ok) return refused(`line ${index + 1}: ${key.reason}`)
    keys.push(key.value)
  }
  return keys.length === 0 ? refused('no key in the file') : accepted(keys)
}

/** The text of such a file: a secret. */
export const printKeyFile = (keys: readonly SigningKey[]): string =>
  keys.map((key) => `ed25519 ${key.keyId.slice('ed25519:'.length)} ${seedOf(key)}\n`).join('')
