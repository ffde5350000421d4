/** Access and refresh tokens, in Synapse's form: `syt_<localpart in base64>_<20 letters>_<checksum>`. */

import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { localpartOf, type UserId } from '../../shared/matrix/ids.ts'

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Of a secure source: 5.7 bits a letter. */
export const randomLetters = (count: number): string =>
  Array.from({ length: count }, () => LETTERS[randomInt(LETTERS.length)]).join('')

/** Six digits in base 62. Says of a string that it was meant to be a token; it does not prove anything. */
export function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (; rest > 0; rest = Math.floor(rest / 62)) digits = BASE62[rest % 62] + digits
  return digits.padStart(6, '0')
}

function make(prefix: 'syt' | 'syr', userId: UserId): string {
  const localpart = Buffer.from(localpartOf(userId)).toString('base64').replace(/=+$/, '')
  const text = `${prefix}_${localpart}_${randomLetters(20)}`
  return `${text}_${checksum(text)}`
}

export const makeAccessToken = (userId: UserId): string => make('syt', userId)
export const makeRefreshToken = (userId: UserId): string => make('syr', userId)

/** As Synapse makes them, too: for one log-in. */
export function makeLoginToken(): string {
  const text = `syl_${randomLetters(20)}`
  return `${text}_${checksum(text)}`
}

/** Whether it can be a refresh token: others need not be looked for. */
export function isRefreshTokenForm(token: string): boolean {
  const parts = token.split('_')
  if (parts.length !== 4 || parts[0] !== 'syr') return false
  return parts[3] === checksum(parts.slice(0, 3).join('_'))
}

/** As Synapse makes them: ten capital letters. */
export const makeDeviceId = (): string => randomLetters(10).toUpperCase()
