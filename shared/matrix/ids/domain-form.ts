import { type Refused, refused } from '../result.ts'
import { isServerName } from './server-name.ts'

/** Appendices, "Identifier Grammar": no identifier is longer, sigil and domain included. */
export const maxIdBytes = 255

export const isTooLong = (text: string): boolean =>
  text.length > maxIdBytes || (text.length * 3 > maxIdBytes && Buffer.byteLength(text) > maxIdBytes)

/**
 * Why `text` is not `&localpart:domain` of at most 255 bytes (appendices, "Common Identifier Format"), if so. The localpart may
 * be empty, and hold any code points but `:`, NUL and lone surrogates: what is common to user IDs that exist, room IDs,
 * aliases and the event IDs of rooms/v1. `noun` begins the reason.
 */
export function checkDomainForm(text: string, sigil: string, noun: string): Refused | undefined {
  if (text[0] !== sigil) return refused(`${noun} does not start with '${sigil}'`)
  if (isTooLong(text)) return refused(`${noun} is longer than ${maxIdBytes} bytes`)
  const colon = text.indexOf(':')
  if (colon === -1) return refused(`${noun} has no ':'`)
  if (text.includes('\0')) return refused(`${noun} holds a NUL`)
  if (!text.isWellFormed()) return refused(`${noun} holds a lone surrogate`)
  if (!isServerName(text.slice(colon + 1))) return refused(`${noun} has no valid server name after ':'`)
  return undefined
}
