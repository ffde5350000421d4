/** What Go's test program says of its tests, with `-test.v=test2json`. */

export interface TestResult {
  /** With the names of the tests that it is a part of: `TestLogin/parallel/GET_/login`. */
  readonly name: string
  readonly outcome: 'pass' | 'fail' | 'skip'
  readonly seconds: number
}

/** The mark stands before what the program itself says; a line of a test may stand before that, without its end. */
const RESULT = /\x16 *--- (PASS|FAIL|SKIP): (.+) \((\d+\.\d+)s\)$/

/** Undefined for a line of another kind. */
export const readResult = (line: string): TestResult | undefined => {
  const found = RESULT.exec(line)
  if (found === null) return undefined
  const [, word, name, seconds] = found
  return { name: name!, outcome: word!.toLowerCase() as TestResult['outcome'], seconds: Number(seconds) }
}
