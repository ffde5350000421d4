/** How many of the suite's tests pass. A test that has parts is counted by its parts: by its leaves. */

import { needOf } from './needs.ts'
import type { TestResult } from './results.ts'

export interface Count {
  /** Names of leaves, sorted. */
  readonly passed: readonly string[]
  readonly failed: readonly string[]
  readonly skipped: readonly string[]
}

export const countLeaves = (results: readonly TestResult[]): Count => {
  const parents = new Set<string>()
  for (const { name } of results)
    for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) parents.add(name.slice(0, at))
  const leaves = (outcome: TestResult['outcome']) =>
    results
      .filter((result) => result.outcome === outcome && !parents.has(result.name))
      .map(({ name }) => name)
      .sort()
  return { passed: leaves('pass'), failed: leaves('fail'), skipped: leaves('skip') }
}

/** The failing leaves and the counts, as lines of text: of all, and of those that need nothing that is built later. */
export const tell = ({ passed, failed, skipped }: Count): string => {
  const own = (names: readonly string[]) => names.filter((name) => needOf(name) === undefined)
  const [passedHere, failedHere] = [own(passed).length, own(failed).length]
  const share = ((100 * passedHere) / Math.max(1, passedHere + failedHere)).toFixed(1)
  const needs = failed.filter((name) => needOf(name) !== undefined)
  return [
    '',
    'failed:',
    ...own(failed).map((name) => `  ${name}`),
    'failed, and need what is not built yet:',
    ...needs.map((name) => `  ${name}: ${needOf(name)}`),
    '',
    `${passed.length} leaves pass, ${failed.length} fail, ${skipped.length} are skipped.`,
    `Without those that need media, pushers or federation: ${passedHere} of ${passedHere + failedHere} pass (${share} %).`,
  ].join('\n')
}
