import type { SynapseVersion } from './types.ts'

/** Is release `a` older than `b`? */
export const isBefore = (a: SynapseVersion, b: SynapseVersion): boolean => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1])
