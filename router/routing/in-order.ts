/**
 * What a table means, said as plainly as can be: the regular expressions tried in order. The trie is tested against it,
 * and `router explain` shows what it says of each rule.
 */

import type { When } from '../config/types.ts'
import { methodBit, methodMask } from './method.ts'
import type { Rule } from './rule.ts'

/**
 * A pattern as JavaScript's own regular expression. Groups lose their names (JavaScript has no `(?P<…>`, and refuses a
 * name used twice), and `.` matches every byte.
 */
export const toRegExp = (match: string): RegExp =>
  new RegExp(
    match.replace(/\\.|\[\^?(?:\\.|[^\]\\])*\]|\(\?P?<\w+>/gs, (part) => (part.startsWith('(?') ? '(' : part)),
    's',
  )

const regExps = new WeakMap<Rule, RegExp>()

/** Does `rule` take the request? `path` and `query` are raw, one character per byte, without the `?` between them. */
export const matches = (rule: Rule, path: string, query: string, method: string): boolean => {
  if ((methodMask(rule.methods) & methodBit(method)) === 0) return false
  let regExp = regExps.get(rule)
  if (regExp === undefined) {
    regExp = toRegExp(rule.match)
    regExps.set(rule, regExp)
  }
  return regExp.test(path) && (rule.when === undefined || conditionHolds(rule.when, query))
}

/** The index of the first of `rules` that takes the request, or -1. */
export const matchInOrder = (rules: readonly Rule[], path: string, query: string, method: string): number =>
  rules.findIndex((rule) => matches(rule, path, query, method))

const conditionHolds = (when: When, query: string): boolean => {
  const args = parseQuery(query)
  if (when.initialSync !== undefined) {
    const initial = !args.get('since') || args.get('full_state') === 'true'
    if (initial !== when.initialSync) return false
  }
  return Object.entries(when.query ?? {}).every(([name, wanted]) => {
    const value = args.get(utf8AsLatin1(name)) ?? ''
    return typeof wanted === 'boolean' ? wanted === (value !== '') : value === utf8AsLatin1(wanted)
  })
}

/** The first value of each argument, decoded, as Twisted's `parse_qs` does: one character per byte. */
const parseQuery = (query: string): Map<string, string> => {
  const decode = (text: string) =>
    text
      .replaceAll('+', ' ')
      .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const args = new Map<string, string>()
  for (const argument of query.split(/[&;]/)) {
    const equals = argument.indexOf('=')
    if (equals < 0) continue
    const name = decode(argument.slice(0, equals))
    if (!args.has(name)) args.set(name, decode(argument.slice(equals + 1)))
  }
  return args
}

const utf8AsLatin1 = (text: string): string => Buffer.from(text).toString('latin1')
