/** Where our answers are not as the specification has them, and why. */

interface Deviation {
  /** `operationId` */
  readonly operation: string
  readonly status: number
  /** In what is said of the answer. */
  readonly problem: RegExp
  readonly why: string
}

export const deviations: readonly Deviation[] = []

/** The reason; undefined: there is none. */
export const deviationOf = (operation: string, status: number, problem: string): string | undefined =>
  deviations.find((one) => one.operation === operation && one.status === status && one.problem.test(problem))?.why
