/** What is typed to find a user, as Postgres is asked for it. */

import { indexedText } from '../storage/user-directory.ts'

export interface WordQueries {
  /** Each word, or what begins with it. */
  readonly query: string
  readonly exact: string
  readonly prefix: string
}

/** Of a text; more is not looked at. */
const MAX_LENGTH = 1_000
const MAX_WORDS = 10
const MAX_WORD_BYTES = 2046

const segmenter = new Intl.Segmenter('en', { granularity: 'word' })
const isWord = (text: string | undefined): text is string => text !== undefined && /^[\p{L}\p{N}\p{M}_]/u.test(text)

/**
 * Its words, by the rules of Unicode, as Synapse has them: a user ID falls into its parts, and what hyphens, dots and underscores
 * join stays together, with those before it (Postgres takes `user-71` apart in a way of its own).
 */
export function searchWords(text: string): readonly string[] {
  const indexed = indexedText(text.slice(0, MAX_LENGTH).replaceAll('\0', '').toWellFormed())
  const pieces = [...segmenter.segment(indexed)].flatMap(({ segment }) =>
    segment.split(/[@:]+/).map((piece) => piece.trim()),
  )
  const words: string[] = []
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i]!
    const next = pieces[i + 1]
    if (piece === '-' || piece === '.' || piece === '_') {
      if (!isWord(next)) continue
      const before = isWord(pieces[i - 1]) ? (words.pop() ?? '') : ''
      words.push(before + piece + next)
      i++
    } else if (isWord(piece)) words.push(piece)
  }
  return words.slice(0, MAX_WORDS)
}

/** All empty: nobody is found. */
export function wordQueries(text: string): WordQueries {
  const words = searchWords(text)
  // Postgres indexes no such word, and does not let itself be asked for one.
  if (words.some((word) => Buffer.byteLength(word) > MAX_WORD_BYTES)) return { query: '', exact: '', prefix: '' }
  const quoted = words.map((word) => `'${word.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`)
  return {
    query: quoted.map((word) => `(${word}:* | ${word})`).join(' & '),
    exact: quoted.join(' & '),
    prefix: quoted.map((word) => `${word}:*`).join(' & '),
  }
}
