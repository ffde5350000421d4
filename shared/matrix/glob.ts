/**
 * Glob-style matching (appendices, "Glob-style matching"): `*` is any number of characters, `?` exactly one. No regular
 * expression is made of what a user wrote: pieces between stars are looked for from left to right and nothing is ever
 * tried twice, so a match costs at most text × pattern steps, and without `?` what `indexOf` costs.
 *
 * A character is a code point: `?` takes both halves of a surrogate pair.
 */
export interface Glob {
  /** What stands between the stars: `a*b` has two. Empty at the beginning and end only. */
  readonly pieces: readonly Piece[]
}

interface Piece {
  readonly text: string
  /** Whether there is a `?` in it that stands for a character. */
  readonly isWild: boolean
}

/** `*`: a question mark stands for itself, as in filters. */
export type Wildcards = '*?' | '*'

export function compileGlob(pattern: string, wildcards: Wildcards = '*?'): Glob {
  const texts = pattern.split('*')
  const last = texts.length - 1
  return {
    pieces: texts
      .filter((text, i) => text !== '' || i === 0 || i === last)
      .map((text) => ({ text, isWild: wildcards === '*?' && text.includes('?') })),
  }
}

/** The only text that matches, if the pattern has no wildcards. */
export const literalOf = ({ pieces }: Glob): string | undefined =>
  pieces.length === 1 && !pieces[0]!.isWild ? pieces[0]!.text : undefined

/** About how many steps a search takes at worst for each character of the text: for those who search for many patterns of strangers' making. */
export function searchCost({ pieces }: Glob): number {
  let length = 0
  for (const { text } of pieces) length += text.length
  if (pieces.some(({ isWild }) => isWild)) return length
  // `indexOf` leaps, or compares many at a time.
  return Math.max(1, length / 16)
}

/** Whether the whole of `text` matches. */
export function matchesWhole(glob: Glob, text: string): boolean {
  const { pieces } = glob
  const first = pieces[0]!
  let at = matchAt(first, text, 0)
  if (pieces.length === 1) return at === text.length
  const last = pieces.length - 1
  for (let i = 1; i < last && at !== -1; i++) at = findEnd(pieces[i]!, text, at)
  return at !== -1 && matchesAtEnd(pieces[last]!, text, at)
}

/**
 * Whether a part of `text` matches that starts and ends at a word boundary (client-server-api, "Push Rules", `event_match`
 * of `content.body`): the start or end of the text, or any character but `[A-Za-z0-9_]`, which may be the match's own
 * first or last one (`@room` is found in `x@room`, as by Synapse and ruma). `words` is the text whose characters decide
 * that, of the same length: the text before case folding.
 */
export function findsWord(glob: Glob, text: string, words: string = text): boolean {
  const { pieces } = glob
  const first = pieces[0]!
  const last = pieces.length - 1
  if (last === 0) {
    if (first.text === '') return true
    for (let start = find(first, text, 0); start !== -1; start = find(first, text, start + 1)) {
      if (startsWord(words, start) && endsWord(words, matchAt(first, text, start))) return true
    }
    return false
  }
  // What follows a star may lie anywhere behind it: the earliest place is the best one.
  let at = first.text === '' ? 0 : -1
  for (let start = find(first, text, 0); at === -1 && start !== -1; start = find(first, text, start + 1)) {
    if (startsWord(words, start)) at = matchAt(first, text, start)
  }
  for (let i = 1; i < last && at !== -1; i++) at = findEnd(pieces[i]!, text, at)
  if (at === -1) return false
  const end = pieces[last]!
  if (end.text === '') return true
  for (let start = find(end, text, at); start !== -1; start = find(end, text, start + 1)) {
    if (endsWord(words, matchAt(end, text, start))) return true
  }
  return false
}

/** {@link findsWord} of a text without wildcards. */
export function findsLiteralWord(literal: string, text: string, words: string = text): boolean {
  if (literal === '') return true
  for (let start = text.indexOf(literal); start !== -1; start = text.indexOf(literal, start + 1)) {
    if (startsWord(words, start) && endsWord(words, start + literal.length)) return true
  }
  return false
}

const startsWord = (text: string, at: number): boolean =>
  at === 0 || !isWordUnit(text.charCodeAt(at - 1)) || !isWordUnit(text.charCodeAt(at))
const endsWord = (text: string, end: number): boolean =>
  end === text.length || !isWordUnit(text.charCodeAt(end)) || !isWordUnit(text.charCodeAt(end - 1))

const isWordUnit = (unit: number): boolean =>
  (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x30 && unit <= 0x39) || unit === 0x5f

/** Where the piece's match at `start` ends; −1: it does not match there. */
function matchAt({ text: piece, isWild }: Piece, text: string, start: number): number {
  if (!isWild) return text.startsWith(piece, start) ? start + piece.length : -1
  let at = start
  for (let i = 0; i < piece.length; i++) {
    if (at >= text.length) return -1
    const wanted = piece.charCodeAt(i)
    const unit = text.charCodeAt(at++)
    if (wanted !== QUESTION_MARK) {
      if (unit !== wanted) return -1
    } else if ((unit & 0xfc00) === 0xd800 && isPair(text, at - 1)) at++
  }
  return at
}

/** Where the piece matches first, not before `from`; −1: nowhere. */
function find(piece: Piece, text: string, from: number): number {
  if (!piece.isWild) return text.indexOf(piece.text, from)
  for (let start = from; start < text.length; start++) {
    if (start > 0 && isPair(text, start - 1)) continue
    if (matchAt(piece, text, start) !== -1) return start
  }
  return -1
}

function findEnd(piece: Piece, text: string, from: number): number {
  const start = find(piece, text, from)
  return start === -1 ? -1 : matchAt(piece, text, start)
}

/** Whether the piece matches at the end of `text`, beginning at `from` or later. */
function matchesAtEnd(piece: Piece, text: string, from: number): boolean {
  if (!piece.isWild) return text.length - piece.text.length >= from && text.endsWith(piece.text)
  // A piece is as many characters as it matches: one place is left.
  let start = text.length
  for (const _ of piece.text) start -= start > 1 && isPair(text, start - 2) ? 2 : 1
  return start >= from && matchAt(piece, text, start) === text.length
}

const QUESTION_MARK = 0x3f

/** Whether a surrogate pair starts at `at`. */
const isPair = (text: string, at: number): boolean =>
  (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00
