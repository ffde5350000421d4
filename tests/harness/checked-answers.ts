/** Every answer of a homeserver held against the specification while tests ask for other things. */

import assert from 'node:assert/strict'
import { missingMaterial } from '../shared/material.ts'
import { type Asked, witnessAnswers } from './matrix-client.ts'
import { loadSpecification, type Operation, type Specification } from './openapi.ts'
import { deviationOf } from './spec-deviations.ts'

let loaded: Specification | undefined
export const specification = (): Specification => {
  loaded ??= loadSpecification()
  return loaded
}

export interface CheckedAnswers {
  /** Statuses of the answers so far, by `operationId`. */
  readonly called: ReadonlyMap<string, ReadonlySet<number>>
  readonly end: () => void
}

export interface CheckOptions {
  /** What is done about an answer that is not as specified (default: who asked gets an exception). */
  readonly onProblems?: (operation: Operation, asked: Asked, problems: readonly string[]) => void
}

/**
 * From now on each answer of the homeserver at `url` is checked. Where the specification is missing, nothing is: no operation
 * is known to be called then.
 */
export const checkAnswers = (url: string, { onProblems = fail }: CheckOptions = {}): CheckedAnswers => {
  const called = new Map<string, Set<number>>()
  if (missingMaterial) return { called, end: () => {} }
  const end = witnessAnswers((asked, { status, body }) => {
    if (asked.url !== url) return
    const operation = specification().operationOf(asked.method, asked.path, asked.body)
    // What is delayed (MSC4140) has no event yet.
    if (operation === undefined || asked.path.includes('org.matrix.msc4140.delay=')) return
    const statuses = called.get(operation.name) ?? new Set()
    called.set(operation.name, statuses.add(status))
    const problems = specification()
      .problemsIn(operation, status, body)
      .filter((problem) => deviationOf(operation.name, status, problem) === undefined)
    if (problems.length > 0) onProblems(operation, asked, [...problems, `in ${JSON.stringify(body).slice(0, 2_000)}`])
  })
  return { called, end }
}

const fail = ({ name }: Operation, { method, path }: Asked, problems: readonly string[]): never =>
  assert.fail([`${method} ${path}: not as specified of ${name}:`, ...problems].join('\n  '))
