/**
 * Plain scalars as PyYAML resolves them, with which Synapse reads its files. YAML 1.1 has more than PyYAML does, and our
 * parser has all of it: to PyYAML `y` is a letter, and `1e6` and `0o666` are texts.
 */

import type { ScalarTag } from 'yaml'

type Scalar = readonly [
  type: string,
  pattern: RegExp,
  value: (text: string) => unknown,
  is: (value: unknown) => boolean,
]

const sexagesimal = (text: string): number => {
  const sign = text.startsWith('-') ? -1 : 1
  return (
    sign *
    text
      .replace(/^[-+]/, '')
      .split(':')
      .reduce((sum, part) => sum * 60 + Number(part), 0)
  )
}

const integer = (text: string): number => {
  const digits = text.replaceAll('_', '')
  if (digits.includes(':')) return sexagesimal(digits)
  const [, sign, rest] = /^([-+]?)(.*)$/.exec(digits)!
  const base = /^0[0-7]+$/.test(rest!) ? Number.parseInt(rest!, 8) : Number(rest) // Number reads 0b and 0x
  return sign === '-' && base !== 0 ? -base : base
}

const float = (text: string): number => {
  const digits = text.replaceAll('_', '').toLowerCase()
  if (digits.endsWith('.nan')) return Number.NaN
  if (digits.endsWith('.inf')) return digits.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return digits.includes(':') ? sexagesimal(digits) : Number(digits)
}

const TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/
const FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/
const FLOAT =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/
const INTEGER =
  /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/

const isBoolean = (value: unknown) => typeof value === 'boolean'
const isNumber = (value: unknown) => typeof value === 'number'

const SCALARS: readonly Scalar[] = [
  ['bool', TRUE, () => true, isBoolean],
  ['bool', FALSE, () => false, isBoolean],
  ['int', INTEGER, integer, isNumber],
  ['float', FLOAT, float, isNumber],
]
const REPLACED = new Set(SCALARS.map(([type]) => `tag:yaml.org,2002:${type}`))

/** For the parser's `customTags`: its own tags, but PyYAML's reading of booleans and numbers. */
export const pythonTags = <T extends { readonly tag: string } | string>(tags: readonly T[]): (T | ScalarTag)[] => [
  ...tags.filter((tag) => typeof tag === 'string' || !REPLACED.has(tag.tag)),
  ...SCALARS.map(
    ([type, test, resolve, identify]): ScalarTag => ({
      tag: `tag:yaml.org,2002:${type}`,
      default: true,
      test,
      resolve,
      identify,
    }),
  ),
]
