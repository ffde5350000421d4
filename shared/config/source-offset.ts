/** Where in a YAML file a character of a scalar's value is written, so that a mistake inside a pattern is shown exactly. */

import type { Scalar } from 'yaml'

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  N: '\u0085',
  _: '\u00a0',
  L: '\u2028',
  P: '\u2029',
  ' ': ' ',
  '"': '"',
  '/': '/',
  '\\': '\\',
  '\t': '\t',
}
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

/** A value as rebuilt from its source: its text, and for each character of it the offset in the file. */
interface Rebuilt {
  readonly text: string
  readonly offsets: readonly number[]
}

const rebuilder = () => {
  let text = ''
  const offsets: number[] = []
  return {
    add: (characters: string, offset: number) => {
      text += characters
      for (let i = 0; i < characters.length; i++) offsets.push(offset)
    },
    /** Blanks before a line break are not part of a value. */
    trim: (least: number) => {
      while (text.length > least && /[ \t]/.test(text.at(-1)!)) {
        text = text.slice(0, -1)
        offsets.pop()
      }
    },
    get length() {
      return text.length
    },
    done: (): Rebuilt => ({ text, offsets }),
  }
}

/** Plain and quoted scalars: escapes, and lines that are folded into one. */
const rebuildFlow = (source: string, from: number, to: number, quoted: 'plain' | 'single' | 'double'): Rebuilt => {
  const out = rebuilder()
  let kept = 0 // escaped blanks before this are not trimmed
  for (let i = from; i < to; ) {
    const c = source[i]!
    if (c === '\n' || (c === '\r' && source[i + 1] === '\n')) {
      out.trim(kept)
      const start = i
      let breaks = 0
      for (; i < to && /[ \t\r\n]/.test(source[i]!); i++) if (source[i] === '\n') breaks++
      out.add(breaks === 1 ? ' ' : '\n'.repeat(breaks - 1), start)
      kept = out.length
    } else if (quoted === 'single' && c === "'") {
      out.add("'", i)
      i += 2
    } else if (quoted === 'double' && c === '\\') {
      const letter = source[i + 1] ?? ''
      const digits = HEX_DIGITS[letter]
      if (digits !== undefined) {
        const code = Number.parseInt(source.slice(i + 2, i + 2 + digits), 16)
        out.add(code <= 0x10ffff ? String.fromCodePoint(code) : '', i)
        i += 2 + digits
      } else if (letter === '\n' || letter === '\r') {
        // An escaped line break joins two lines without a space.
        i += 2
        while (i < to && /[ \t\r\n]/.test(source[i]!)) i++
      } else {
        out.add(ESCAPES[letter] ?? letter, i)
        i += 2
      }
      kept = out.length
    } else {
      out.add(c, i)
      i++
    }
  }
  return out.done()
}

/** Block scalars: the lines after the header without their indentation; folded ones join lines by a space. */
const rebuildBlock = (source: string, from: number, to: number, folded: boolean): Rebuilt => {
  const out = rebuilder()
  let at = source.indexOf('\n', from) + 1
  if (at === 0) return out.done()
  const explicit = /\d/.exec(source.slice(from, at))
  const indent = explicit ? undefined : /^(?:[ \t]*\r?\n)*( *)/.exec(source.slice(at, to))?.[1]?.length
  if (indent === undefined) return out.done()
  let first = true
  while (at < to) {
    let end = source.indexOf('\n', at)
    if (end === -1 || end > to) end = to
    const line = source.slice(at, end).replace(/\r$/, '')
    if (!first) out.add(folded ? ' ' : '\n', at - 1)
    first = false
    for (let i = indent; i < line.length; i++) out.add(line[i]!, at + i)
    at = end + 1
  }
  return out.done()
}

/**
 * The offset in `source` of character `offset` of the scalar's value. Where the value cannot be rebuilt from the source
 * (an unusual block scalar, say) the scalar's start: a place that is vague, never one that is wrong.
 */
export const sourceOffset = (source: string, scalar: Scalar, offset: number): number => {
  const [start, end] = scalar.range ?? [0, 0]
  const value = String(scalar.value)
  const rebuilt =
    scalar.type === 'QUOTE_SINGLE'
      ? rebuildFlow(source, start + 1, end - 1, 'single')
      : scalar.type === 'QUOTE_DOUBLE'
        ? rebuildFlow(source, start + 1, end - 1, 'double')
        : scalar.type === 'BLOCK_LITERAL' || scalar.type === 'BLOCK_FOLDED'
          ? rebuildBlock(source, start, end, scalar.type === 'BLOCK_FOLDED')
          : rebuildFlow(source, start, end, 'plain')
  const wanted = value.trimEnd()
  if (!rebuilt.text.startsWith(wanted)) return start
  if (offset < rebuilt.offsets.length) return rebuilt.offsets[offset]!
  const last = rebuilt.offsets.at(-1)
  return last === undefined ? start : last + 1
}
