/**
 * JSON that is text already: events lie in the database as text and are put into answers as they are, for parsing and
 * printing them again is most of what an answer of many events would cost.
 */

import { canonicalJson } from '../shared/matrix/json/canonical.ts'
import type { JsonValue } from '../shared/matrix/json/value.ts'

declare const isJson: unique symbol
/** The text of one JSON value. */
export type JsonText = string & { readonly [isJson]: true }

/** Text that is known to be JSON, as what the database holds. */
export const asJsonText = (text: string): JsonText => text as JsonText

/** Prints plain data. Integers beyond ±(2^53 − 1) are printed too; members that are undefined are not. */
export function jsonTextOf(value: unknown): JsonText {
  try {
    return JSON.stringify(value) as JsonText
  } catch (error) {
    // A bigint, which only comes from what was parsed; a cycle is thrown again.
    if (error instanceof TypeError && /BigInt/.test(error.message)) return canonicalJson(value as JsonValue) as JsonText
    throw error
  }
}

export const arrayText = (items: readonly JsonText[]): JsonText => `[${items.join()}]` as JsonText

/** Members that are undefined are left out. Keys are ours. */
export function objectText(members: Readonly<Record<string, JsonText | undefined>>): JsonText {
  let text = ''
  for (const key in members) {
    const member = members[key]
    if (member !== undefined) text += `${text === '' ? '{' : ','}${JSON.stringify(key)}:${member}`
  }
  return (text === '' ? '{}' : `${text}}`) as JsonText
}
