/**
 * The grammar of chunk extensions (RFC 9112 §7.1.1), byte by byte: `*( ";" name [ "=" ( token / quoted-string ) ] )`, with
 * white space where it is allowed. Nobody uses them, but a parser that reads them loosely and one that does not disagree
 * on where a chunk begins.
 */

import { CR, HTAB, NAME, SP, VALUE } from './grammar.ts'

const SEMICOLON = 0x3b
const EQUALS = 0x3d
const QUOTE = 0x22
const BACKSLASH = 0x5c

/** After a semicolon: where every extension begins. */
export const BEFORE_NAME = 0
const IN_NAME = 1
const AFTER_NAME = 2
const BEFORE_VALUE = 3
const IN_TOKEN = 4
const IN_QUOTES = 5
const ESCAPED = 6
const AFTER_VALUE = 7
/** The carriage return after the last extension was read. */
export const ENDED = 8
export const NOT_VALID = -1

/** The state after `byte` in `state`. */
export const extensionStep = (state: number, byte: number): number => {
  const blank = byte === SP || byte === HTAB
  switch (state) {
    case BEFORE_NAME:
      return blank ? BEFORE_NAME : NAME[byte] === 1 ? IN_NAME : NOT_VALID
    case IN_NAME:
      if (NAME[byte] === 1) return IN_NAME
      if (byte === CR) return ENDED
      return blank ? AFTER_NAME : afterName(byte)
    case AFTER_NAME:
      return blank ? AFTER_NAME : afterName(byte)
    case BEFORE_VALUE:
      if (blank) return BEFORE_VALUE
      return byte === QUOTE ? IN_QUOTES : NAME[byte] === 1 ? IN_TOKEN : NOT_VALID
    case IN_TOKEN:
      return NAME[byte] === 1 ? IN_TOKEN : afterValue(byte, blank)
    case IN_QUOTES:
      if (byte === QUOTE) return AFTER_VALUE
      if (byte === BACKSLASH) return ESCAPED
      return VALUE[byte] === 1 ? IN_QUOTES : NOT_VALID
    case ESCAPED:
      return VALUE[byte] === 1 ? IN_QUOTES : NOT_VALID
    case AFTER_VALUE:
      return afterValue(byte, blank)
    default:
      return NOT_VALID
  }
}

const afterName = (byte: number): number =>
  byte === EQUALS ? BEFORE_VALUE : byte === SEMICOLON ? BEFORE_NAME : NOT_VALID

const afterValue = (byte: number, blank: boolean): number =>
  blank ? AFTER_VALUE : byte === SEMICOLON ? BEFORE_NAME : byte === CR ? ENDED : NOT_VALID
