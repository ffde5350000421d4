/** Holds an oracle's answer against ours. */

import type { Answer, Question } from './question.ts'

export interface Difference {
  readonly oracle: string
  readonly version: string
  /** Of the answer: `states`, `resolved` … */
  readonly part: keyof Answer
  readonly index: number
  readonly ours: unknown
  readonly theirs: unknown
}

/** Reasons differ in words: only whether there is one counts. */
const VERDICTS = ['formats', 'receipts', 'states'] as const
const VALUES = ['ids', 'contentHashes', 'redacted', 'signatures', 'resolved'] as const

export const differences = (
  oracle: string,
  question: Question,
  ours: Required<Omit<Answer, 'unread'>>,
  theirs: Answer,
): Difference[] => {
  const found: Difference[] = []
  const compare = (part: (typeof VERDICTS | typeof VALUES)[number], equal: (a: unknown, b: unknown) => boolean) => {
    theirs[part]?.forEach((their, index) => {
      const our = ours[part][index]
      if (!equal(our, their)) found.push({ oracle, version: question.version, part, index, ours: our, theirs: their })
    })
  }
  for (const part of VERDICTS) compare(part, (a, b) => (a === null) === (b === null))
  for (const part of VALUES) compare(part, (a, b) => (part === 'resolved' && b === null) || same(a, b))
  return found
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    : value
