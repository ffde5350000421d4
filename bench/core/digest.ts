import { hash } from 'node:crypto'

/** Of results in their order: equal on both sides if the results are. */
export const digest = (results: readonly string[]): string => hash('sha256', results.join('\n'))
